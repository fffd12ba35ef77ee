"""Suggestions are listed, shown and accepted by the same operation as `unmapped map`."""

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.commands.conftest import SIGNED, Query, Run
from tests.support.editing.queue_rows import NOON

pytestmark = pytest.mark.services

SUGGEST = """
INSERT INTO suggestion
    (source, external_market_id, rank, market_name, canonical_id, version, line_kind, outcomes, unmatched,
        evidence, events, likeness, confidence, is_confident, reason)
VALUES ($1, $2, CAST($3 AS smallint), 'GG/NG', 'btts',
    $4, 'none', $5, '[]', '{}', 12, 0.9, 0.98, CAST($3 AS smallint) = 1,
    'from other bookmakers 0.02 in 24 prices of 12 events')
"""
SAMPLE = """
INSERT INTO evidence_sample (subject, source, market, event, home, away, seen_at, prices, others)
VALUES ('miss', $1, $2, '123', 'Reds', 'Blues', $3, $4, $5)
"""
OUTCOMES = {"Yes": "yes", "No": "no"}


@pytest.fixture
def version(change: Callable[..., Any], mapping_file: str) -> int:
    """The version of the mapping `btts`, which SportyBet's 29 has."""
    return int(change("mappings", "create", "--file", mapping_file)["version"])


@pytest.fixture
def suggest(query: Query) -> Callable[..., None]:
    def add(
        source: str, market_id: str, version: int, outcomes: dict[str, str], rank: int = 1
    ) -> None:
        query(SUGGEST, source, market_id, rank, version, json.dumps(outcomes))

    return add


def test_the_surest_suggestion_of_each_market_is_listed_in_three_forms(
    run: Run, version: int, suggest: Callable[..., None]
) -> None:
    suggest("betpawa", "3795", version, OUTCOMES)
    suggest("betpawa", "3795", version, {"Yes": "no", "No": "yes"}, rank=2)
    table = run("suggestions", "list").stdout
    assert "3795" in table
    assert "confident" in table
    listed = json.loads(run("suggestions", "list", "--confident", "--output", "json").stdout)
    assert [(one["external_market_id"], one["rank"]) for one in listed] == [("3795", 1)]
    assert listed[0]["outcomes"] == OUTCOMES
    rows = list(csv.DictReader(run("suggestions", "list", "--csv").stdout.splitlines()))
    assert [row["canonical_id"] for row in rows] == ["btts"]
    assert json.loads(run("suggestions", "list", "nothing", "--json").stdout) == []


def test_a_decided_market_is_not_listed_and_one_that_is_open_again_is(
    run: Run,
    change: Callable[..., Any],
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
) -> None:
    for market_id in ("800117", "800118", "800119"):
        miss("sportybet", market_id, "GG/NG", ["GG", "NG"])
    for market_id in ("800117", "800118", "800119", "not counted yet"):
        suggest("sportybet", market_id, version, {"GG": "yes", "NG": "no"})

    def listed() -> list[str]:
        found = run("suggestions", "list", "--json")
        ids = [one["external_market_id"] for one in json.loads(found.stdout)]
        assert json.loads(found.stderr) == {"shown": len(ids), "total": len(ids)}
        return ids

    assert listed() == ["800117", "800118", "800119", "not counted yet"]
    change("suggestions", "accept", "sportybet", "800117")
    change("unmapped", "ignore", "sportybet", "800118")
    assert listed() == ["800119", "not counted yet"]
    change("unmapped", "reopen", "sportybet", "800118")
    assert listed() == ["800118", "800119", "not counted yet"]


def test_a_suggestion_is_shown_with_events_and_what_others_sell(
    run: Run, version: int, suggest: Callable[..., None], query: Query
) -> None:
    suggest("betpawa", "3795", version, OUTCOMES)
    other = {"platform": "sportybet", "canonical_id": "btts", "outcome": "yes", "odds": 1.8}
    prices = json.dumps([{"qualifier": None, "label": "Yes", "odds": 1.79}])
    query(SAMPLE, "betpawa", "3795", NOON, prices, json.dumps([other]))
    shown = run("suggestions", "show", "betpawa", "3795").stdout
    assert "Reds - Blues" in shown
    assert "sportybet btts yes 1.8" in shown
    assert "Yes = yes" in shown
    both = json.loads(run("suggestions", "show", "betpawa", "3795", "--json").stdout)
    assert [one["rank"] for one in both["suggestions"]] == [1]
    assert both["samples"][0]["others"] == [other]
    missing = run("suggestions", "show", "betpawa", "1")
    assert missing.exit_code == 1
    assert "there is no suggestion for betpawa 1" in missing.stderr


def test_a_suggestion_that_is_not_confident_says_why(
    run: Run, miss: Callable[..., None], version: int, suggest: Callable[..., None], query: Query
) -> None:
    miss("betpawa", "3795", "GG/NG", ["Yes", "No"])
    suggest("betpawa", "3795", version, OUTCOMES)
    evidence = {"books": {"cost": 0.02}, "not_confident": ["ANOTHER_IS_NEAR", "TOO_FEW_EVENTS"]}
    query("UPDATE suggestion SET is_confident = false, evidence = $1", json.dumps(evidence))
    why = "not confident: fewer than 5 events, another candidate is about as near"
    for command in (("suggestions", "show"), ("unmapped", "show")):
        assert why in " ".join(run(*command, "betpawa", "3795").stdout.split())
        shown = json.loads(run(*command, "betpawa", "3795", "--json").stdout)["suggestions"][0]
        assert shown["not_confident"] == ["TOO_FEW_EVENTS", "ANOTHER_IS_NEAR"]
        assert shown["evidence"] == {"books": {"cost": 0.02}}


def test_a_missed_market_is_shown_with_what_the_odds_say(
    run: Run, miss: Callable[..., None], version: int, suggest: Callable[..., None], query: Query
) -> None:
    miss("betpawa", "3795", "GG/NG", ["Yes", "No"])
    before = json.loads(run("unmapped", "show", "betpawa", "3795", "--json").stdout)
    assert (before["suggestions"], before["samples"], before["evidence"]) == ([], [], [])
    suggest("betpawa", "3795", version, OUTCOMES)
    query(SAMPLE, "betpawa", "3795", NOON, "[]", "[]")
    shown = run("unmapped", "show", "betpawa", "3795").stdout
    assert "No active mapping has this id." in shown
    assert "Yes = yes" in shown
    assert "Reds - Blues" in shown
    after = json.loads(run("unmapped", "show", "betpawa", "3795", "--json").stdout)
    assert [one["canonical_id"] for one in after["suggestions"]] == ["btts"]


def test_an_accepted_suggestion_is_an_audited_change_and_covers_the_miss(
    run: Run,
    change: Callable[..., Any],
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
    query: Query,
) -> None:
    miss("betpawa", "3795", "GG/NG", ["Yes", "No"])
    suggest("betpawa", "3795", version, OUTCOMES)
    tried = change("suggestions", "accept", "betpawa", "3795", "--dry-run")
    assert tried["covered"] == [["betpawa", "3795"]]
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "NEW"}]
    change("suggestions", "accept", "betpawa", "3795")
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "MAPPED"}]
    (row,) = query("SELECT betpawa_id, outcome_mapping FROM user_market_mappings")
    labels = {
        one["canonical_id"]: one["betpawa_name"] for one in json.loads(row["outcome_mapping"])
    }
    assert (row["betpawa_id"], labels) == ("3795", {"yes": "Yes", "no": "No"})
    (audited,) = query("SELECT created_by, reason FROM mapping_audit_log WHERE action = 'UPDATE'")
    assert audited == {"created_by": "ada", "reason": "because"}
    again = run("suggestions", "accept", "betpawa", "3795", *SIGNED)
    assert again.exit_code == 1
    assert "it reads betpawa 3795 now; nothing was changed." in again.stderr


def test_a_suggestion_is_accepted_again_after_it_was_taken_back(
    change: Callable[..., Any],
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
    query: Query,
) -> None:
    miss("betpawa", "3795", "GG/NG", ["Yes", "No"])
    suggest("betpawa", "3795", version, OUTCOMES)
    change("suggestions", "accept", "betpawa", "3795")
    change("mappings", "rollback", "btts", str(version))
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "NEW"}]
    again = change("suggestions", "accept", "betpawa", "3795")
    assert again["covered"] == [["betpawa", "3795"]]


def test_a_suggestion_outlives_a_market_of_another_bookmaker(
    run: Run,
    change: Callable[..., Any],
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
    query: Query,
) -> None:
    miss("betpawa", "3795", "GG/NG", ["Yes", "No"])
    miss("bet9ja", "S_GGNG", "GG/NG", ["Y", "N"])
    suggest("betpawa", "3795", version, OUTCOMES)
    suggest("bet9ja", "S_GGNG", version, {"Y": "yes", "N": "no"})
    change("suggestions", "accept", "bet9ja", "S_GGNG")
    drafted = run("suggestions", "accept", "betpawa", "3795", "--dry-run", *SIGNED)
    assert drafted.exit_code == 0, drafted.stderr
    change("suggestions", "accept", "betpawa", "3795")
    (row,) = query("SELECT betpawa_id, bet9ja_key FROM user_market_mappings")
    assert row == {"betpawa_id": "3795", "bet9ja_key": "S_GGNG"}


def test_a_suggestion_whose_ground_has_changed_is_refused_with_what_changed_and_what_to_do(
    run: Run,
    change: Callable[..., Any],
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
    query: Query,
) -> None:
    miss("betpawa", "3795", "GG/NG", ["Yes", "No"])
    suggest("betpawa", "3795", version, OUTCOMES)
    labels = ("--set", "outcome.yes.sportybet_desc=No", "--set", "outcome.no.sportybet_desc=Yes")
    change("mappings", "update", "btts", *labels)
    refused = run("suggestions", "accept", "betpawa", "3795", *SIGNED)
    assert refused.exit_code == 1
    assert "Changed since" in refused.stderr
    assert (
        "btts was changed after the suggestion for betpawa 3795 was made: "
        "it reads sportybet 29 otherwise; nothing was changed." in refused.stderr
    )
    printed = run("suggestions", "accept", "betpawa", "3795", *SIGNED, "--json").stderr
    error = json.loads(printed.splitlines()[-1])
    assert error["code"] == "CONFLICT"
    assert "or map the market by hand" in error["hint"]
    change("mappings", "deactivate", "btts")
    off = run("suggestions", "accept", "betpawa", "3795", *SIGNED)
    assert "it is switched off" in off.stderr
    assert query("SELECT betpawa_id FROM user_market_mappings") == [{"betpawa_id": None}]


def test_a_second_id_of_a_bookmaker_becomes_a_further_id(
    change: Callable[..., Any],
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
    query: Query,
) -> None:
    miss("sportybet", "800117", "GG/NG", ["GG", "NG"])
    suggest("sportybet", "800117", version, {"GG": "yes", "NG": "no"})
    change("suggestions", "accept", "sportybet", "800117")
    (row,) = query("SELECT sportybet_id, also FROM user_market_mappings")
    assert row["sportybet_id"] == "29"
    assert json.loads(row["also"]) == [
        {
            "platform": "sportybet",
            "id": "800117",
            "active": True,
            "labels": {"no": ["NG"], "yes": ["GG"]},
        }
    ]
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "MAPPED"}]


def test_a_suggestion_that_does_not_cover_the_samples_changes_nothing(
    run: Run,
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
    query: Query,
) -> None:
    miss("betpawa", "3795", "GG/NG", ["Ja", "Nein"])
    suggest("betpawa", "3795", version, OUTCOMES)
    refused = run("suggestions", "accept", "betpawa", "3795", *SIGNED)
    assert refused.exit_code == 1
    assert "knows none of the labels" in refused.stderr
    assert query("SELECT betpawa_id FROM user_market_mappings") == [{"betpawa_id": None}]
    unknown = run("suggestions", "accept", "betpawa", "3795", "--rank", "3", *SIGNED)
    assert "there is no suggestion of rank 3" in unknown.stderr


def test_a_label_that_a_mapped_market_lacks_is_added_to_those_of_its_id(
    change: Callable[..., Any],
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
    query: Query,
) -> None:
    miss("sportybet", "29", "GG/NG", ["GG"])
    suggest("sportybet", "29", version, {"gg": "yes"})
    done = change("suggestions", "accept", "sportybet", "29")
    assert done["covered"] == [["sportybet", "29"]]
    (row,) = query("SELECT sportybet_id, also FROM user_market_mappings")
    assert row["sportybet_id"] is None
    (entry,) = json.loads(row["also"])
    assert (entry["id"], entry["labels"]) == ("29", {"yes": ["Yes", "gg"], "no": ["No"]})
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "MAPPED"}]


def test_a_family_is_accepted_together_and_who_is_not_confident_is_left_out(
    run: Run,
    change: Callable[..., Any],
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
    query: Query,
) -> None:
    for market_id in ("800117", "800118", "800119"):
        miss("sportybet", market_id, "GG/NG", ["GG", "NG"])
        suggest("sportybet", market_id, version, {"GG": "yes", "NG": "no"})
    query("UPDATE suggestion SET is_confident = false WHERE external_market_id = '800119'")
    keys = {one["family"] for one in json.loads(run("suggestions", "list", "--json").stdout)}
    assert keys == {"sportybet = gg/ng = btts"}
    done = run("suggestions", "accept", "sportybet", "800117", "--family", *SIGNED)
    assert done.exit_code == 0, done.stderr
    assert "left out: 800119" in done.stderr
    (row,) = query("SELECT also FROM user_market_mappings")
    assert [one["id"] for one in json.loads(row["also"])] == ["800117", "800118"]
    statuses = query("SELECT external_market_id, status FROM unmapped_market_log ORDER BY 1")
    assert [one["status"] for one in statuses] == ["MAPPED", "MAPPED", "NEW"]
    assert len(query("SELECT 1 AS one FROM mapping_audit_log WHERE action = 'UPDATE'")) == 1


def test_of_a_family_that_does_not_cover_its_samples_nothing_is_changed(
    run: Run,
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
    query: Query,
) -> None:
    miss("sportybet", "800117", "GG/NG", ["GG", "NG"])
    miss("sportybet", "800118", "GG/NG", ["Ja", "Nein"])
    for market_id in ("800117", "800118"):
        suggest("sportybet", market_id, version, {"GG": "yes", "NG": "no"})
    refused = run("suggestions", "accept", "sportybet", "800117", "--family", *SIGNED)
    assert refused.exit_code == 1
    assert query("SELECT also FROM user_market_mappings") == [{"also": None}]
    assert {one["status"] for one in query("SELECT status FROM unmapped_market_log")} == {"NEW"}


def test_a_draft_names_the_suggestion_and_its_outcomes(
    run: Run, miss: Callable[..., None], version: int, suggest: Callable[..., None]
) -> None:
    miss("betpawa", "3795", "GG/NG", ["Yes", "No"])
    suggest("betpawa", "3795", version, {"yes": "yes", "no": "no"})
    draft = run("unmapped", "map", "betpawa", "3795")
    assert "By its odds it is btts (confident)" in draft.stderr
    assert "marketmap suggestions accept betpawa 3795" in draft.stderr
    assert "canonical_id: 'yes'" in draft.stdout


def test_a_market_is_mapped_into_the_suggested_mapping_with_the_suggested_labels(
    change: Callable[..., Any],
    miss: Callable[..., None],
    version: int,
    suggest: Callable[..., None],
    query: Query,
) -> None:
    miss("betpawa", "3795", "GG/NG", ["Yes", "No"])
    suggest("betpawa", "3795", version, OUTCOMES)
    change("unmapped", "map", "betpawa", "3795", "--into", "btts")
    (row,) = query("SELECT betpawa_id, outcome_mapping FROM user_market_mappings")
    labels = {
        one["canonical_id"]: one["betpawa_name"] for one in json.loads(row["outcome_mapping"])
    }
    assert (row["betpawa_id"], labels) == ("3795", {"yes": "Yes", "no": "No"})
