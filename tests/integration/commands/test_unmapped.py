"""The queue of misses, as editors work through it."""

import csv
import json
from collections.abc import Callable
from io import StringIO
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import Result

Run = Callable[..., Result]
Change = Callable[..., Any]
Query = Callable[..., list[dict[str, Any]]]
AddMiss = Callable[..., None]

pytestmark = pytest.mark.services
SIGNED = ("--actor", "ada", "--reason", "because")
# 5 times up to three days ago, 15 times up to two days ago.
MISSED_BEFORE = """
INSERT INTO miss_day (miss_id, day, occurrences, taken_at)
SELECT id, current_date - days_ago, occurrences, now() - make_interval(days => days_ago)
FROM unmapped_market_log CROSS JOIN (VALUES (3, 5), (2, 15)) AS taken (days_ago, occurrences)
"""


def listed(run: Run, *options: str) -> list[str]:
    rows = json.loads(run("unmapped", "list", "--json", *options).stdout)
    return [row["external_market_id"] for row in rows]


def status(query: Query, market_id: str) -> tuple[str, str | None]:
    (row,) = query(
        "SELECT status, status_actor FROM unmapped_market_log WHERE external_market_id = $1",
        market_id,
    )
    return row["status"], row["status_actor"]


@pytest.fixture
def three(miss: AddMiss) -> None:
    miss("sportybet", "800", "Player To Be Booked", count=5)
    miss("bet9ja", "S_NEW", "New One", count=50)
    miss("betpawa", "99", None, ["Odd"], reason="NO_MATCHING_OUTCOMES", count=500)


def test_what_matters_most_comes_first(three: None, run: Run) -> None:
    assert listed(run) == ["99", "S_NEW", "800"]


@pytest.mark.parametrize(
    ("options", "expected"),
    [
        (["--platform", "bet9ja"], ["S_NEW"]),
        (["--source", "bet9ja"], ["S_NEW"]),  # the former spelling
        (["--reason", "NO_MATCHING_OUTCOMES"], ["99"]),
        (["--min-occurrences", "50"], ["99", "S_NEW"]),
        (["--status", "IGNORED"], []),
        (["--limit", "1"], ["99"]),
        (["booked"], ["800"]),
    ],
)
def test_the_queue_can_be_narrowed(
    three: None, run: Run, options: list[str], expected: list[str]
) -> None:
    assert listed(run, *options) == expected


@pytest.mark.parametrize("option", ["--platform", "--status", "--order"])
def test_a_choice_that_there_is_not_is_wrong_usage(run: Run, option: str) -> None:
    assert run("unmapped", "list", option, "nonsense").exit_code == 2


def test_people_get_a_table(three: None, run: Run) -> None:
    (row,) = [line for line in run("unmapped", "list").stdout.splitlines() if "S_NEW" in line]
    assert "New One" in row
    assert "UNKNOWN_MARKET" in row


def test_a_spreadsheet_gets_the_queue_and_no_name_as_a_formula(
    three: None, miss: AddMiss, run: Run
) -> None:
    miss("bet9ja", "S_EVIL", '=HYPERLINK("http://x","Over")', count=9)
    result = run("unmapped", "list", "--csv")
    rows = list(csv.DictReader(StringIO(result.stdout_bytes.decode("utf-8-sig"), newline="")))
    assert [row["external_market_id"] for row in rows] == ["99", "S_NEW", "S_EVIL", "800"]
    assert [row["market_name"] for row in rows][1:3] == [
        "New One",
        '\'=HYPERLINK("http://x","Over")',
    ]
    assert json.loads(rows[0]["sample_outcomes"])[0]["label"] == "Odd"


@pytest.mark.parametrize(("limit", "shown"), [(2, 2), (30, 3)])
def test_a_program_is_told_where_the_list_stops(
    three: None, run: Run, limit: int, shown: int
) -> None:
    result = run("unmapped", "list", "--json", "--limit", str(limit))
    assert len(json.loads(result.stdout)) == shown
    assert json.loads(result.stderr) == {"shown": shown, "total": 3}


def test_json_and_csv_at_once_are_wrong_usage(run: Run) -> None:
    assert run("unmapped", "list", "--csv", "--json").exit_code == 2
    assert run("mappings", "list", "--csv", "--json").exit_code == 2


def test_each_decision_is_signed(three: None, change: Change, query: Query) -> None:
    for command, expected in (
        ("acknowledge", "ACKNOWLEDGED"),
        ("ignore", "IGNORED"),
        ("reopen", "NEW"),
    ):
        assert change("unmapped", command, "sportybet", "800")["changed"] == [
            {"source": "sportybet", "external_market_id": "800"}
        ]
        assert status(query, "800") == (expected, "ada")


def test_a_decision_without_a_reason_is_wrong_usage(three: None, run: Run) -> None:
    assert run("unmapped", "ignore", "sportybet", "800", "--actor", "ada").exit_code == 2


def test_a_dry_run_decides_nothing(three: None, change: Change, query: Query) -> None:
    assert change("unmapped", "ignore", "sportybet", "800", "--dry-run")["changed"]
    assert status(query, "800") == ("NEW", None)


def test_limits_of_ignoring_are_kept(three: None, change: Change, run: Run) -> None:
    limits = ("--until-count", "100", "--until-rate", "7.5", "--until", "2026-12-24")
    change("unmapped", "ignore", "sportybet", "800", *limits)
    shown = json.loads(run("unmapped", "show", "sportybet", "800", "--json").stdout)
    assert (shown["ignored_until_count"], shown["ignored_until_rate"]) == (100, 7.5)
    assert shown["ignored_until"] == "2026-12-24T00:00:00+00:00"


def test_an_illegal_change_is_refused_with_the_legal_one_and_all_stay(
    three: None, run: Run, query: Query
) -> None:
    query("UPDATE unmapped_market_log SET status = 'MAPPED' WHERE external_market_id = '800'")
    query(
        "UPDATE unmapped_market_log SET source = 'sportybet' WHERE external_market_id IN ('S_NEW', '99')",
    )
    result = run("unmapped", "ignore", "sportybet", "S_NEW", "800", *SIGNED)
    assert result.exit_code == 1
    assert "is MAPPED and cannot become IGNORED: reopen it first" in result.stderr
    assert status(query, "S_NEW")[0] == "NEW"


def test_a_market_that_was_never_missed_is_a_failure(three: None, run: Run) -> None:
    assert run("unmapped", "show", "sportybet", "1").exit_code == 1
    result = run("unmapped", "acknowledge", "sportybet", "800", "1", *SIGNED)
    assert (result.exit_code, "never missed: sportybet 1" in result.stderr) == (1, True)


def test_show_names_the_labels_that_the_mapping_of_the_market_does_not_know(
    miss: AddMiss, run: Run, change: Change, mapping_file: str
) -> None:
    change("mappings", "create", "--file", mapping_file)
    miss("sportybet", "29", "GG/NG", ["Yes", "Perhaps"], reason="NO_MATCHING_OUTCOMES")
    shown = json.loads(run("unmapped", "show", "sportybet", "29", "--json").stdout)
    assert (shown["mappings"], shown["unknown_labels"]) == (["btts"], ["Perhaps"])
    assert "Perhaps" in run("unmapped", "show", "sportybet", "29").stdout


def test_show_says_how_often_a_market_was_missed_on_its_last_days(
    miss: AddMiss, run: Run, query: Query
) -> None:
    def spans() -> list[dict[str, Any]]:
        shown: dict[str, Any] = json.loads(
            run("unmapped", "show", "sportybet", "29", "--json").stdout
        )
        return list(shown["missed_days"])

    miss("sportybet", "29", "GG/NG", count=50)
    query("UPDATE unmapped_market_log SET first_seen_at = now() - interval '20 days'")
    assert spans() == []
    query(MISSED_BEFORE)
    first, second = spans()
    assert (first["times"], first["per_day"], second["times"]) == (10, 10.0, 35)
    assert first["end"] == second["begin"]
    (row,) = [
        line
        for line in run("unmapped", "show", "sportybet", "29").stdout.splitlines()
        if "per day" in line
    ]
    assert row.split() == ["per", "day", "10,", "17.5"]


def test_a_mapping_that_covers_a_miss_marks_it(
    miss: AddMiss, change: Change, query: Query, mapping_file: str
) -> None:
    miss("sportybet", "29", "GG/NG")
    miss("bet9ja", "29", "Of another book")
    created = change("mappings", "create", "--file", mapping_file)
    assert created["covered"] == [["sportybet", "29"]]
    assert query(
        "SELECT source, status, mapped_version FROM unmapped_market_log ORDER BY source"
    ) == [
        {"source": "bet9ja", "status": "NEW", "mapped_version": None},
        {"source": "sportybet", "status": "MAPPED", "mapped_version": created["version"]},
    ]


def test_a_dry_run_of_a_mapping_marks_nothing_and_says_what_it_would_mark(
    miss: AddMiss, run: Run, query: Query, mapping_file: str
) -> None:
    miss("sportybet", "29")
    tried = run("mappings", "create", "--file", mapping_file, *SIGNED, "--dry-run")
    assert "sportybet 29 would be MAPPED." in tried.stderr
    assert status(query, "29")[0] == "NEW"


def test_a_mapping_of_another_market_of_the_same_id_marks_nothing(
    miss: AddMiss, change: Change, query: Query, mapping_file: str
) -> None:
    miss("sportybet", "29?goalnr=2", qualifier="goalnr=2", reason="UNKNOWN_PARAM_MARKET")
    assert change("mappings", "create", "--file", mapping_file)["covered"] == []
    assert status(query, "29?goalnr=2")[0] == "NEW"


def test_an_import_marks_what_it_covers(miss: AddMiss, change: Change, query: Query) -> None:
    miss("bet9ja", "S_1X2", "1X2", ["1", "X", "2"])
    change("mappings", "import")
    assert status(query, "S_1X2")[0] == "MAPPED"


def test_what_is_ignored_is_mapped_only_when_it_is_asked_for(
    miss: AddMiss, change: Change, query: Query, mapping_file: str
) -> None:
    for market_id in ("29", "29?"):
        miss("sportybet", market_id, "GG/NG")
        change("unmapped", "ignore", "sportybet", market_id)
    assert change("mappings", "create", "--file", mapping_file)["covered"] == []
    assert status(query, "29")[0] == "IGNORED"
    change("mappings", "delete", "btts")
    mapped = change("unmapped", "map", "sportybet", "29", "--file", mapping_file)
    assert mapped["covered"] == [["sportybet", "29"]]
    assert (status(query, "29")[0], status(query, "29?")[0]) == ("MAPPED", "IGNORED")


def test_a_draft_holds_what_the_samples_tell(miss: AddMiss, run: Run) -> None:
    miss("sportybet", "800", "Total Fouls", ["Over 2.5", "Under 2.5"], qualifier="total=2.5")
    draft = yaml.safe_load(run("unmapped", "map", "sportybet", "800").stdout)
    assert (draft["canonical_id"], draft["sportybet_id"]) == ("total_fouls", "800")
    assert draft["line_rule"] == {"kind": "total"}
    assert [row["sportybet_desc"] for row in draft["outcome_mapping"]] == ["Over", "Under"]


def test_a_draft_fixes_the_specifier_that_names_the_market(miss: AddMiss, run: Run) -> None:
    miss("sportybet", "8?goalnr=2", "2nd Goal", ["None"], qualifier="goalnr=2")
    draft = yaml.safe_load(run("unmapped", "map", "sportybet", "8?goalnr=2").stdout)
    assert (draft["sportybet_id"], draft["line_rule"]) == (
        "8",
        {"fixed": {"sportybet": {"goalnr": "2"}}},
    )


def test_a_finished_draft_is_mapped_in_one_step(
    miss: AddMiss, run: Run, change: Change, query: Query, tmp_path: Path
) -> None:
    miss("sportybet", "800", "Total Fouls", ["Over 2.5", "Under 2.5"], qualifier="total=2.5")
    file = str(tmp_path / "draft.yaml")
    assert run("unmapped", "map", "sportybet", "800", "--draft", file).exit_code == 0
    mapped = change("unmapped", "map", "sportybet", "800", "--file", file)
    assert mapped["covered"] == [["sportybet", "800"]]
    assert status(query, "800") == ("MAPPED", "ada")


# Over/under of early goals, as one bookmaker sells it: the minute is another market.
EARLY = """
UPDATE unmapped_market_log
SET sample_outcomes = (
    SELECT jsonb_agg(jsonb_build_object('label', label, 'qualifier', 'minsnr=' || minute || '|total=1.5'))
    FROM unnest(ARRAY[10, 30]) AS minute, unnest(ARRAY['Over 1.5', 'Under 1.5']) AS label
)
RETURNING id
"""


def early_goals(minute: int) -> dict[str, Any]:
    return {
        "canonical_id": f"over_under_early_{minute}",
        "name": f"Over/Under - Goals before Minute {minute}",
        "sportybet_id": "gabia",
        "line_rule": {"kind": "total", "fixed": {"sportybet": {"minsnr": str(minute)}}},
        "outcome_mapping": [
            {"canonical_id": "over", "sportybet_desc": "Over"},
            {"canonical_id": "under", "sportybet_desc": "Under"},
        ],
    }


def test_an_id_that_is_several_markets_is_mapped_one_by_one_and_stays_open_meanwhile(
    miss: AddMiss, run: Run, query: Query, tmp_path: Path
) -> None:
    miss("sportybet", "gabia", "Over/Under - Early Goals", ["Over 1.5"])
    query(EARLY)

    def mapped(minute: int, *options: str) -> Result:
        file = tmp_path / f"{minute}.yaml"
        file.write_text(yaml.safe_dump(early_goals(minute)))
        return run("unmapped", "map", "sportybet", "gabia", "--file", str(file), *SIGNED, *options)

    nothing = mapped(50)
    assert nothing.exit_code == 1
    lines = "over_under_early_50 does not cover sportybet gabia (minsnr=10|total=1.5, minsnr=30|total=1.5)"
    assert lines in " ".join(nothing.stderr.split())
    first = mapped(10)
    assert first.exit_code == 0
    left = "sportybet gabia stays open: not mapped yet: minsnr=30|total=1.5"
    assert left in " ".join(first.stderr.split())
    assert status(query, "gabia") == ("NEW", None)
    again = mapped(50)
    assert "does not cover sportybet gabia (minsnr=30|total=1.5)" in " ".join(again.stderr.split())
    last = json.loads(mapped(30, "--json").stdout)
    assert (last["covered"], last["left_open"]) == ([["sportybet", "gabia"]], [])
    assert status(query, "gabia") == ("MAPPED", "ada")


def test_a_mapping_of_something_else_does_not_map_the_miss(
    miss: AddMiss, run: Run, query: Query, mapping_file: str
) -> None:
    miss("sportybet", "800", "Total Fouls")
    result = run("unmapped", "map", "sportybet", "800", "--file", mapping_file, *SIGNED)
    assert result.exit_code == 1
    assert "btts does not cover sportybet 800" in result.stderr
    assert query("SELECT 1 FROM user_market_mappings") == []


def test_a_mapping_that_knows_none_of_the_labels_does_not_map_the_miss(
    miss: AddMiss, run: Run, mapping_file: str
) -> None:
    miss("sportybet", "29", "GG/NG", ["Ja", "Nee"])
    result = run("unmapped", "map", "sportybet", "29", "--file", mapping_file, *SIGNED)
    assert (result.exit_code, "knows none of the labels" in result.stderr) == (1, True)


def test_a_miss_is_mapped_into_a_mapping_of_other_books(
    miss: AddMiss, run: Run, change: Change, query: Query, mapping_file: str
) -> None:
    change("mappings", "create", "--file", mapping_file)
    miss("bet9ja", "S_GGNG", "GG/NG", ["Y", "N"])
    labels = ("--set", "outcome.yes.bet9ja_suffix=Y", "--set", "outcome.no.bet9ja_suffix=N")
    mapped = change("unmapped", "map", "bet9ja", "S_GGNG", "--into", "btts", *labels)
    assert [one["field"] for one in mapped["changes"]][:1] == ["bet9ja_key"]
    assert status(query, "S_GGNG") == ("MAPPED", "ada")


def test_an_unknown_label_is_mapped_into_its_mapping(
    miss: AddMiss, change: Change, query: Query, mapping_file: str
) -> None:
    change("mappings", "create", "--file", mapping_file)
    miss("sportybet", "29", "GG/NG", ["Yes", "Perhaps"], reason="NO_MATCHING_OUTCOMES")
    label = "outcome.maybe.sportybet_desc=Perhaps"
    change("unmapped", "map", "sportybet", "29", "--into", "btts", "--set", label)
    assert status(query, "29")[0] == "MAPPED"


def test_a_mapping_with_another_id_on_that_platform_is_not_taken(
    miss: AddMiss, run: Run, change: Change, mapping_file: str
) -> None:
    change("mappings", "create", "--file", mapping_file)
    miss("sportybet", "800")
    result = run("unmapped", "map", "sportybet", "800", "--into", "btts", *SIGNED)
    assert (result.exit_code, "is already set, so it cannot become 800" in result.stderr) == (
        1,
        True,
    )


@pytest.mark.parametrize("options", [["--file", "x", "--into", "y", *SIGNED], ["--into", "btts"]])
def test_mapping_wants_one_target_and_a_signature(
    miss: AddMiss, run: Run, options: list[str]
) -> None:
    miss("sportybet", "800")
    assert run("unmapped", "map", "sportybet", "800", *options).exit_code == 2


SUGGESTED = """
INSERT INTO suggestion (source, external_market_id, rank, canonical_id, version, line_kind, outcomes,
    unmatched, evidence, events, likeness, confidence, is_confident, reason)
VALUES ('bet9ja', $1, 1, $2, 1, 'total', '{}', '[]', '{}', 8, 0.5, $3, false, 'because')
"""
EXAMPLE = """
INSERT INTO evidence_sample (subject, source, market, event, seen_at, prices, others)
VALUES ('miss', 'bet9ja', $1, $2, now(), $3, '[]')
"""


@pytest.fixture
def unlocking(miss: AddMiss, query: Query, change: Change, tmp_path: Path) -> None:
    """Of three misses, one may be a market that two others sell, and one a market that one other sells."""
    outcomes = [{"canonical_id": "over", "sportybet_desc": "Over", "betpawa_name": "Over"}]
    further = {"platform": "betpawa", "id": "7", "labels": {"over": ["Over"]}}
    off = {"platform": "bet9ja", "id": "S_Q", "active": False, "labels": {"over": ["O"]}}
    both = {"canonical_id": "both", "name": "Both", "sportybet_id": "18", "also": [further]}
    alone = {"canonical_id": "alone", "name": "Alone", "sportybet_id": "19", "also": [off]}
    for mapping in (both, alone):
        file = tmp_path / f"{mapping['canonical_id']}.json"
        file.write_text(json.dumps(mapping | {"outcome_mapping": outcomes}))
        change("mappings", "create", "--file", str(file))
    for market_id, count in (("S_TWO", 5), ("S_ONE", 5), ("S_NONE", 500)):
        miss("bet9ja", market_id, market_id.title(), count=count)
    query("UPDATE unmapped_market_log SET first_seen_at = last_seen_at - interval '2 days'")
    query(SUGGESTED, "S_TWO", "both", 0.5)
    query(SUGGESTED, "S_ONE", "alone", 0.9)
    lines = [
        {"qualifier": line, "label": "O", "odds": 2.0} for line in ("1.5", "2.5", "2.5", "3.5")
    ]
    query(EXAMPLE, "S_TWO", "e1", json.dumps(lines))
    query(EXAMPLE, "S_TWO", "e2", json.dumps(lines[:1]))


def test_what_unlocks_most_comparisons_comes_first_when_asked(
    unlocking: None, run: Run, query: Query
) -> None:
    assert listed(run)[0] == "S_NONE"
    assert listed(run, "--order", "comparisons") == ["S_TWO", "S_ONE", "S_NONE"]
    rows = json.loads(run("unmapped", "list", "--json", "--order", "comparisons").stdout)
    two, one, none = rows
    events = query("SELECT event_count FROM unmapped_market_log WHERE external_market_id = 'S_TWO'")
    per_day = events[0]["event_count"] / 2
    assert (two["suggested"], two["lines"], two["carriers"], two["confidence"]) == (
        "both",
        2,
        2,
        0.5,
    )
    assert two["events_per_day"] == pytest.approx(per_day)
    assert two["comparisons_per_day"] == pytest.approx(per_day * 2 * 2 * 0.5)
    assert (one["suggested"], one["lines"], one["carriers"]) == ("alone", 1, 1)
    assert (none["suggested"], none["comparisons_per_day"]) == (None, None)
    shown = run("unmapped", "show", "bet9ja", "S_TWO")
    assert "2 lines * 2 bookmakers * 0.50, as both" in shown.stdout


def test_the_surest_suggestion_comes_first_and_one_that_is_not_confident_after_all_that_are(
    unlocking: None, miss: AddMiss, run: Run, query: Query
) -> None:
    miss("bet9ja", "S_SURE", "Sure", count=1)
    query(SUGGESTED, "S_SURE", "both", 0.3)
    query("UPDATE suggestion SET is_confident = true WHERE external_market_id = 'S_SURE'")
    miss("betpawa", "9", "None either", count=900)
    ordered = ["S_SURE", "S_ONE", "S_TWO", "9", "S_NONE"]
    assert listed(run, "--order", "confidence") == ordered
    assert listed(run, "--order", "confidence", "--limit", "2") == ordered[:2]
    here = ("--order", "confidence", "--platform", "bet9ja")
    assert listed(run, *here) == [one for one in ordered if one != "9"]
    groups = json.loads(
        run("unmapped", "list", "--group", "--json", "--order", "confidence").stdout
    )
    assert [one["markets"] for one in groups] == [[one] for one in ordered]


def test_a_family_is_one_row_and_is_decided_about_together(
    miss: AddMiss, run: Run, change: Change, query: Query
) -> None:
    for number in (12, 13, 45):
        miss("bet9ja", f"S_M{number}", f"MULTI {number // 10}-{number % 10}", count=10)
    miss("bet9ja", "S_X", "Corners", count=1)
    groups = json.loads(run("unmapped", "list", "--group", "--json").stdout)
    assert [(one["pattern"], one["markets"]) for one in groups] == [
        ("multi #-#", ["S_M12", "S_M13", "S_M45"]),
        ("corners", ["S_X"]),
    ]
    assert groups[0]["occurrence_count"] == 30
    assert "S_M12, S_M13, S_M45" in run("unmapped", "list", "--group").stdout
    tried = change("unmapped", "ignore", "bet9ja", "S_M13", "--family", "--dry-run")
    assert len(tried["changed"]) == 3
    assert status(query, "S_M12")[0] == "NEW"
    change("unmapped", "ignore", "bet9ja", "S_M13", "--family")
    assert [status(query, f"S_M{number}")[0] for number in (12, 13, 45)] == ["IGNORED"] * 3
    assert status(query, "S_X")[0] == "NEW"
    change("unmapped", "reopen", "bet9ja", "S_M45", "--family")
    assert [status(query, f"S_M{number}")[0] for number in (12, 13, 45)] == ["NEW"] * 3
