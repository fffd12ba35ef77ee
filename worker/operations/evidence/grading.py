"""The grade of each mapping at each bookmaker, from what is stored."""

from __future__ import annotations

from collections.abc import Collection, Iterable
from itertools import groupby

from worker.insight.grades import ReferenceComparison, grade
from worker.operations.evidence.tables import GradedEvidence
from worker.storage.insight.evidence import StoredEvidence


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
