"""Evidence is listed with grades; alarms are listed, shown and decided about, signed."""

import csv
import json
from collections.abc import Callable
from typing import Any

import pytest

from tests.integration.commands.conftest import SIGNED, Query, Run

pytestmark = pytest.mark.services

RAISE = """
INSERT INTO alarm (canonical_id, platform, version, kind, present, better, events, canonical_id_instead,
    outcomes_instead, reason)
VALUES ('btts', $1, 7, 'assignment', 1.1, 0.02, 12, 'btts', '{"Yes": "yes", "No": "no"}',
    '1.10 from the odds of 12 events, and 0.02 with its labels assigned otherwise')
"""
COMPARE = """
INSERT INTO mapping_evidence (canonical_id, platform, against, version, events, comparisons, prices, median,
    p90, worst)
VALUES ('btts', $1, $2, 7, 12, 24, 2, $3, $3, '{"event": "1", "outcome": "yes", "size": 0.5}')
"""


@pytest.fixture
def alarms(query: Query) -> None:
    query(RAISE, "sportybet")
    query(RAISE, "betpawa")


@pytest.fixture
def evidence(query: Query) -> None:
    query(COMPARE, "sportybet", "betpawa", 0.02)
    query(COMPARE, "sportybet", "model", 0.1)
    query(COMPARE, "bet9ja", "model", 0.1)


def test_alarms_that_are_not_closed_are_listed(run: Run, alarms: None) -> None:
    listed = json.loads(run("alarms", "list", "--json").stdout)
    assert [(one["platform"], one["status"]) for one in listed] == [
        ("betpawa", "OPEN"),
        ("sportybet", "OPEN"),
    ]
    assert "labels assigned otherwise" in run("alarms", "list").stdout
    only = run("alarms", "list", "--platform", "sportybet", "--csv").stdout
    assert [row["canonical_id"] for row in csv.DictReader(only.splitlines())] == ["btts"]
    assert json.loads(run("alarms", "list", "--status", "CLOSED", "--json").stdout) == []
    assert run("alarms", "list", "--status", "open").exit_code == 2


def test_a_decision_is_signed_and_can_be_tried(
    change: Callable[..., Any], run: Run, alarms: None, query: Query
) -> None:
    assert change("alarms", "close", "1", "2", "--dry-run")["changed"] == [1, 2]
    assert change("alarms", "acknowledge", "1")["changed"] == [1]
    assert change("alarms", "close", "1")["changed"] == [1]
    assert change("alarms", "close", "1")["changed"] == []
    rows = query(
        "SELECT id, status, status_actor, status_reason, status_login FROM alarm ORDER BY id"
    )
    assert [row["status"] for row in rows] == ["CLOSED", "OPEN"]
    assert (rows[0]["status_actor"], rows[0]["status_reason"]) == ("ada", "because")
    assert rows[0]["status_login"] is not None
    shown = run("alarms", "show", "1").stdout
    assert "Yes = yes" in shown
    assert "ada" in shown
    assert [one["id"] for one in json.loads(run("alarms", "list", "--json").stdout)] == [2]


def test_an_alarm_that_there_is_not_is_named_and_nothing_is_changed(
    run: Run, alarms: None, query: Query
) -> None:
    refused = run("alarms", "close", "1", "9", *SIGNED)
    assert refused.exit_code == 1
    assert "there is no alarm 9; nothing was changed" in refused.stderr
    assert query("SELECT id FROM alarm WHERE status <> 'OPEN'") == []
    assert run("alarms", "show", "9").exit_code == 1


def test_an_alarm_on_a_form_is_listed_shown_and_closed(
    change: Callable[..., Any], run: Run, query: Query
) -> None:
    query(
        "INSERT INTO alarm (platform, kind, sign, first_hour, last_hour, events, reason)"
        " VALUES ('betpawa', 'drift', 'unknown_label', '2026-01-01 12:00Z', '2026-01-01 13:00Z', 20, 'why')"
    )
    (listed,) = json.loads(run("alarms", "list", "LABEL", "--json").stdout)
    assert (listed["kind"], listed["canonical_id"], listed["sign"]) == (
        "drift",
        None,
        "unknown_label",
    )
    assert "form: unknown label" in run("alarms", "list").stdout
    assert "2026-01-01 13:00:00" in run("alarms", "show", "1").stdout
    assert run("evidence", "list", "--json").exit_code == 0
    assert change("alarms", "close", "1")["changed"] == [1]


def test_an_alarm_by_proof_is_listed_and_shown_without_anything_instead(
    run: Run, query: Query
) -> None:
    query(
        "INSERT INTO alarm (canonical_id, platform, version, kind, events, reason)"
        " VALUES ('btts', 'bet9ja', 1, 'proof', 2, 'contradicted by its own prices')"
    )
    (listed,) = json.loads(run("alarms", "list", "--json").stdout)
    assert (listed["kind"], listed["canonical_id_instead"], listed["better"]) == (
        "proof",
        None,
        None,
    )
    assert "contradicted by its own prices" in run("alarms", "list").stdout
    shown = run("alarms", "show", "1").stdout
    assert "proof" in shown
    assert "instead" not in shown


def test_evidence_has_the_grade_that_follows_from_it(
    run: Run, evidence: None, query: Query
) -> None:
    listed = json.loads(run("evidence", "list", "--json").stdout)
    assert [(one["platform"], one["against"], one["grade"]) for one in listed] == [
        ("bet9ja", "model", "modelled"),
        ("sportybet", "betpawa", "verified"),
        ("sportybet", "model", "verified"),
    ]
    query(RAISE, "sportybet")
    contradicted = run("evidence", "list", "--grade", "contradicted", "--csv").stdout
    rows = list(csv.DictReader(contradicted.splitlines()))
    assert {row["platform"] for row in rows} == {"sportybet"}
    assert "modelled" in run("evidence", "show", "btts").stdout
    assert run("evidence", "show", "none").exit_code == 1
