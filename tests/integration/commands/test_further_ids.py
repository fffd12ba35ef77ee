"""Scopes, further ids and traits through the commands that editors use."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import Result

Run = Callable[..., Result]
Change = Callable[..., Any]
Query = Callable[..., list[dict[str, Any]]]

pytestmark = pytest.mark.services
SIGNED = ("--actor", "ada", "--reason", "because")
# A basketball market, as an editor writes it.
POINTS = """
canonical_id: basketball_points
name: Points Over/Under
line_rule: {kind: total}
outcome_mapping:
- {canonical_id: over, sportybet_desc: Over}
- {canonical_id: under, sportybet_desc: Under}
scope: {sport: basketball}
also:
- {platform: sportybet, id: '18', grade: A}
- {platform: sportybet, id: '225', active: false, grade: C, phase: live}
traits:
  {family: total, sport: basketball, period: ft, subject: match, counts: points, line: total, exclusive: true}
"""
# What a worker of the release before reads: it knows no scope, and no further ids.
OLD_INDEX = """
SELECT canonical_id, betpawa_id, sportybet_id, bet9ja_key FROM user_market_mappings AS mapping
WHERE mapping.is_active AND (betpawa_id IS NOT NULL OR sportybet_id IS NOT NULL OR bet9ja_key IS NOT NULL)
"""


@pytest.fixture
def points(change: Change, tmp_path: Path) -> int:
    """The basketball mapping is there; its version."""
    file = tmp_path / "points.yaml"
    file.write_text(POINTS, encoding="utf-8")
    version: int = change("mappings", "create", "--file", str(file))["version"]
    return version


def shown(run: Run, canonical_id: str = "basketball_points") -> dict[str, Any]:
    document: dict[str, Any] = json.loads(run("mappings", "show", canonical_id, "--json").stdout)
    return document


def test_a_file_holds_scope_further_ids_and_traits(points: int, run: Run) -> None:
    row = shown(run)
    assert row["scope"] == {"sport": "basketball", "phase": "both"}
    assert [(one["id"], one["active"]) for one in row["also"]] == [("18", True), ("225", False)]
    assert row["traits"]["exclusive"] is True


def test_people_see_the_further_ids(points: int, run: Run) -> None:
    table = run("mappings", "show", "basketball_points").stdout
    assert "225" in table
    assert "off" in table


def test_a_worker_of_the_release_before_sees_no_id_of_another_sport(
    points: int, query: Query
) -> None:
    assert query(OLD_INDEX) == []


def test_what_is_exported_is_imported_unchanged(
    points: int, run: Run, change: Change, tmp_path: Path
) -> None:
    file = tmp_path / "all.json"
    assert run("mappings", "export", "--output", str(file)).exit_code == 0
    assert change("mappings", "import", str(file))["unchanged"] == ["basketball_points"]
    one = yaml.safe_load(run("mappings", "export", "basketball_points").stdout)
    assert one["also"][1]["active"] is False


def test_one_id_is_switched_on_and_the_history_says_so(
    points: int, change: Change, run: Run
) -> None:
    done = change(
        "mappings", "update", "basketball_points", "--set", "also.sportybet.225.active=true"
    )
    (field,) = done["changes"]
    assert field == {"field": "also.sportybet.225.active", "old": False, "new": True}
    assert (
        "also.sportybet.225.active"
        in run("mappings", "history", "basketball_points", "--json").stdout
    )


def test_a_rollback_restores_further_ids(points: int, change: Change, run: Run) -> None:
    change("mappings", "update", "basketball_points", "--set", "also.sportybet.225=")
    assert len(shown(run)["also"]) == 1
    change("mappings", "rollback", "basketball_points", str(points))
    assert len(shown(run)["also"]) == 2


def test_lists_find_a_mapping_by_a_further_id(points: int, run: Run) -> None:
    for options in (["--platform", "sportybet", "--market-id", "18"], ["--market-id", "225"]):
        found = run("mappings", "list", *options, "--json")
        assert [row["canonical_id"] for row in json.loads(found.stdout)] == ["basketball_points"]


def test_football_may_have_the_same_id(points: int, change: Change) -> None:
    football = ["--set", "canonical_id=goals", "--set", "name=Goals", "--set", "sportybet_id=18"]
    rule = ["--set", "line_rule.kind=total", "--set", "outcome.over.sportybet_desc=Over"]
    assert change("mappings", "create", *football, *rule)["action"] == "CREATE"


def test_a_conflict_over_a_further_id_is_refused(points: int, run: Run) -> None:
    other = [
        "--set",
        "canonical_id=basketball_other",
        "--set",
        "name=O",
        "--set",
        "scope.sport=basketball",
    ]
    rule = ["--set", "line_rule.kind=total", "--set", "outcome.over.sportybet_desc=Over"]
    further = ["--set", "also.sportybet.18.active=true"]
    result = run("mappings", "create", *other, *rule, *further, *SIGNED)
    assert result.exit_code == 1
    assert "conflicts with basketball_points" in result.stderr


@pytest.mark.parametrize("name", ["foo bar", "Foo", "a__b"])
def test_a_new_canonical_id_has_the_pattern(run: Run, query: Query, name: str) -> None:
    fields = ["--set", f"canonical_id={name}", "--set", "name=X", "--set", "sportybet_id=1"]
    result = run("mappings", "create", *fields, "--set", "outcome.a.sportybet_desc=A", *SIGNED)
    assert (result.exit_code, query("SELECT * FROM user_market_mappings")) == (1, [])
    assert "lower case letters and digits" in result.stderr


def test_a_canonical_id_from_before_stays_as_it_is(run: Run, query: Query, change: Change) -> None:
    query(
        "INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping) VALUES"
        " ('Old one', 'X', '1', '[{\"canonical_id\": \"a\", \"sportybet_desc\": \"A\"}]') RETURNING id"
    )
    assert change("mappings", "update", "Old one", "--set", "priority=3")["action"] == "UPDATE"
