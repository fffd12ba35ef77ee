"""Mappings of players through the commands that editors use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from asyncpg import CheckViolationError
from typer.testing import Result

Run = Callable[..., Result]
Change = Callable[..., Any]
Query = Callable[..., list[dict[str, Any]]]

pytestmark = pytest.mark.services
# As docs/editing.md has it.
SHOTS = """
canonical_id: player_shots_ft
name: Player Shots - Full Time
participant: {kind: player}
also:
- {platform: sportybet, id: '776', line: {kind: at_least, from: label}, free: [variant]}
outcome_mapping:
- {canonical_id: over, sportybet_desc: '{player} N+'}
"""
# What a worker reads of the table that knows neither participants nor further ids.
OLD_INDEX = """
SELECT canonical_id FROM user_market_mappings
WHERE is_active AND (betpawa_id IS NOT NULL OR sportybet_id IS NOT NULL OR bet9ja_key IS NOT NULL)
"""


@pytest.fixture
def shots(change: Change, tmp_path: Path) -> int:
    """The mapping is there; its version."""
    file = tmp_path / "shots.yaml"
    file.write_text(SHOTS, encoding="utf-8")
    version: int = change("mappings", "create", "--file", str(file))["version"]
    return version


def shown(run: Run) -> dict[str, Any]:
    document: dict[str, Any] = json.loads(
        run("mappings", "show", "player_shots_ft", "--json").stdout
    )
    return document


def test_a_file_holds_a_participant_and_people_see_it(shots: int, run: Run) -> None:
    assert shown(run)["participant"] == {"kind": "player"}
    assert "participant" in run("mappings", "show", "player_shots_ft").stdout


def test_an_older_worker_finds_no_id_of_it(shots: int, query: Query) -> None:
    assert query(OLD_INDEX) == []


def test_not_even_plain_sql_gives_it_an_id_that_an_older_worker_reads(
    shots: int, query: Query
) -> None:
    with pytest.raises(CheckViolationError, match="ck_user_market_mappings_participant"):
        query("UPDATE user_market_mappings SET sportybet_id = '776' RETURNING id")


def test_an_id_in_a_column_is_refused_when_it_is_saved(shots: int, run: Run) -> None:
    signed = ("--actor", "ada", "--reason", "because")
    done = run("mappings", "update", "player_shots_ft", "--set", "sportybet_id=776", *signed)
    assert done.exit_code != 0
    assert "must be empty in a mapping with a participant" in " ".join(done.stderr.split())


def test_what_is_exported_is_imported_unchanged(
    shots: int, run: Run, change: Change, tmp_path: Path
) -> None:
    file = tmp_path / "all.json"
    assert run("mappings", "export", "--output", str(file)).exit_code == 0
    assert change("mappings", "import", str(file))["unchanged"] == ["player_shots_ft"]


def test_history_has_the_field_and_a_rollback_restores_it(
    shots: int, change: Change, run: Run
) -> None:
    off = ["--set", "participant.kind=", "--set", "outcome.over.sportybet_desc=N+"]
    done = change("mappings", "update", "player_shots_ft", *off)
    assert {"field": "participant.kind", "old": "player", "new": None} in done["changes"]
    assert "participant.kind" in run("mappings", "history", "player_shots_ft", "--json").stdout
    change("mappings", "rollback", "player_shots_ft", str(shots))
    assert shown(run)["participant"] == {"kind": "player"}
