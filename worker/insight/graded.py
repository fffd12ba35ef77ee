"""The grade of each mapping at each bookmaker, from what is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Sequence
from itertools import groupby
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from schemas import EvidenceGrade
from worker.insight.grades import ReferenceComparison, grade
from worker.storage.insight import alarms, evidence
from worker.storage.insight.evidence import StoredEvidence

_ALL: Final = 1_000_000


class GradedEvidence(NamedTuple):
    """Comparisons of one mapping at one bookmaker, and the grade that follows from them."""

    canonical_id: str
    platform: str
    grade: EvidenceGrade
    comparisons: Sequence[StoredEvidence]

    @property
    def version(self) -> int:
        """The version of the mapping that was compared."""
        return max(one.version for one in self.comparisons)


def graded(
    rows: Iterable[StoredEvidence], contradicted: Collection[tuple[str, str]]
) -> list[GradedEvidence]:
    """Group comparisons by mapping and bookmaker; ``contradicted`` are those with an alarm that is open."""
    found = []
    for (canonical_id, platform), together in groupby(
        rows, key=lambda row: (row.canonical_id, row.platform)
    ):
        comparisons = list(together)
        given = [
            ReferenceComparison(
                "model" if one.against == "model" else "book", one.events, one.prices, one.median
            )
            for one in comparisons
        ]
        is_contradicted = (canonical_id, platform) in contradicted
        found.append(
            GradedEvidence(
                canonical_id, platform, grade(given, is_contradicted=is_contradicted), comparisons
            )
        )
    return found


async def read_graded(
    connection: AsyncConnection,
    *,
    canonical_id: str | None = None,
    platform: str | None = None,
    containing: str = "",
) -> list[GradedEvidence]:
    """Read comparisons with their grades."""
    rows = await evidence.list_evidence(
        connection, canonical_id=canonical_id, platform=platform, containing=containing
    )
    return await _graded(connection, rows)


async def read_graded_of(
    connection: AsyncConnection, canonical_ids: Collection[str]
) -> list[GradedEvidence]:
    """Read those of some mappings."""
    return await _graded(connection, await evidence.evidence_of(connection, canonical_ids))


async def _graded(
    connection: AsyncConnection, rows: Sequence[StoredEvidence]
) -> list[GradedEvidence]:
    raised, _ = await alarms.list_alarms(connection, limit=_ALL)
    return graded(
        rows, {(one.canonical_id, one.platform) for one in raised if one.canonical_id is not None}
    )
