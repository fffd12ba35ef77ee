import json
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from tests.support.markets import betpawa, betpawa_row, observation, sportybet
from worker.cli.main import app

GOOD = observation(
    "sportybet", [sportybet("29", prices={"Yes": "1.7"}), sportybet("800117", "variant=x", "Props")]
)


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
    assert "1 records, 1 without fault" in result.stdout
    assert "800117 Props" in result.stdout


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
    assert "3 records, 2 without fault, 1 faults" in result.stdout


def test_one_document_over_many_lines_is_read_as_one() -> None:
    result = run(feed=json.dumps(json.loads(GOOD), indent=2).encode())
    assert result.exit_code == 0
    assert "1 records, 1 without fault" in result.stdout


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
    assert [miss["external_market_id"] for miss in first["unknown"]] == ["800117"]
    assert last["summary"]["unknown"] == {"800117 Props": 2}


def test_nothing_at_all_is_not_valid() -> None:
    assert run(feed=b"\n\n").exit_code == 1


def test_an_observation_from_the_future_is_a_fault_by_this_machine_s_clock() -> None:
    ahead = datetime.now(UTC) + timedelta(hours=1)
    feed = changed(observed_at=ahead.isoformat())
    assert faults(feed) == [("observed_at", "OBSERVED_IN_FUTURE")]
    assert run("--max-clock-ahead-s", "7200", feed=feed).exit_code == 0
    assert run("--max-clock-ahead-s", "0", feed=feed).exit_code == 0
