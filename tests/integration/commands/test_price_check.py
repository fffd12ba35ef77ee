"""A change that the prices of the last events contradict is refused unless it is forced."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from tests.integration.commands.conftest import SIGNED, Query, Run
from tests.support.boards import STARTED, generated_boards
from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import Entry, dump_entries, load_catalogue
from worker.domain.mapping import dump_mapping
from worker.insight.watching.stored import StoredBoard, pack, pack_together
from worker.storage.engine import opened, transaction
from worker.storage.insight.evidence import StoredEvent, save_event
from worker.storage.mappings import import_mappings

pytestmark = pytest.mark.services

NAMES = {"1x2_ft", "1x2_1h", "btts_ft", "over_under_ft", "double_chance_ft"}
SWAP = ("--set", "outcome.yes.sportybet_desc=No", "--set", "outcome.no.sportybet_desc=Yes")
UPDATE = ("mappings", "update", "btts_ft")


async def fill(url: str) -> None:
    """Some mappings, and what three bookmakers sell on twelve events."""
    shipped = load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))
    boards: dict[str, dict[Any, StoredBoard]] = {}
    for board in generated_boards(seed=3, events=12):
        boards.setdefault(board.event, {})[board.platform] = pack(board, STARTED)
    async with opened(url) as engine, transaction(engine) as connection:
        chosen = [one for one in shipped if one.canonical_id in NAMES]
        await import_mappings(connection, chosen, actor="test", reason="some")
        for number, (event, of_event) in enumerate(boards.items()):
            if len(of_event) > 1:
                seen_at = STARTED + timedelta(minutes=number)
                stored = StoredEvent(event, None, None, None, seen_at, pack_together(of_event))
                await save_event(connection, stored, len(of_event))


@pytest.fixture
def watched(migrated: str) -> None:
    asyncio.run(fill(migrated))


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


def test_without_watched_events_nothing_is_compared(
    run: Run, change: Callable[..., Any], watched: None, query: Query
) -> None:
    query("DELETE FROM watched_event")
    assert "prices" not in change(*UPDATE, *SWAP)
    assert labels(query) == {"yes": "No", "no": "Yes"}
