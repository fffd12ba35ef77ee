import gzip
import json
import zlib
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.support.hostile.fields import GOOD_MARKETS
from tests.support.markets import betpawa, betpawa_row, observation, sportybet
from tests.unit.schemas.test_raw_reply import BET9JA, BETPAWA, SPORTYBET
from worker.cli.main import app
from worker.domain.books.platforms import PLATFORMS
from worker.operations.payloads.mistakes import MISTAKE_CODES

REPLIES: dict[str, Any] = {"sportybet": SPORTYBET, "betpawa": BETPAWA, "bet9ja": BET9JA}

GOOD = observation(
    "sportybet", [sportybet("29", prices={"Yes": "1.7"}), sportybet("830101", "variant=x", "Props")]
)


def test_the_page_for_scraper_teams_has_every_mistake() -> None:
    page = (Path(__file__).parents[4] / "docs" / "scrapers.md").read_text(encoding="utf-8")
    _, _, table = page.partition("| `mistake` | what was sent | what to do |\n|---|---|---|\n")
    rows = table.partition("\n\n")[0].splitlines()
    assert sorted(row.split("`")[1] for row in rows) == sorted(MISTAKE_CODES)


def run(*arguments: str, feed: bytes) -> Result:
    return CliRunner().invoke(
        app, ["validate", "-", *arguments], input=feed, env={"COLUMNS": "200"}
    )


def faults(feed: bytes) -> list[tuple[str | None, str]]:
    """Field and code of every fault of the first record."""
    result = run("--json", feed=feed)
    assert result.exit_code == 1
    report = json.loads(result.stdout.splitlines()[0])
    return [(fault["field"], fault["code"]) for fault in report["faults"]]


def changed(**fields: Any) -> bytes:
    return json.dumps(json.loads(GOOD) | fields).encode()


def test_a_good_payload_passes_and_its_unknown_markets_are_no_fault() -> None:
    result = run(feed=GOOD)
    assert result.exit_code == 0
    assert "1 observation without fault" in result.stdout
    assert "830101 Props" in result.stdout


@pytest.mark.parametrize("schema_id", [7, 10, 0x0A0A0D0A, 0x7B0A5B0A])
def test_records_in_the_wire_format_of_a_schema_registry_are_told_like_bare_ones(
    schema_id: int,
) -> None:
    prefix = b"\x00" + schema_id.to_bytes(4, "big")
    bare = [GOOD, changed(observed_at="yesterday"), GOOD]
    framed = b"\n".join(prefix + one for one in bare)
    assert run("--json", feed=framed).stdout == run("--json", feed=b"\n".join(bare)).stdout


def test_one_document_over_many_lines_may_be_in_the_wire_format() -> None:
    document = json.dumps(json.loads(GOOD), indent=2).encode()
    assert run(feed=b"\x00\x00\x00\x00\x0a" + document).exit_code == 0


def test_each_wrong_field_of_the_envelope_is_named() -> None:
    wrong = changed(observed_at="yesterday", event={"id": 5, "sportradar_id": "x1"})
    assert faults(wrong) == [
        ("observed_at", "INVALID_FIELD"),
        ("event.id", "INVALID_FIELD"),
        ("event.sportradar_id", "INVALID_FIELD"),
    ]


def test_a_missing_field_is_named() -> None:
    document = json.loads(GOOD)
    del document["observed_at"]
    assert faults(json.dumps(document).encode()) == [("observed_at", "INVALID_FIELD")]


def test_markets_in_another_platform_s_form_are_named() -> None:
    assert faults(changed(markets={"S_1X2_1": "2"})) == [("markets", "WRONG_SHAPE")]


def test_a_platform_that_is_none_of_the_three_is_named() -> None:
    assert [code for _, code in faults(changed(platform="betway"))] == ["UNSUPPORTED_PLATFORM"]


def test_an_entry_that_cannot_be_read_is_named_by_its_place() -> None:
    feed = observation("sportybet", [sportybet("29", prices={"Yes": "1.7"}), {"id": [18]}, "x"])
    assert faults(feed) == [
        ("markets[1]", "INVALID_KEY_FORMAT"),
        ("markets[2]", "INVALID_KEY_FORMAT"),
    ]


def test_rejected_odds_and_lines_are_named_by_their_place() -> None:
    rows = [
        betpawa("5000", betpawa_row(10, Over=0.5), betpawa_row(None, Over=1.5)),
        betpawa("3795"),
    ]
    assert faults(observation("betpawa", rows)) == [
        ("markets[0]", "INVALID_SPECIFIER"),
        ("markets[0]", "INVALID_ODDS"),
    ]


def test_entries_that_contradict_each_other_are_named() -> None:
    rows = [sportybet("29", prices={"Yes": odds}) for odds in ("1.7", "1.8")]
    assert faults(observation("sportybet", rows)) == [("markets", "INVALID_ODDS")]


def test_a_key_of_bet9ja_that_cannot_be_read_is_shown() -> None:
    feed = observation("bet9ja", {"S_1X2_1": "2.4", "s_1x2_X": "3"})
    assert faults(feed) == [("markets", "INVALID_KEY_FORMAT")]
    assert "s_1x2_X" in run(feed=feed).stdout


def test_a_record_that_is_no_json_is_named_by_its_line() -> None:
    result = run(feed=GOOD + b"\nnonsense\n" + GOOD)
    assert result.exit_code == 1
    assert "line 2" in result.stdout
    assert "3 observations: 2 without fault, 1 fault in the other" in result.stdout


def test_one_document_over_many_lines_is_read_as_one() -> None:
    result = run(feed=json.dumps(json.loads(GOOD), indent=2).encode())
    assert result.exit_code == 0
    assert "1 observation without fault" in result.stdout


def test_a_document_that_breaks_off_is_one_fault() -> None:
    broken = json.dumps(json.loads(GOOD), indent=2).encode()[:-5]
    assert [code for _, code in faults(broken)] == ["INVALID_JSON"]


def test_json_gives_a_line_for_each_record_and_the_summary_last() -> None:
    result = run("--json", feed=GOOD + b"\n" + GOOD)
    first, second, last = (json.loads(line) for line in result.stdout.splitlines())
    assert (first["line_number"], second["line_number"]) == (1, 2)
    assert (first["platform"], first["event_id"], first["resolved"], first["faults"]) == (
        "sportybet",
        "e1",
        1,
        [],
    )
    assert [miss["external_market_id"] for miss in first["unknown"]] == ["830101"]
    assert last["summary"]["unknown"] == {"830101 Props": 2}


def test_nothing_at_all_is_not_valid() -> None:
    assert run(feed=b"\n\n").exit_code == 1


def test_an_observation_from_the_future_is_a_fault_by_this_machine_s_clock() -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    feed = changed(observed_at=ahead.isoformat())
    assert faults(feed) == [("observed_at", "OBSERVED_IN_FUTURE")]
    assert run("--max-clock-ahead-s", "7200", feed=feed).exit_code == 0
    assert run("--max-clock-ahead-s", "0", feed=feed).exit_code == 0


def taught(feed: bytes) -> list[tuple[str | None, str | None, Any]]:
    """Field, mistake and fix of every fault of the first record; exit code 1, also with people's output."""
    shown = run(feed=feed)
    assert shown.exit_code == 1
    report = json.loads(run("--json", feed=feed).stdout.splitlines()[0])
    for fault in report["faults"]:
        assert "dict" not in fault["detail"]
        assert fault["fix"] is None or fault["fix"] in shown.stdout
    return [(fault["field"], fault["mistake"], fault["fix"]) for fault in report["faults"]]


def renamed(old: str, new: str) -> bytes:
    return GOOD.replace(f'"{old}"'.encode(), f'"{new}"'.encode(), 1)


@pytest.mark.parametrize("platform", ["sportybet", "betpawa", "bet9ja"])
def test_a_bookmaker_s_own_reply_is_recognised(platform: str) -> None:
    ((field, mistake, fix),) = taught(json.dumps(REPLIES[platform]).encode())
    assert (field, mistake) == (None, "RAW_REPLY")
    assert f"marketmap wrap FILE, or observation_from_{platform} of the client kit" in fix


@pytest.mark.parametrize("part", [("sportybet", "data"), ("bet9ja", "D")], ids=str)
def test_a_part_of_a_reply_is_recognised(part: tuple[str, str]) -> None:
    platform, name = part
    ((_, mistake, fix),) = taught(json.dumps(REPLIES[platform][name]).encode())
    assert mistake == "RAW_REPLY"
    assert fix.startswith("keep the whole reply and wrap it")


def test_a_reply_without_an_event_is_not_to_be_published() -> None:
    feed = json.dumps({"bizCode": 19000, "message": "Event not found", "data": None}).encode()
    assert taught(feed) == [(None, "RAW_REPLY", "do not publish it")]
    assert "Event not found" in run(feed=feed).stdout


def test_an_observation_that_was_encoded_twice_is_recognised() -> None:
    ((field, mistake, fix),) = taught(json.dumps(GOOD.decode()).encode())
    assert (field, mistake) == (None, "ENCODED_TWICE")
    assert fix.startswith("encode the observation once")


@pytest.mark.parametrize(
    "compressed", [gzip.compress(GOOD), zlib.compress(GOOD), b"\x28\xb5\x2f\xfd\x00\n\x01"], ids=len
)
def test_a_compressed_file_is_one_fault(compressed: bytes) -> None:
    ((field, mistake, fix),) = taught(compressed)
    assert (field, mistake) == (None, "COMPRESSED")
    assert fix.startswith("send plain JSON and let the producer compress")
    summary = json.loads(run("--json", feed=compressed).stdout.splitlines()[-1])
    assert summary["summary"]["records"] == 1


@pytest.mark.parametrize("indent", [None, 2])
def test_a_list_of_observations_is_recognised(indent: int | None) -> None:
    feed = json.dumps([json.loads(GOOD)] * 3, indent=indent).encode()
    ((field, mistake, fix),) = taught(feed)
    assert (field, mistake) == (None, "LIST_OF_OBSERVATIONS")
    assert "jq -c '.[]' FILE" in fix


@pytest.mark.parametrize(
    ("old", "new", "field"),
    [
        ("observed_at", "observedAt", "observed_at"),
        ("observed_at", "ObservedAt", "observed_at"),
        ("observed_at", "observed-at", "observed_at"),
        ("observed_at", "obseved_at", "observed_at"),
        ("observed_at", "timestamp", "observed_at"),
        ("platform", "bookmaker", "platform"),
        ("markets", "market", "markets"),
        ("event", "Event", "event"),
        ("id", "eventId", "event.id"),
    ],
)
def test_a_misspelt_field_is_recognised(old: str, new: str, field: str) -> None:
    meant = field.rpartition(".")[2]
    assert taught(renamed(old, new)) == [
        (field, "MISSPELT_FIELD", f'did you mean "{meant}"? Rename "{new}"')
    ]


def test_a_misspelt_field_that_may_be_absent_is_a_fault_all_the_same() -> None:
    feed = changed(scrapeId="s1")
    assert faults(feed) == [("scrape_id", "MISSPELT_FIELD")]
    wrong_twice = changed(scrapeId="s1", observed_at="yesterday")
    assert [field for field, _ in faults(wrong_twice)] == ["observed_at", "scrape_id"]


@pytest.mark.parametrize("name", ["source_host", "retries", "proxy", "x" * 1000, "", "_", "-"])
def test_a_field_of_the_sender_s_own_is_no_fault(name: str) -> None:
    assert run(feed=changed(**{name: 1})).exit_code == 0


def test_a_field_of_the_event_that_is_next_to_it_is_recognised() -> None:
    document = json.loads(GOOD)
    document["home"] = document["event"].pop("home", "Wuhan")
    feed = json.dumps(document).encode()
    assert taught(feed) == [
        ("event.home", "MISPLACED_FIELD", 'put it there: "event": {"home": ...}')
    ]


@pytest.mark.parametrize(
    ("value", "written"),
    [
        (1795348800120, "2026-11-22T12:00:00.120000Z"),
        ("1795348800120", "2026-11-22T12:00:00.120000Z"),
        (1795348800, "2026-11-22T12:00:00Z"),
        (1795348800.5, "2026-11-22T12:00:00.500000Z"),
        (1795348800120000, "2026-11-22T12:00:00.120000Z"),
    ],
)
def test_an_epoch_is_shown_as_the_time_that_it_is(value: object, written: str) -> None:
    assert taught(changed(observed_at=value)) == [
        ("observed_at", "EPOCH_TIME", f'write "{written}"')
    ]


@pytest.mark.parametrize(
    "value", [True, 5, -1795348800120, "99999999999999", "9" * 400, 10**30, 1e300]
)
def test_a_number_that_is_no_time_is_only_refused(value: object) -> None:
    assert taught(changed(observed_at=value)) == [("observed_at", None, None)]


def test_a_time_without_an_offset_is_shown_with_one() -> None:
    ((field, mistake, fix),) = taught(changed(observed_at="2026-11-22T12:00:00"))
    assert (field, mistake) == ("observed_at", "TIME_WITHOUT_OFFSET")
    assert 'write "2026-11-22T12:00:00Z" if it is UTC' in fix


def test_an_id_that_is_a_number_is_shown_as_a_text() -> None:
    assert taught(changed(event={"id": 5})) == [("event.id", "NUMBER_NOT_TEXT", 'write "5"')]


@pytest.mark.parametrize(
    ("written", "fix"),
    [
        ("SportyBet", 'did you mean "sportybet"?'),
        ("sporty-bet", 'did you mean "sportybet"?'),
        ("sportbet", 'did you mean "sportybet"?'),
    ],
)
def test_a_platform_that_is_written_in_another_way_is_recognised(written: str, fix: str) -> None:
    feed = observation("sportybet", []).replace(b'"sportybet"', f'"{written}"'.encode())
    assert taught(feed) == [("platform", "UNKNOWN_PLATFORM", fix)]


def test_a_platform_that_nobody_knows_is_answered_with_the_known_ones() -> None:
    feed = observation("sportybet", []).replace(b'"sportybet"', b'"x"')
    assert taught(feed) == [
        ("platform", "UNKNOWN_PLATFORM", "write one of betpawa, sportybet, bet9ja")
    ]


@pytest.mark.parametrize(
    ("named", "form"), [(a, b) for a in GOOD_MARKETS for b in GOOD_MARKETS if a != b], ids=str
)
def test_a_swapped_platform_is_one_fault_that_names_the_other(named: Any, form: Any) -> None:
    feed = json.dumps(json.loads(observation(form, GOOD_MARKETS[form])) | {"platform": named})
    ((field, mistake, fix),) = taught(feed.encode())
    assert mistake == "SWAPPED_PLATFORM"
    assert field in {"platform", "markets"}
    assert f'write "platform": "{form}"' in fix


@pytest.mark.parametrize(
    "key", ["S_1X2_1", "LIVES_1X2_1", "B_12_1", "LIVEB_OUOT@159.5_O", "T_12_1"]
)
def test_the_form_of_bet9ja_is_recognised_in_every_sport(key: str) -> None:
    document = json.loads(observation("bet9ja", {key: "1.5"})) | {"platform": "sportybet"}
    ((_, mistake, fix),) = taught(json.dumps(document).encode())
    assert (mistake, 'write "platform": "bet9ja"' in fix) == ("SWAPPED_PLATFORM", True)


def test_a_missing_field_is_said_to_be_missing() -> None:
    document = json.loads(GOOD)
    del document["markets"]
    report = json.loads(run("--json", feed=json.dumps(document).encode()).stdout.splitlines()[0])
    assert [fault["detail"] for fault in report["faults"]] == ["is missing"]


@pytest.mark.parametrize("platform", PLATFORMS)
def test_no_good_payload_is_taught_anything(platform: Any) -> None:
    assert run(feed=observation(platform, GOOD_MARKETS[platform])).exit_code == 0
