"""What the prices of the last events say about mappings that are to be saved."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterator, Sequence
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, Literal, NamedTuple

from worker.domain.mapping import Mapping, parse_mapping
from worker.operations.what_if.draft import ActiveMappings
from worker.runtime.index.covering import usable
from worker.storage.editing import Edit
from worker.storage.insight.evidence import StoredEvent
from worker.storage.mappings import StoredMapping, list_mappings

if TYPE_CHECKING:
    from worker.insight.price_check import PriceFinding

MOST_EVENTS: Final = 200
_MOST_SENTENCES: Final = 10

# Why prices do not bear a mapping out; NOT_WATCHED: no watched event can hold such a market.
PriceCode = Literal["CONTRADICTED", "TOO_FEW_EVENTS", "NOT_WATCHED"]


class PriceVerdict(NamedTuple):
    """One mapping at one bookmaker, compared with one reference; ``reason`` is why it is contradicted.

    Where nothing could be compared, ``against`` and ``median`` are None, and ``events`` is 0.
    ``judged_events`` are the events on which the mapping could be judged, against all references together:
    with fewer than ``needed_events`` a wrong mapping is not contradicted either. ``code`` is None if it was
    judged and not contradicted.
    """

    canonical_id: str
    platform: str
    against: str | None
    events: int
    median: float | None
    reason: str | None
    code: PriceCode | None = None
    judged_events: int = 0
    needed_events: int = 0

    @property
    def says(self) -> str:
        """What a person is told about it; empty if it was judged and not contradicted."""
        match self.code:
            case "CONTRADICTED":
                return "contradicted"
            case "TOO_FEW_EVENTS":
                return (
                    f"too few events to judge: {self.judged_events} of {self.needed_events} needed"
                )
            case "NOT_WATCHED":
                return "not judged: only football before the match is watched, without players"
            case None:
                return ""


class PriceComparison(NamedTuple):
    """What was compared; ``missing`` is why nothing could be, None if it could."""

    verdicts: Sequence[PriceVerdict] = ()
    missing: str | None = None


def compare_prices(
    events: Sequence[StoredEvent],
    before: ActiveMappings,
    active: ActiveMappings,
    names: Collection[str],
    *,
    proceed: Callable[[], None] = lambda: None,
) -> PriceComparison:
    """Compare the prices of the mappings of these names, of all that are active. It takes seconds.

    ``before`` are those that are active without the change.

    ``proceed`` is called between its steps; what it raises ends the comparison.
    """
    try:
        from worker.insight.alarms import LEAST_EVENTS  # noqa: PLC0415  needs the extra `insight`
        from worker.insight.price_check import check_prices  # noqa: PLC0415
        from worker.insight.shipped import shipped_judge  # noqa: PLC0415
        from worker.insight.watching.stored import UnreadableBoardsError  # noqa: PLC0415
    except ModuleNotFoundError as error:
        if error.name not in {"numpy", "scipy"}:
            raise
        return PriceComparison(missing=f"{error.name} of the extra `insight` is missing")
    try:
        found = check_prices(
            events, active, set(names), shipped_judge(), before=before, proceed=proceed
        )
    except UnreadableBoardsError as error:
        return PriceComparison(missing=str(error))
    return PriceComparison([verdict for one in found for verdict in _verdicts(one, LEAST_EVENTS)])


def _verdicts(found: PriceFinding, needed: int) -> Iterator[PriceVerdict]:
    """What is said about one mapping at one bookmaker, against each reference."""
    name, platform = found.canonical_id, found.platform
    # Other bookmakers, on more events, say what the mapping may be instead.
    said_by = found.alarm or found.proof
    reason = None if said_by is None else said_by.reason
    code: PriceCode | None = None
    if reason is not None:
        code = "CONTRADICTED"
    elif not found.is_watched and not found.comparisons:
        code = "NOT_WATCHED"
    elif found.events < needed:
        code = "TOO_FEW_EVENTS"
    said = (reason, code, found.events, needed)
    for row in found.comparisons:
        yield PriceVerdict(name, platform, row.against, row.events, round(row.median, 3), *said)
    if not found.comparisons:
        yield PriceVerdict(name, platform, None, 0, None, *said)


def contradictions(verdicts: Sequence[PriceVerdict]) -> list[str]:
    """Which mappings the prices contradict, each with the reason, as sentences."""
    return sorted(
        {
            f"{one.canonical_id} at {one.platform} is {one.reason}"
            for one in verdicts
            if one.reason is not None
        }
    )


def not_judged(verdicts: Sequence[PriceVerdict]) -> list[str]:
    """Which mappings the prices could not judge, each with the reason, as sentences; the first ten."""
    found = list(
        dict.fromkeys(
            f"{one.canonical_id} at {one.platform}: {one.says}."
            for one in verdicts
            if one.code in {"TOO_FEW_EVENTS", "NOT_WATCHED"}
        )
    )
    more = len(found) - _MOST_SENTENCES
    return found[:_MOST_SENTENCES] + ([f"And {more} more were not judged."] if more > 0 else [])


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
