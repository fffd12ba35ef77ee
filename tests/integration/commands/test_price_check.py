"""A change that the prices of the last events contradict is refused unless it is forced."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commands.conftest import SIGNED, Query, Run
from tests.support.editing.watched import fill_watched
from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import Entry, dump_entries, load_catalogue
from worker.domain.mapping import dump_mapping

pytestmark = pytest.mark.services

SWAP = ("--set", "outcome.yes.sportybet_desc=No", "--set", "outcome.no.sportybet_desc=Yes")
UPDATE = ("mappings", "update", "btts_ft")


@pytest.fixture
def watched(migrated: str) -> None:
    asyncio.run(fill_watched(migrated))


def labels(query: Query) -> dict[str, str]:
    (row,) = query(
        "SELECT outcome_mapping FROM user_market_mappings WHERE canonical_id = 'btts_ft'"
    )
    return {
        one["canonical_id"]: one["sportybet_desc"] for one in json.loads(row["outcome_mapping"])
    }


def test_a_swap_is_refused_and_saved_when_it_is_forced(
    run: Run, watched: None, query: Query
) -> None:
    refused = run(*UPDATE, *SWAP, *SIGNED)
    assert refused.exit_code == 1
    assert "btts_ft at sportybet is" in refused.stderr
    assert "with its labels assigned otherwise" in refused.stderr
    assert "nothing was changed" in refused.stderr
    assert labels(query) == {"yes": "Yes", "no": "No"}
    tried = run(*UPDATE, *SWAP, *SIGNED, "--dry-run", "--json")
    assert tried.exit_code == 1
    assert json.loads(tried.stdout)["refused"] is True
    forced = run(*UPDATE, *SWAP, *SIGNED, "--force")
    assert forced.exit_code == 0
    assert "contradicted" in forced.stderr
    assert labels(query) == {"yes": "No", "no": "Yes"}


def test_one_event_is_enough_for_what_a_bookmakers_own_prices_contradict(
    run: Run, change: Callable[..., Any], watched: None, query: Query
) -> None:
    query(
        "DELETE FROM watched_event WHERE event <> (SELECT max(event) FROM watched_event)"
        " RETURNING event"
    )
    refused = run(*UPDATE, *SWAP, *SIGNED)
    assert refused.exit_code == 1
    said = " ".join(refused.stderr.split())
    assert "btts_ft at sportybet is contradicted by the bookmaker's own prices on 1 event" in said
    assert labels(query) == {"yes": "Yes", "no": "No"}
    assert run(*UPDATE, *SWAP, *SIGNED, "--force").exit_code == 0
    # It was contradicted before: that is no reason to refuse another change of it.
    assert change(*UPDATE, "--set", "priority=3")["action"] == "UPDATE"


def test_what_the_prices_bear_out_is_saved_and_shown(
    run: Run, change: Callable[..., Any], watched: None
) -> None:
    saved = change(*UPDATE, "--set", "priority=3")
    compared = {(one["platform"], one["against"]): one for one in saved["prices"]}
    assert compared["sportybet", "betpawa"]["events"] >= 8
    assert compared["sportybet", "betpawa"]["median"] < 0.2
    assert {one["reason"] for one in saved["prices"]} == {None}
    assert run(*UPDATE, "--set", "priority=3", *SIGNED).exit_code == 0  # nothing to change or check
    assert change("mappings", "deactivate", "btts_ft")["action"] == "DEACTIVATE"


def swapped() -> Entry:
    """The shipped mapping with the labels of two outcomes exchanged at one bookmaker."""
    shipped = load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))
    mapping = next(one for one in shipped if one.canonical_id == "btts_ft")
    yes, no = mapping.outcomes
    exchanged = (
        replace(yes, sportybet_desc=no.sportybet_desc),
        replace(no, sportybet_desc=yes.sportybet_desc),
    )
    return Entry(replace(mapping, outcomes=exchanged))


def test_a_created_and_an_imported_mapping_are_checked_too(
    run: Run, watched: None, query: Query, tmp_path: Path
) -> None:
    entry = swapped()
    catalogue, file = tmp_path / "catalogue.json", tmp_path / "mapping.json"
    catalogue.write_text(dump_entries([entry]))
    file.write_text(json.dumps(dump_mapping(entry.mapping)))
    imported = run("mappings", "import", str(catalogue), *SIGNED)
    assert imported.exit_code == 1
    assert "btts_ft at sportybet is" in imported.stderr
    assert labels(query) == {"yes": "Yes", "no": "No"}
    assert run("mappings", "delete", "btts_ft", *SIGNED).exit_code == 0
    created = run("mappings", "create", "--file", str(file), *SIGNED)
    assert created.exit_code == 1
    assert "btts_ft at sportybet is" in created.stderr
    assert query("SELECT id FROM user_market_mappings WHERE canonical_id = 'btts_ft'") == []


INTO = ("unmapped", "map", "sportybet", "29", "--into", "btts_ft")
RIGHT = ("--set", "outcome.yes.sportybet_desc=Yes", "--set", "outcome.no.sportybet_desc=No")
UNMAP = (
    "UPDATE user_market_mappings SET sportybet_id = NULL"
    " WHERE canonical_id = 'btts_ft' RETURNING canonical_id"
)


def column(query: Query) -> str | None:
    (row,) = query("SELECT sportybet_id FROM user_market_mappings WHERE canonical_id = 'btts_ft'")
    found: str | None = row["sportybet_id"]
    return found


def test_a_missed_market_that_is_mapped_the_wrong_way_round_is_refused_unless_forced_with_a_reason(
    run: Run, watched: None, query: Query, miss: Callable[..., None]
) -> None:
    query(UNMAP)
    miss("sportybet", "29", "GG/NG", ["Yes", "No"])
    refused = run(*INTO, *SWAP, *SIGNED)
    assert refused.exit_code == 1
    assert "btts_ft at sportybet is" in refused.stderr
    assert "with its labels assigned otherwise" in refused.stderr
    assert column(query) is None
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "NEW"}]
    unsigned = run(*INTO, *SWAP, "--force", "--actor", "ada")
    assert unsigned.exit_code == 2
    assert "needs --actor and --reason" in unsigned.stderr
    assert column(query) is None
    forced = run(*INTO, *SWAP, *SIGNED, "--force")
    assert forced.exit_code == 0, forced.stderr
    assert "contradicted" in forced.stderr
    assert (column(query), labels(query)) == ("29", {"yes": "No", "no": "Yes"})
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "MAPPED"}]
    newest = query("SELECT reason FROM mapping_audit_log ORDER BY id DESC LIMIT 1")
    assert newest == [{"reason": "because"}]


def test_a_missed_market_that_is_mapped_the_right_way_round_is_saved(
    run: Run, watched: None, query: Query, miss: Callable[..., None]
) -> None:
    query(UNMAP)
    miss("sportybet", "29", "GG/NG", ["Yes", "No"])
    saved = run(*INTO, *RIGHT, *SIGNED)
    assert saved.exit_code == 0, saved.stderr
    assert column(query) == "29"


def test_a_new_mapping_of_a_missed_market_is_checked_too(
    run: Run, watched: None, query: Query, miss: Callable[..., None], tmp_path: Path
) -> None:
    file = tmp_path / "mapping.json"
    file.write_text(json.dumps(dump_mapping(swapped().mapping)))
    assert run("mappings", "delete", "btts_ft", *SIGNED).exit_code == 0
    miss("sportybet", "29", "GG/NG", ["Yes", "No"])
    refused = run("unmapped", "map", "sportybet", "29", "--file", str(file), *SIGNED)
    assert refused.exit_code == 1
    assert "btts_ft at sportybet is" in refused.stderr
    assert query("SELECT id FROM user_market_mappings WHERE canonical_id = 'btts_ft'") == []
    assert query("SELECT status FROM unmapped_market_log") == [{"status": "NEW"}]


def suggest(query: Query) -> None:
    """Suggest a market the wrong way round, as was right once."""
    (row,) = query(
        "SELECT max(id) AS version FROM mapping_audit_log WHERE canonical_id = 'btts_ft'"
    )
    query(
        """INSERT INTO suggestion (source, external_market_id, rank, canonical_id, version, line_kind,
        outcomes, unmatched, evidence, events, likeness, confidence, is_confident, reason)
        VALUES ('sportybet', '29', 1, 'btts_ft', $1, 'none', $2, '[]', '{}', 12, 1, 1, true, 'an old one')""",
        row["version"],
        json.dumps({"Yes": "no", "No": "yes"}),
    )


def test_an_accepted_suggestion_that_the_prices_contradict_is_refused(
    run: Run, watched: None, query: Query, miss: Callable[..., None]
) -> None:
    query(UNMAP)
    miss("sportybet", "29", "GG/NG", ["Yes", "No"])
    suggest(query)
    refused = run("suggestions", "accept", "sportybet", "29", *SIGNED)
    assert refused.exit_code == 1
    assert "btts_ft at sportybet is" in refused.stderr
    assert column(query) is None


def leave_too_few(query: Query) -> None:
    """Leave five events, and one mapping: without others no goal model proves anything at the first."""
    query(
        "DELETE FROM watched_event"
        " WHERE event NOT IN (SELECT event FROM watched_event ORDER BY event LIMIT 5)"
    )
    query(
        "UPDATE user_market_mappings SET is_active = false"
        " WHERE canonical_id <> 'btts_ft' RETURNING id"
    )


def test_a_swap_that_too_few_events_can_judge_is_saved_and_said_not_to_be_judged(
    run: Run,
    change: Callable[..., Any],
    watched: None,
    query: Query,
    miss: Callable[..., None],
    tmp_path: Path,
) -> None:
    leave_too_few(query)
    said = "btts_ft at sportybet: too few events to judge: 5 of 10 needed."
    assert said in run(*UPDATE, *SWAP, *SIGNED, "--dry-run").stderr
    saved = change(*UPDATE, *SWAP)
    of_swap = [one for one in saved["prices"] if one["platform"] == "sportybet"]
    assert {one["code"] for one in of_swap} == {"TOO_FEW_EVENTS"}
    assert {(one["judged_events"], one["needed_events"]) for one in of_swap} == {(5, 10)}
    assert labels(query) == {"yes": "No", "no": "Yes"}
    catalogue, file = tmp_path / "catalogue.json", tmp_path / "mapping.json"
    entry = swapped()
    renamed = replace(entry.mapping, name="Goals of both")
    catalogue.write_text(dump_entries([entry._replace(mapping=renamed)]))
    file.write_text(json.dumps(dump_mapping(entry.mapping)))
    imported = run("mappings", "import", str(catalogue), *SIGNED)
    assert imported.exit_code == 0, imported.stderr
    assert said in imported.stderr
    query(UNMAP)
    miss("sportybet", "29", "GG/NG", ["Yes", "No"])
    mapped = run(*INTO, *SWAP, *SIGNED)
    assert mapped.exit_code == 0, mapped.stderr
    assert said in mapped.stderr
    run("mappings", "delete", "btts_ft", *SIGNED)
    created = run("mappings", "create", "--file", str(file), *SIGNED)
    assert created.exit_code == 0, created.stderr
    assert said in created.stderr


def test_an_accepted_suggestion_that_too_few_events_can_judge_is_said_not_to_be_judged(
    run: Run, watched: None, query: Query, miss: Callable[..., None]
) -> None:
    leave_too_few(query)
    query(UNMAP)
    miss("sportybet", "29", "GG/NG", ["Yes", "No"])
    suggest(query)
    accepted = run("suggestions", "accept", "sportybet", "29", *SIGNED)
    assert accepted.exit_code == 0, accepted.stderr
    assert "btts_ft at sportybet: too few events to judge: 5 of 10 needed." in accepted.stderr


def test_a_change_set_that_too_few_events_can_judge_is_said_not_to_be_judged(
    run: Run, watched: None, query: Query
) -> None:
    leave_too_few(query)
    written = run("drafts", "create", "btts_ft", *SWAP, "--propose", *SIGNED, "--json")
    number = str(json.loads(written.stdout)["change_set"])
    approved = run("changes", "approve", number, "--actor", "bob")
    assert approved.exit_code == 0, approved.stderr
    assert "btts_ft at sportybet: too few events to judge: 5 of 10 needed." in approved.stderr


def test_without_watched_events_nothing_is_compared(
    run: Run, change: Callable[..., Any], watched: None, query: Query
) -> None:
    query("DELETE FROM watched_event")
    assert "prices" not in change(*UPDATE, *SWAP)
    assert labels(query) == {"yes": "No", "no": "Yes"}


def test_a_change_set_with_a_swap_is_approved_by_force_and_with_a_reason_alone(
    run: Run, watched: None, query: Query
) -> None:
    written = run("drafts", "create", "btts_ft", *SWAP, "--propose", *SIGNED, "--json")
    number = str(json.loads(written.stdout)["change_set"])
    refused = run("changes", "approve", number, "--actor", "bob")
    assert refused.exit_code == 1
    assert "btts_ft at sportybet is" in refused.stderr
    assert "the prices contradict it" in refused.stderr
    assert labels(query) == {"yes": "Yes", "no": "No"}
    assert query("SELECT state FROM change_set WHERE NOT is_direct") == [{"state": "PROPOSED"}]
    assert run("changes", "approve", number, "--actor", "bob", "--force").exit_code == 2
    forced = ("--force", "--reason", "the bookmaker swapped them")
    assert run("changes", "approve", number, "--actor", "bob", *forced).exit_code == 0
    assert labels(query) == {"yes": "No", "no": "Yes"}
    assert query("SELECT forced FROM change_set WHERE NOT is_direct") == [
        {"forced": "the bookmaker swapped them"}
    ]
    # What takes a wrong change back is borne out by the prices.
    assert run("changes", "revert", number, *SIGNED).exit_code == 0
    assert labels(query) == {"yes": "Yes", "no": "No"}


def test_a_revert_that_the_prices_contradict_leaves_nothing_proposed(
    run: Run, watched: None, query: Query
) -> None:
    run(*UPDATE, *SWAP, *SIGNED, "--force")
    back = ("outcome.yes.sportybet_desc=Yes", "outcome.no.sportybet_desc=No")
    right = run(*UPDATE, "--set", back[0], "--set", back[1], *SIGNED, "--json")
    number = query("SELECT max(id) AS id FROM change_set")[0]["id"]
    assert right.exit_code == 0
    tried = run("changes", "revert", str(number), *SIGNED, "--dry-run")
    assert (tried.exit_code, "the prices contradict it" in tried.stderr) == (1, True)
    assert query("SELECT state FROM change_set WHERE NOT is_direct") == []
    refused = run("changes", "revert", str(number), *SIGNED)
    assert refused.exit_code == 1
    assert "the prices contradict it" in refused.stderr
    assert query("SELECT state FROM change_set WHERE NOT is_direct") == [{"state": "WITHDRAWN"}]
    assert labels(query) == {"yes": "Yes", "no": "No"}
