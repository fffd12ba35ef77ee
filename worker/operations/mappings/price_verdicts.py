"""What the prices of the last events say about mappings that are to be saved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Sequence
from dataclasses import replace
from typing import Any, Final, NamedTuple

from worker.domain.mapping import Mapping, parse_mapping
from worker.runtime.index.covering import usable
from worker.storage.editing import Edit
from worker.storage.insight.evidence import StoredEvent
from worker.storage.mappings import StoredMapping, list_mappings

MOST_EVENTS: Final = 200


class PriceVerdict(NamedTuple):
    """One mapping at one bookmaker, compared with one reference; ``reason`` is why it is contradicted."""

    canonical_id: str
    platform: str
    against: str
    events: int
    median: float
    reason: str | None


class PriceComparison(NamedTuple):
    """What was compared; ``missing`` is why nothing could be, None if it could."""

    verdicts: Sequence[PriceVerdict] = ()
    missing: str | None = None


def compare_prices(
    events: Sequence[StoredEvent],
    active: dict[str, Mapping],
    names: Collection[str],
    *,
    proceed: Callable[[], None] = lambda: None,
) -> PriceComparison:
    """Compare the prices of the mappings of these names, of all that are active. It takes seconds.

    ``proceed`` is called between its steps; what it raises ends the comparison.
    """
    try:
        from worker.insight.price_check import check_prices  # noqa: PLC0415  needs the extra `insight`
        from worker.insight.shipped import shipped_judge  # noqa: PLC0415
        from worker.insight.watching.stored import UnreadableBoardsError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in {"numpy", "scipy"}:
            raise
        return PriceComparison(missing=f"{error.name} of the extra `insight` is missing")
    try:
        found = check_prices(events, active, set(names), shipped_judge(), proceed=proceed)
    except UnreadableBoardsError as error:
        return PriceComparison(missing=str(error))
    return PriceComparison(
        [
            PriceVerdict(
                one.canonical_id,
                one.platform,
                row.against,
                row.events,
                round(row.median, 3),
                None if one.alarm is None else one.alarm.reason,
            )
            for one in found
            for row in one.comparisons
        ]
    )


def contradictions(verdicts: Sequence[PriceVerdict]) -> list[str]:
    """Which mappings the prices contradict, each with the reason, as sentences."""
    return sorted(
        {
            f"{one.canonical_id} at {one.platform} is {one.reason}"
            for one in verdicts
            if one.reason is not None
        }
    )


def verdict_json(verdicts: Sequence[PriceVerdict]) -> list[dict[str, Any]]:
    return [one._asdict() for one in verdicts]


async def active_mappings(edit: Edit) -> dict[str, Mapping]:
    """Return all active mappings that can be used, as they are in the middle of a change."""
    rows = await list_mappings(edit.connection, is_active=True)
    return {mapping.canonical_id: mapping for mapping in usable(rows)}


def is_same_mapping(row: StoredMapping | None, expected: Mapping) -> bool:
    """Whether a row still is what was compared.

    A mapping that is created twice has another id of the table, which does not count.
    """
    if row is None:
        return False
    return replace(parse_mapping(row._asdict()), id=None) == replace(expected, id=None)
