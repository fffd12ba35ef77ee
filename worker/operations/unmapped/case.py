"""One missed market with all that is known of it: what somebody needs who decides about it."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.coverage import Coverage, coverage
from worker.domain.index import MappingIndex
from worker.insight.graded import GradedEvidence, read_graded
from worker.operations.evidence.tables import (
    evidence_json,
    example_json,
    suggestion_json,
)
from worker.operations.unmapped.missed_days import MissedSpan, spans_of
from worker.runtime.index.covering import usable
from worker.storage import misses
from worker.storage.changes import cases
from worker.storage.changes.cases import WorkedCase
from worker.storage.insight import evidence, miss_days
from worker.storage.insight.evidence import StoredSample, StoredSuggestion
from worker.storage.mappings import StoredMapping, list_mappings
from worker.storage.misses import QueuedMiss, QueueKey


class OddsOfMiss(NamedTuple):
    """What the odds say of a missed market: suggestions, examples, and evidence for mappings with its id."""

    suggestions: Sequence[StoredSuggestion]
    samples: Sequence[StoredSample]
    evidence: Sequence[GradedEvidence]

    def as_json(self) -> dict[str, Any]:
        return {
            "suggestions": [suggestion_json(one) for one in self.suggestions],
            "samples": [example_json(one) for one in self.samples],
            "evidence": [one for graded in self.evidence for one in evidence_json(graded)],
        }


class MissCase(NamedTuple):
    """A missed market, the active mappings with its id, and which of its labels they know."""

    miss: QueuedMiss
    claimants: Sequence[StoredMapping]
    found: Coverage
    odds: OddsOfMiss
    # The grade of this id in each mapping in which it is switched off: there it is missed on purpose.
    switched_off: dict[str, str | None]
    # How often it was missed in the last days, in about one part a day; empty without an insight process.
    spans: Sequence[MissedSpan]
    # Who works on it, until when it is put off, and whether it was mapped once before.
    work: WorkedCase


async def read_case(connection: AsyncConnection, key: QueueKey) -> MissCase:
    """Return what is known of a missed market. Raises UnknownMiss."""
    miss = await misses.get_unlocked(connection, key)
    source, external_market_id = key
    market_id = external_market_id.partition("?")[0]
    claimants = await list_mappings(
        connection, is_active=True, platform=source, market_id=market_id
    )
    mappings = usable(claimants)
    found = coverage(MappingIndex(mappings), *miss.key, miss.sample_outcomes)
    switched_off: dict[str, str | None] = {
        mapping.canonical_id: one.grade
        for mapping in mappings
        for one in mapping.also
        if (one.platform, one.id) == (source, market_id) and not one.active
    }
    odds = await _read_odds(connection, miss, claimants)
    taken = (await miss_days.read_counts(connection, [miss.id]))[miss.id]
    spans = spans_of(miss, taken, datetime.now(UTC))
    work = (await cases.read_cases(connection, [key]))[key]
    return MissCase(miss, claimants, found, odds, switched_off, spans, work)


async def _read_odds(
    connection: AsyncConnection, miss: QueuedMiss, claimants: Sequence[StoredMapping]
) -> OddsOfMiss:
    return OddsOfMiss(
        await evidence.read_suggestions(connection, miss.key),
        await evidence.read_samples(connection, "miss", miss.key),
        [
            graded
            for one in claimants
            for graded in await read_graded(
                connection, canonical_id=one.canonical_id, platform=miss.source
            )
        ],
    )
