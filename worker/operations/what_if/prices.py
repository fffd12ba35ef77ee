"""How far prices of changed mappings are from other bookmakers', before and after, on the same events. Pure.

Both sides read the same boards of watched events; only boards of one moment are compared. The goal model,
whose fit takes long, is left to the check before a save.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Sequence
from itertools import combinations
from statistics import median
from typing import TYPE_CHECKING, Any, Final, NamedTuple, TypeVar

from worker.operations.what_if.draft import Draft
from worker.storage.insight.evidence import StoredEvent

if TYPE_CHECKING:  # these need the extra `insight`
    from worker.domain.index import MappingIndex
    from worker.insight.boards import Board

Event = TypeVar("Event")
# How many of the newest watched events are looked at, and on how many of them prices are compared.
MOST_EVENTS: Final = 60
MOST_COMPARED: Final = 20


class ComparedPrices(NamedTuple):
    """One mapping at one bookmaker against another one; medians in logits, None where nothing compares."""

    canonical_id: str
    platform: str
    against: str
    events_before: int
    before: float | None
    events_after: int
    after: float | None


class NotCompared(NamedTuple):
    """Why prices were not compared."""

    reason: str


def compare_prices(
    events: Sequence[StoredEvent], draft: Draft, *, proceed: Callable[[], None] = lambda: None
) -> Sequence[ComparedPrices] | NotCompared:
    """Compare the prices of the changed mappings, as they are and as they would be.

    ``proceed`` is called between the events; what it raises ends the comparison.
    """
    if not events:
        return NotCompared("no events are watched: does an insight process run?")
    try:
        from worker.insight.watching.stored import UnreadableBoardsError  # noqa: PLC0415

        boards = list(_selling(_each(events, proceed), draft))
    except ModuleNotFoundError as error:
        if error.name not in {"numpy", "scipy"}:
            raise
        return NotCompared(f"{error.name} of the extra `insight` is missing")
    except UnreadableBoardsError as error:
        return NotCompared(str(error))
    names = set(draft.names)
    before, after = (_distances(_each(boards, proceed), index, names) for index in draft.indexes())
    return [
        ComparedPrices(*key, *_summary(before.get(key)), *_summary(after.get(key)))
        for key in sorted(before.keys() | after.keys())
    ]


# By mapping and two bookmakers: the distances on each event.
_Distances = dict[tuple[str, str, str], list[list[float]]]


def _each(events: Iterable[Event], proceed: Callable[[], None]) -> Iterator[Event]:
    for one in events:
        proceed()
        yield one


def _selling(events: Iterable[StoredEvent], draft: Draft) -> Iterator[list[Board]]:
    """The boards of one moment, of events on which somebody sells a touched id; at most MOST_COMPARED."""
    from worker.insight.watching.stored import read_together  # noqa: PLC0415
    from worker.insight.watching.window import MOST_APART  # noqa: PLC0415

    found = 0
    for stored in events:
        timed = read_together(stored.event, stored.boards)
        newest = max((at for at, _ in timed), default=None)
        boards = [one for at, one in timed if newest is not None and newest - at <= MOST_APART]
        sells = any(
            row.market_id in draft.touched.get(board.platform, ())
            for board in boards
            for row in board.rows
        )
        if sells:
            yield boards
            found += 1
        if found == MOST_COMPARED:
            return


def _distances(
    events: Iterable[Sequence[Board]], index: MappingIndex, names: set[str]
) -> _Distances:
    from worker.insight.boards import read  # noqa: PLC0415
    from worker.insight.distances import between_books  # noqa: PLC0415

    found: _Distances = {}
    for boards in events:
        quoted = {
            board.platform: {
                key: one for key, one in read(board, index).items() if key.canonical_id in names
            }
            for board in boards
        }
        for one, other in combinations(sorted(quoted), 2):
            sizes: dict[str, list[float]] = {}
            for distance in between_books(quoted[one], quoted[other]):
                sizes.setdefault(distance.key.canonical_id, []).append(distance.size)
            for name, of_event in sizes.items():
                found.setdefault((name, one, other), []).append(of_event)
    return found


def _summary(found: list[list[float]] | None) -> tuple[int, float | None]:
    """How many events, and the median over all their prices."""
    if not found:
        return 0, None
    return len(found), round(median(size for of_event in found for size in of_event), 3)


def prices_json(found: Sequence[ComparedPrices]) -> list[dict[str, Any]]:
    return [one._asdict() for one in found]
