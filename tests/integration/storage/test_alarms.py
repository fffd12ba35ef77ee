"""An alarm is stored within bounds, whatever labels and fields a bookmaker sends."""

from datetime import UTC, datetime
from typing import Any

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage.insight import alarms
from worker.storage.insight.alarms import LONGEST_LABEL, LONGEST_REASON, MOST_LABELS

pytestmark = pytest.mark.services

NOON = datetime(2026, 11, 29, 12, tzinfo=UTC)
ALARM: dict[str, Any] = {
    "canonical_id": "btts",
    "platform": "sportybet",
    "version": 7,
    "kind": "assignment",
    "present": 0.6,
    "better": 0.1,
    "events": 12,
    "canonical_id_instead": "btts",
    "outcomes_instead": {"Yes": "no", "No": "yes"},
    "reason": "0.60 from the odds of 12 events",
}


async def test_an_alarm_is_stored_as_it_is(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        assert await alarms.raise_alarm(connection, ALARM)
        (stored,), _ = await alarms.list_alarms(connection)
    assert (stored.outcomes_instead, stored.reason) == (ALARM["outcomes_instead"], ALARM["reason"])


PROOF: dict[str, Any] = {
    **{name: ALARM[name] for name in ("canonical_id", "platform", "version")},
    "events": 2,
    "reason": "contradicted by the bookmaker's own prices on 2 events (sign): why",
}


async def test_an_alarm_by_proof_says_nothing_instead_and_closes_when_nothing_is_proved(
    engine: AsyncEngine,
) -> None:
    key = (PROOF["canonical_id"], PROOF["platform"])
    async with engine.begin() as connection:
        assert await alarms.raise_proof(connection, PROOF) is True
        assert await alarms.raise_proof(connection, PROOF) is None
        assert await alarms.raise_proof(connection, PROOF | {"events": 3}) is False
        assert await alarms.close_agreeing(connection, [key]) == 0
        (stored,), _ = await alarms.list_alarms(connection)
        assert (stored.kind, stored.events, stored.reason) == ("proof", 3, PROOF["reason"])
        assert (stored.canonical_id_instead, stored.outcomes_instead) == (None, None)
        assert (await alarms.count_open(connection)).mappings == 1
        assert await alarms.close_unproved(connection, [key]) == 1
        assert await alarms.raise_proof(connection, PROOF) is False
        (stored,), _ = await alarms.list_alarms(connection)
        assert stored.status == "OPEN"
        assert await alarms.close_outdated(connection, {"btts": 8}) == 1


async def test_an_alarm_that_says_what_is_right_instead_comes_before_a_proof(
    engine: AsyncEngine,
) -> None:
    key = (PROOF["canonical_id"], PROOF["platform"])
    async with engine.begin() as connection:
        await alarms.raise_proof(connection, PROOF)
        assert await alarms.raise_alarm(connection, ALARM) is False
        assert await alarms.raise_proof(connection, PROOF) is None
        assert await alarms.close_unproved(connection, [key]) == 0
        (stored,), _ = await alarms.list_alarms(connection)
        assert (stored.kind, stored.outcomes_instead) == ("assignment", ALARM["outcomes_instead"])
        assert await alarms.close_agreeing(connection, [key]) == 1
        assert await alarms.raise_proof(connection, PROOF) is False
        (stored,), _ = await alarms.list_alarms(connection)
        assert (stored.kind, stored.outcomes_instead) == ("proof", None)


async def test_what_a_person_closed_stays_closed_for_a_proof_too(engine: AsyncEngine) -> None:
    async with engine.begin() as connection:
        await alarms.raise_proof(connection, PROOF)
        (stored,), _ = await alarms.list_alarms(connection)
        await alarms.change_alarms(connection, [stored.id], "CLOSED", actor="ada", reason="right")
        await alarms.raise_proof(connection, PROOF | {"events": 3})
        assert await alarms.list_alarms(connection) == ([], 0)


async def test_any_number_of_labels_of_any_length_is_stored_within_bounds(
    engine: AsyncEngine,
) -> None:
    many = {f"{number:05} {'é' * 3000}": "yes" for number in range(5000)}
    huge = {**ALARM, "outcomes_instead": many, "reason": "x" * 1_000_000}
    async with engine.begin() as connection:
        await alarms.raise_alarm(connection, huge)
        await alarms.raise_drift(
            connection,
            platform="bet9ja",
            sign="fields",
            hour=NOON,
            events=3,
            reason="y" * 1_000_000,
        )
        found, _ = await alarms.list_alarms(connection)
        longest = await connection.scalar(
            text("SELECT max(octet_length(to_jsonb(alarm)::text)) FROM alarm")
        )
    stored = next(one for one in found if one.kind == "assignment")
    assert len(stored.outcomes_instead) == MOST_LABELS
    assert max(map(len, stored.outcomes_instead)) == LONGEST_LABEL
    assert {len(one.reason) for one in found} == {LONGEST_REASON}
    assert longest < 64 * 1024
