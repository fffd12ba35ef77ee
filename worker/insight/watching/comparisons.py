"""Comparisons of prices on the watched events, kept as arrays, and what they come to for each mapping. Pure.

One event has thousands of comparisons. As arrays they take 40 kB, about a ninth of what objects take: a
number for the line and outcome, and the distance in logits. The rows of one key lie next to each other. Two
bookmakers are compared once, and the rows are those of both keys, each bookmaker against the other.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Final, Generic, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from worker.domain.books.platforms import Platform, is_platform
from worker.insight.distances import Distance
from worker.insight.grades import AGREES
from worker.insight.margin import logit

MODEL: Final = "model"
# Lines and outcomes that no event has any more are forgotten when they are most of those that are known.
_SPARE_PRICES: Final = 10_000

# A mapping at a bookmaker, and what it is compared with.
EvidenceKey = tuple[str, Platform, str]
# A line and an outcome of a market.
PriceKey = tuple[str | None, str]
Value = TypeVar("Value")


class EvidenceRow(NamedTuple):
    """One mapping at one bookmaker against one reference, over all watched events."""

    canonical_id: str
    platform: Platform
    against: str
    events: int
    comparisons: int
    prices: int
    median: float
    p90: float
    mean: float
    worst: Mapping[str, Any]
    last_verified_at: datetime | None


class _OfEvent(NamedTuple):
    """The comparisons of one event. The rows of the key at ``keys[n]`` are ``first[n]`` to ``last[n]``.

    ``worst`` is the row of the largest distance, with the ``chance`` and the ``reference`` there;
    ``agrees`` says whether the median distance is that of the same bet.
    """

    seen_at: datetime
    keys: NDArray[np.uint32]
    first: NDArray[np.uint32]
    last: NDArray[np.uint32]
    worst: NDArray[np.uint32]
    chance: NDArray[np.float64]
    reference: NDArray[np.float64]
    agrees: NDArray[np.bool_]
    sizes: NDArray[np.float64]
    prices: NDArray[np.uint32]

    def rows_of(self, n: int) -> slice:
        return slice(int(self.first[n]), int(self.last[n]))


class _Numbers(Generic[Value]):
    """Values by numbers, so that arrays can hold them."""

    def __init__(self, values: Iterable[Value] = ()) -> None:
        self.values = list(values)
        self._numbers = {value: number for number, value in enumerate(self.values)}

    def __len__(self) -> int:
        return len(self.values)

    def of(self, value: Value) -> int:
        """The number of a value; the next one if it has none yet."""
        number = self._numbers.setdefault(value, len(self.values))
        if number == len(self.values):
            self.values.append(value)
        return number


class Comparisons:
    """What was found on each event. ``put`` and ``revise`` replace all or some of it, ``forget`` drops it."""

    def __init__(self) -> None:
        self._events: dict[str, _OfEvent] = {}
        self._keys: _Numbers[EvidenceKey] = _Numbers()
        self._prices: _Numbers[PriceKey] = _Numbers()
        self._most_prices = _SPARE_PRICES

    def __contains__(self, event: str) -> bool:
        return event in self._events

    @property
    def size(self) -> int:
        """Bytes of all arrays."""
        arrays = (array for one in self._events.values() for array in one[1:])
        return sum(array.nbytes for array in arrays)

    def put(
        self, event: str, seen_at: datetime, found: Mapping[EvidenceKey, Sequence[Distance]]
    ) -> None:
        """Keep the distances of an event; those of two bookmakers under one of their two keys."""
        self._keep(event, self._as_arrays(seen_at, found))

    def revise(
        self,
        event: str,
        found: Mapping[EvidenceKey, Sequence[Distance]],
        is_replaced: Callable[[EvidenceKey], bool],
    ) -> None:
        """Replace some keys' distances on an event. A key is replaced if the turned one is."""
        held = self._events[event]
        kept = [
            n
            for n, number in enumerate(held.keys.tolist())
            if not is_replaced(self._keys.values[number])
        ]
        self._keep(event, _joined(held, kept, self._as_arrays(held.seen_at, found)))

    def _keep(self, event: str, arrays: _OfEvent) -> None:
        self._events[event] = arrays
        if len(self._prices) > self._most_prices:
            self._renumber()

    def _as_arrays(
        self, seen_at: datetime, found: Mapping[EvidenceKey, Sequence[Distance]]
    ) -> _OfEvent:
        rows = [distance for distances in found.values() for distance in distances]
        chances = np.array([one.chance for one in rows], dtype=np.float64)
        references = np.array([one.reference for one in rows], dtype=np.float64)
        sizes = np.abs(logit(chances) - logit(references))
        heads: list[tuple[int, int, int, int, float, float, bool]] = []
        begin = 0
        for key, distances in found.items():
            end = begin + len(distances)
            worst = _worst_row(rows, sizes[begin:end].tolist(), begin)
            chance, reference = float(chances[worst]), float(references[worst])
            agrees = float(np.median(sizes[begin:end])) <= AGREES
            number = self._keys.of(key)
            heads.append((number, begin, end, worst, chance, reference, agrees))
            canonical_id, platform, against = key
            if is_platform(against):
                number = self._keys.of((canonical_id, against, platform))
                heads.append((number, begin, end, worst, reference, chance, agrees))
            begin = end
        prices = [self._prices.of((one.key.line, one.outcome)) for one in rows]
        columns = [list(column) for column in zip(*heads, strict=True)] or [[]] * 7
        return _OfEvent(
            seen_at,
            keys=np.array(columns[0], dtype=np.uint32),
            first=np.array(columns[1], dtype=np.uint32),
            last=np.array(columns[2], dtype=np.uint32),
            worst=np.array(columns[3], dtype=np.uint32),
            chance=np.array(columns[4], dtype=np.float64),
            reference=np.array(columns[5], dtype=np.float64),
            agrees=np.array(columns[6], dtype=np.bool_),
            sizes=sizes,
            prices=np.array(prices, dtype=np.uint32),
        )

    def forget(self, event: str) -> None:
        self._events.pop(event, None)

    def first_events(
        self, events: Iterable[str], most: int
    ) -> dict[tuple[str, Platform], tuple[str, ...]]:
        """For each mapping at a bookmaker the first of ``events`` on which it was compared with anything."""
        found: dict[tuple[str, Platform], tuple[str, ...]] = {}
        mappings = [(canonical_id, platform) for canonical_id, platform, _ in self._keys.values]
        for event in events:
            numbers = self._events[event].keys.tolist() if event in self._events else ()
            for key in {mappings[number] for number in numbers}:
                before = found.get(key, ())
                if len(before) < most:
                    found[key] = (*before, event)
        return found

    def events_with(
        self, canonical_id: str, platform: Platform, events: Iterable[str]
    ) -> list[str]:
        """Those of ``events`` on which a mapping at a bookmaker was compared with anything."""
        numbers = [
            number
            for number, key in enumerate(self._keys.values)
            if key[:2] == (canonical_id, platform)
        ]
        return [
            event
            for event in events
            if event in self._events and np.isin(self._events[event].keys, numbers).any()
        ]

    def rows(self, events: Iterable[str], among: Container[str]) -> list[EvidenceRow]:
        """Every comparison of the mappings ``among``, over ``events``, by key."""
        held = [(event, self._events[event]) for event in events if event in self._events]
        places = np.full((len(self._keys), len(held)), -1, dtype=np.int32)
        for n, (_, one) in enumerate(held):
            places[one.keys, n] = np.arange(len(one.keys))
        found: list[EvidenceRow] = []
        for number in sorted(range(len(self._keys)), key=self._keys.values.__getitem__):
            key = self._keys.values[number]
            on = np.flatnonzero(places[number] >= 0)
            if len(on) and key[0] in among:
                found.append(self._row(key, [(*held[n], int(places[number, n])) for n in on]))
        return found

    def _row(self, key: EvidenceKey, on: Sequence[tuple[str, _OfEvent, int]]) -> EvidenceRow:
        sizes = np.concatenate([one.sizes[one.rows_of(n)] for _, one, n in on])
        prices = np.concatenate([one.prices[one.rows_of(n)] for _, one, n in on])
        median, p90 = np.quantile(sizes, [0.5, 0.9])
        return EvidenceRow(
            *key,
            events=len(on),
            comparisons=len(sizes),
            prices=len(np.unique(prices)),
            median=float(median),
            p90=float(p90),
            mean=float(sizes.mean()),
            worst=self._worst(on),
            last_verified_at=max((one.seen_at for _, one, n in on if one.agrees[n]), default=None),
        )

    def _worst(self, on: Sequence[tuple[str, _OfEvent, int]]) -> dict[str, Any]:
        """The largest distance on any event."""
        event, one, n = max(on, key=lambda each: float(each[1].sizes[each[1].worst[each[2]]]))
        row = one.worst[n]
        line, outcome = self._prices.values[one.prices[row]]
        return {
            "event": event,
            "line": line,
            "outcome": outcome,
            "chance": round(float(one.chance[n]), 4),
            "reference": round(float(one.reference[n]), 4),
            "size": round(float(one.sizes[row]), 4),
        }

    def _renumber(self) -> None:
        """Forget the lines and outcomes that no event has any more."""
        used = np.unique(np.concatenate([one.prices for one in self._events.values()]))
        numbers = np.zeros(len(self._prices), dtype=np.uint32)
        numbers[used] = np.arange(len(used), dtype=np.uint32)
        self._prices = _Numbers(self._prices.values[number] for number in used)
        self._events = {
            event: one._replace(prices=numbers[one.prices]) for event, one in self._events.items()
        }
        self._most_prices = 2 * len(used) + _SPARE_PRICES


def _joined(held: _OfEvent, kept: Sequence[int], new: _OfEvent) -> _OfEvent:
    """The comparisons of the keys ``kept`` and the new ones."""
    first, last = held.first[kept], held.last[kept]
    is_kept = np.zeros(len(held.sizes), dtype=np.bool_)
    for begin, end in zip(first, last, strict=True):
        is_kept[begin:end] = True
    # Where each row is when only those that are kept are left.
    rows = (np.cumsum(is_kept) - 1).astype(np.uint32)
    count = np.uint32(is_kept.sum())
    begins = rows[first]
    return _OfEvent(
        held.seen_at,
        keys=np.concatenate([held.keys[kept], new.keys]),
        first=np.concatenate([begins, new.first + count]),
        last=np.concatenate([begins + (last - first), new.last + count]),
        worst=np.concatenate([rows[held.worst[kept]], new.worst + count]),
        chance=np.concatenate([held.chance[kept], new.chance]),
        reference=np.concatenate([held.reference[kept], new.reference]),
        agrees=np.concatenate([held.agrees[kept], new.agrees]),
        sizes=np.concatenate([held.sizes[is_kept], new.sizes]),
        prices=np.concatenate([held.prices[is_kept], new.prices]),
    )


def _worst_row(rows: Sequence[Distance], sizes: Sequence[float], begin: int) -> int:
    """The number of the row with the largest distance; of equal ones the same, whatever their order."""
    worst = max(
        range(len(sizes)),
        key=lambda n: (sizes[n], rows[begin + n].key.line or "", rows[begin + n].outcome),
    )
    return begin + worst
