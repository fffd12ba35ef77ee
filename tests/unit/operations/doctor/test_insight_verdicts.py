from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worker.kafka.cluster.groups import Group, Member
from worker.operations.doctor.insight_verdicts import judge_evidence
from worker.operations.doctor.kafka_verdicts import judge_insight_group
from worker.storage.access.locks import LockHolder
from worker.storage.insight.alarms import StoredAlarm
from worker.storage.insight.evidence import EvidenceState

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)
LEADER = LockHolder(7, "insight", "marketmap-insight", NOW - timedelta(seconds=8), is_entitled=True)
STATE = EvidenceState(
    events=200,
    mappings=431,
    suggested=80,
    alarms=2,
    stored_at=NOW - timedelta(minutes=3),
    judged_at=NOW - timedelta(minutes=2),
    now=NOW,
)


def test_of_a_process_that_leads_and_writes_everything_is_fine() -> None:
    leader, evidence = judge_evidence([LEADER], STATE)
    assert leader.level == evidence.level == "OK"
    assert leader.message == (
        "one insight process leads: pid 7, login insight, application marketmap-insight,"
        " since 2026-11-28 11:59:52 UTC"
    )
    assert evidence.message == (
        "200 events watched, 431 mappings with evidence, 80 markets with suggestions,"
        " 2 open alarms; the newest 3 min ago"
    )


def test_without_a_leader_it_says_what_to_start() -> None:
    leader, _ = judge_evidence([], STATE)
    assert (leader.level, leader.remedy) == ("WARNING", "marketmap run insight")


def test_a_leader_that_is_silent_is_named() -> None:
    leader, _ = judge_evidence([LEADER._replace(since=NOW - timedelta(seconds=40))], STATE)
    assert leader.level == "WARNING"
    assert leader.message.startswith("the leader has been silent for 40 s: pid 7")


def test_a_leader_of_which_nobody_may_know_since_when_is_no_silent_one() -> None:
    leader, _ = judge_evidence([LEADER._replace(since=None)], STATE)
    assert leader.level == "OK"


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"events": 0}, "no event is watched: nothing is known from odds"),
        ({"stored_at": None}, "no event is watched: nothing is known from odds"),
        (
            {"stored_at": NOW - timedelta(hours=2)},
            "no observation of a watched event was stored for 2 h",
        ),
        ({"judged_at": None}, "events are watched, and no evidence was ever written"),
        (
            {"judged_at": NOW - timedelta(hours=5)},
            "events are watched, and no evidence was written for 5 h",
        ),
    ],
)
def test_old_evidence_is_a_warning(changed: dict[str, Any], message: str) -> None:
    _, evidence = judge_evidence([LEADER], STATE._replace(**changed))
    assert (evidence.level, evidence.message) == ("WARNING", message)
    assert evidence.remedy


def test_a_consumer_that_joined_the_group_of_the_insight_processes_is_named() -> None:
    assert judge_insight_group(Group("Empty", []), "g") == []
    member = Member("somebody", "10.0.0.1", frozenset())
    (found,) = judge_insight_group(Group("Stable", [member]), "g")
    assert found.level == "FAILURE"
    assert found.message == "g: somebody joined it, so the leading process cannot commit"


def test_a_bookmaker_that_sends_another_form_is_named_with_the_alarm() -> None:
    fields: dict[str, Any] = dict.fromkeys(StoredAlarm._fields) | {
        "id": 7,
        "platform": "betpawa",
        "sign": "refused",
        "reason": "49.4% of the markets are refused, 0.0% in the hours before",
        "first_hour": NOW,
    }
    *_, finding = judge_evidence([LEADER], STATE, [StoredAlarm(**fields)])
    assert (finding.level, finding.remedy) == ("WARNING", "docs/runbook.md, MarketmapInsightDrift")
    assert finding.message == (
        "betpawa sends another form since 2026-11-28 12:00 UTC: "
        "49.4% of the markets are refused, 0.0% in the hours before (alarm 7)"
    )
