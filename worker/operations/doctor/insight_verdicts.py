"""What to say of the insight process: who leads, and how old its evidence is. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final

from worker.cli.tables import duration
from worker.cli.words import number_of
from worker.operations.doctor.findings import Finding, fine, warning
from worker.storage.access.locks import LockHolder, name_holders
from worker.storage.insight.alarms import StoredAlarm
from worker.storage.insight.evidence import EvidenceState

# A leader is heard of every ten seconds, and its session ends after a minute of silence.
SILENT_S: Final = 30.0
# Several scrapes.
OLD_S: Final = 3600.0
_DRIFT: Final = "docs/runbook.md, MarketmapInsightDrift"
_OLD: Final = "docs/runbook.md, MarketmapInsightOld"


def judge_evidence(
    leaders: Sequence[LockHolder], state: EvidenceState, drift: Sequence[StoredAlarm] = ()
) -> list[Finding]:
    """``leaders`` have the lock of the lead; one can have it at a time. ``drift`` are open alarms."""
    return [*_of_leader(leaders, state), *_of_events(state), *map(_of_drift, drift)]


def _of_drift(alarm: StoredAlarm) -> Finding:
    since = "" if alarm.first_hour is None else f" since {alarm.first_hour:%Y-%m-%d %H:%M} UTC"
    message = f"{alarm.platform} sends another form{since}: {alarm.reason} (alarm {alarm.id})"
    return warning("evidence", message, _DRIFT)


def _of_leader(leaders: Sequence[LockHolder], state: EvidenceState) -> list[Finding]:
    if not leaders:
        return [warning("evidence", "no insight process leads", "marketmap run insight")]
    silent_s = max(
        ((state.now - one.since).total_seconds() for one in leaders if one.since is not None),
        default=0.0,
    )
    named = name_holders(leaders)
    if silent_s > SILENT_S:
        message = f"the leader has been silent for {duration(silent_s)}: {named}"
        remedy = "is its process alive? Its session ends after a minute, and another one takes over"
        return [warning("evidence", message, remedy)]
    return [fine("evidence", f"one insight process leads: {named}")]


def _of_events(state: EvidenceState) -> list[Finding]:
    if state.stored_at is None or not state.events:
        return [
            warning(
                "evidence",
                "no event is watched: nothing is known from odds",
                "docs/runbook.md, What the odds say",
            )
        ]
    old_s = (state.now - state.stored_at).total_seconds()
    if old_s > OLD_S:
        message = f"no observation of a watched event was stored for {duration(old_s)}"
        return [warning("evidence", message, "marketmap lag --insight; /readyz of the leader")]
    if state.judged_at is None:
        message = "events are watched, and no evidence was ever written"
        return [warning("evidence", message, _OLD)]
    if (state.stored_at - state.judged_at).total_seconds() > OLD_S:
        since = duration((state.now - state.judged_at).total_seconds())
        message = f"events are watched, and no evidence was written for {since}"
        return [warning("evidence", message, _OLD)]
    counts = (
        f"{number_of(state.events, 'event')} watched, {number_of(state.mappings, 'mapping')} with evidence, "
        f"{number_of(state.suggested, 'market')} with suggestions, {number_of(state.alarms, 'open alarm')}"
    )
    return [fine("evidence", f"{counts}; the newest {duration(old_s)} ago")]
