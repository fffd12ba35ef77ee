import json
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner, Result

from schemas import ResolvedEvent
from tests.support.markets import CATALOGUE, observation, sportybet
from tests.unit.schemas.test_raw_reply import SPORTYBET
from worker.cli.main import app
from worker.domain.catalogue import dump_catalogue
from worker.operations.payloads.resolve import split_market

OVER_UNDER = [sportybet("18", "total=2.5", prices={"Over 2.5": "1.98", "Under 3.5": "1.8"})]
GOOD = observation("sportybet", OVER_UNDER)
BET9JA = observation("bet9ja", {"S_OU@2.5_O": "1.9", "S_1X2": "2"})


def run(*arguments: str, feed: bytes = b"", **environment: str) -> Result:
    return CliRunner().invoke(
        app, ["resolve", *arguments], input=feed, env={"COLUMNS": "200", **environment}
    )


def lines(result: Result) -> list[dict[str, Any]]:
    return [json.loads(line) for line in result.stdout.splitlines()]


def test_each_observation_gives_one_resolved_event_in_order() -> None:
    result = run("-", feed=GOOD + b"\n" + BET9JA + b"\n")
    assert result.exit_code == 0
    events = [ResolvedEvent.model_validate_json(json.dumps(line)) for line in lines(result)]
    assert [event.platform for event in events] == ["sportybet", "bet9ja"]
    assert [market.canonical_id for event in events for market in event.markets] == [
        "over_under_ft"
    ] * 2


def test_a_bookmaker_s_own_reply_is_refused_with_what_to_do() -> None:
    result = run("-", feed=json.dumps(SPORTYBET).encode())
    assert result.exit_code == 1
    ((error,),) = [one.values() for one in lines(result)]
    assert error["detail"] == "this is SportyBet's own reply, not an observation"
    assert "marketmap wrap FILE" in error["fix"]


def test_a_record_that_cannot_be_read_gives_its_error_in_its_place() -> None:
    result = run("-", feed=b"\n".join([GOOD, b"nonsense", b"", b"[1]", GOOD]))
    assert result.exit_code == 1
    first, *errors, last = lines(result)
    assert "markets" in first
    assert "markets" in last
    assert [(one["error"]["reason"], one["error"]["line_number"]) for one in errors] == [
        ("INVALID_JSON", 2),
        ("NOT_AN_OBJECT", 4),
    ]


FUTURE = json.dumps(json.loads(GOOD) | {"observed_at": "2099-01-01T00:00:00Z"}).encode()


def test_what_the_clock_guard_of_a_worker_refuses_now_is_refused_here() -> None:
    result = run("-", feed=GOOD + b"\n" + FUTURE)
    assert result.exit_code == 1
    resolved, refused = lines(result)
    assert "markets" in resolved
    assert refused["error"]["reason"] == "OBSERVED_IN_FUTURE"
    assert run("-", "--max-clock-ahead-s", "0", feed=FUTURE).exit_code == 0
    assert run("-", feed=FUTURE, MARKETMAP_MAX_CLOCK_AHEAD_S="0").exit_code == 0


def test_an_explanation_says_what_the_clock_guard_decides() -> None:
    good, future = lines(run("-", "--explain", "18", "--json", feed=GOOD + b"\n" + FUTURE))
    assert good["clock_guard"] is None
    assert "ahead of the clock" in future["clock_guard"]
    assert future["explanation"]["found"] is True
    shown = run("-", "--explain", "18", feed=FUTURE)
    assert "line 1: the worker refuses it now, OBSERVED_IN_FUTURE: " in shown.stderr


def test_the_last_line_may_lack_its_line_feed_and_lines_may_end_in_crlf() -> None:
    assert len(lines(run("-", feed=GOOD + b"\r\n" + GOOD))) == 2


def test_a_line_that_is_too_long_is_refused_and_the_next_one_is_read() -> None:
    result = run("-", "--max-bytes", "2000", feed=b"x" * 5_000_000 + b"\n" + GOOD)
    assert [one.get("error", {}).get("reason") for one in lines(result)] == ["TOO_LARGE", None]


def test_the_limit_of_a_line_counts_its_bytes_and_not_its_line_feed() -> None:
    exact = GOOD[:-1] + b" " * (2000 - len(GOOD)) + b"}"
    result = run("-", "--max-bytes", "2000", feed=exact + b"\n" + exact[:-1] + b" }\n")
    assert [one.get("error", {}).get("reason") for one in lines(result)] == [None, "TOO_LARGE"]


@pytest.mark.parametrize("arguments", [[], ["--explain", "18", "--json"]])
@pytest.mark.parametrize("schema_id", [b"\x00\x00\x00\x07", b"\x00\x0a\x0d\x0a"])
def test_the_wire_format_of_a_schema_registry_is_read_alike(
    arguments: list[str], schema_id: bytes
) -> None:
    framed = b"".join(b"\x00" + schema_id + one + b"\n" for one in (GOOD, GOOD))
    result = run("-", *arguments, feed=framed)
    assert result.exit_code == 0
    assert result.stdout == run("-", *arguments, feed=GOOD + b"\n" + GOOD).stdout


def test_the_prefix_of_the_wire_format_does_not_count_as_length() -> None:
    exact = b"\x00\x00\x00\x00\x07" + GOOD[:-1] + b" " * (2000 - len(GOOD)) + b"}"
    result = run("-", "--max-bytes", "2000", feed=exact + b"\n" + exact[:-1] + b" }\n" + GOOD)
    assert [one.get("error", {}).get("reason") for one in lines(result)] == [
        None,
        "TOO_LARGE",
        None,
    ]


def test_a_file_is_read_like_standard_input(tmp_path: Path) -> None:
    file = tmp_path / "observations.jsonl"
    file.write_bytes(GOOD)
    assert run(str(file)).stdout == run("-", feed=GOOD).stdout


def test_nothing_in_gives_nothing_out() -> None:
    result = run("-")
    assert (result.exit_code, result.stdout) == (0, "")


def test_another_catalogue_takes_the_place_of_the_shipped_one(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    file.write_text(dump_catalogue(one for one in CATALOGUE if one.canonical_id == "1x2_ft"))
    (event,) = lines(run("-", "--catalogue", str(file), feed=GOOD))
    assert [miss["reason"] for miss in event["misses"]] == ["UNKNOWN_MARKET"]


def test_a_catalogue_that_cannot_be_used_is_refused_with_the_field_that_is_wrong(
    tmp_path: Path,
) -> None:
    file = tmp_path / "catalogue.json"
    file.write_text('{"format": 1, "mappings": [{"name": 5}]}')
    result = run("-", "--catalogue", str(file), feed=GOOD)
    assert result.exit_code == 1
    assert "mappings[0].canonical_id" in result.stderr


def test_a_file_that_is_not_there_is_wrong_usage() -> None:
    assert run("/nowhere/at/all").exit_code == 2


def test_a_catalogue_and_the_database_exclude_each_other(tmp_path: Path) -> None:
    file = tmp_path / "catalogue.json"
    file.write_text(dump_catalogue(CATALOGUE))
    assert run("-", "--database", "--catalogue", str(file), feed=GOOD).exit_code == 2


def test_an_address_in_the_environment_alone_asks_for_no_database() -> None:
    result = run("-", feed=GOOD, MARKETMAP_DATABASE_URL="postgresql://127.0.0.1:1/none")
    assert result.exit_code == 0


def test_a_database_that_does_not_answer_fails_the_command() -> None:
    result = run("-", "--database-url", "postgresql://127.0.0.1:1/none", feed=GOOD)
    assert result.exit_code == 1
    assert "does not answer" in result.stderr


@pytest.mark.parametrize(
    ("text", "market"),
    [
        ("18", ("18", None)),
        ("18?total=2.5", ("18", "total=2.5")),
        ("18?", ("18", None)),
        ("S_OU", ("S_OU", None)),
        ("S_OU@2.5", ("S_OU", "2.5")),
        ("S_OU@2.5_O", ("S_OU", "2.5")),
        ("S_1X2_1", ("S_1X2", None)),
        ("5000?-1.5", ("5000", "-1.5")),
    ],
)
def test_a_market_is_named_by_its_id_and_what_tells_its_rows_apart(
    text: str, market: tuple[str, str | None]
) -> None:
    assert split_market(text) == market


def test_explain_shows_the_key_the_mapping_and_each_label() -> None:
    result = run("-", "--explain", "18?total=2.5", feed=GOOD)
    assert result.exit_code == 0
    for shown in (
        "over_under_ft at 2.5",
        "MATCHED",
        "CONTRADICTS_LINE",
        "Under 3.5",
        "resolved",
        "missed",
    ):
        assert shown in result.stdout


def test_explain_as_json_gives_one_line_for_each_observation_that_has_the_market() -> None:
    result = run("-", "--explain", "S_OU@2.5", "--json", feed=GOOD + b"\n" + BET9JA)
    (line,) = lines(result)
    assert (line["line_number"], line["platform"]) == (2, "bet9ja")
    assert line["explanation"]["rows"][0]["labels"][0]["outcome"] == "over"


def test_explain_shows_what_could_not_be_read() -> None:
    result = run("-", "--explain", "S_1X2", feed=BET9JA)
    assert "INVALID_KEY_FORMAT" in result.stdout


def test_explain_of_a_market_that_no_observation_has_fails() -> None:
    result = run("-", "--explain", "999", feed=GOOD)
    assert result.exit_code == 1
    assert "999" in result.stderr


def test_explain_tells_unreadable_records_apart_and_goes_on() -> None:
    result = run("-", "--explain", "18", feed=b"nonsense\n" + GOOD)
    assert result.exit_code == 1
    assert "line 1: INVALID_JSON" in result.stderr
    assert "over_under_ft" in result.stdout


def test_what_a_payload_says_cannot_steer_the_terminal() -> None:
    label = "\x1b[31m[bold]Over[/bold]"
    feed = observation("sportybet", [sportybet("18", "total=2.5", prices={label: "2"})])
    result = run("-", "--explain", "18", feed=feed)
    assert "\x1b" not in result.stdout
    assert "[bold]" in result.stdout
