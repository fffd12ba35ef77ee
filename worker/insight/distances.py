"""How far apart two prices of one bet are, in logits without margin: 0.02 between like books, 1.3 for a swap.

Where the outcomes that two sides share make up no whole book, nothing says what margin they carry; then they
are brought to the same sum. So a list of overlapping ranges can be compared, though no margin can be taken
out of it; a single price cannot.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Final, NamedTuple

import numpy as np

from worker.domain.meaning.catalogue import MarketMeaning

from .boards import MarketLine, Quoted
from .grid import BetBook
from .judging import Reading
from .margin import logit

# Rarer outcomes have prices in coarse steps, and a bookmaker's highest one.
LEAST_CHANCE: Final = 0.02
_SURE: Final = 1 - 1e-6


class Distance(NamedTuple):
    """One outcome whose price is compared: the chance by its book, and by what it is held against."""

    key: MarketLine
    outcome: str
    chance: float
    reference: float

    @property
    def size(self) -> float:
        return abs(float(logit(self.chance) - logit(self.reference)))


def sizes_of(distances: Sequence[Distance]) -> list[float]:
    """The sizes of many at once: one by one takes most of the time of an event."""
    chances = np.array([one.chance for one in distances], dtype=np.float64)
    references = np.array([one.reference for one in distances], dtype=np.float64)
    sizes: list[float] = np.abs(logit(chances) - logit(references)).tolist()
    return sizes


def to_sum_of(odds: Mapping[str, float], reference: Mapping[str, float]) -> dict[str, float]:
    """The chances that ``odds`` are in proportion to, with the sum of the reference over what both have."""
    shared = [outcome for outcome in odds if outcome in reference]
    if len(shared) < 2:
        return {}
    inverse = {outcome: 1 / odds[outcome] for outcome in shared}
    scale = sum(reference[outcome] for outcome in shared) / sum(inverse.values())
    return {outcome: min(one * scale, _SURE) for outcome, one in inverse.items()}


def compared(
    key: MarketLine, chances: Mapping[str, float], reference: Mapping[str, float]
) -> Iterator[Distance]:
    """The outcomes that both sides have and that are likely enough to say something."""
    for outcome in chances.keys() & reference.keys():
        if min(chances[outcome], reference[outcome]) >= LEAST_CHANCE:
            yield Distance(key, outcome, chances[outcome], reference[outcome])


def between_books(
    one: Mapping[MarketLine, Quoted], other: Mapping[MarketLine, Quoted]
) -> list[Distance]:
    """The distances of all bets that two books sell on one event, by margins in proportion."""
    found: list[Distance] = []
    for key in one.keys() & other.keys():
        usual = {outcome: min(1 / odds / 1.05, _SURE) for outcome, odds in other[key].odds.items()}
        shared = {outcome: usual[outcome] for outcome in usual if outcome in one[key].odds}
        if one[key].is_complete and other[key].is_complete and len(shared) > 1:
            total = sum(shared.values())
            whole = round(total) or 1
            # Outcomes that leave nothing out come to a whole number of winners, but for the margin.
            if abs(total / whole - 1) < 0.12:
                shared = {outcome: min(c * whole / total, _SURE) for outcome, c in shared.items()}
        found += compared(key, to_sum_of(one[key].odds, shared), shared)
    return found


def to_model(reading: Reading, bets: BetBook) -> list[Distance]:
    """The distances of a book's prices from the goal model of the same book."""
    found: list[Distance] = []
    for key, one in reading.fair.items():
        reference = reading.model and reading.model.price(bets, key, frozenset(one.chances))
        if not reference:
            continue
        found += compared(key, chances_against(key, reading, reference, bets), reference)
    return found


def chances_against(
    key: MarketLine, reading: Reading, reference: Mapping[str, float], bets: BetBook
) -> Mapping[str, float]:
    """A book's chances to compare with a reference: overlapping lists are brought to its sum."""
    one, whole = reading.fair[key], bets.bets(key.canonical_id, key.line)
    if one.is_whole or (whole is not None and whole.cover is not None):
        return one.chances
    return to_sum_of(reading.quoted[key].odds, reference)


class DistanceSpread(NamedTuple):
    """Distances of one kind: how many, the median, the 90th percentile, and the largest."""

    compared: int
    median: float
    p90: float
    largest: Distance


def spread(distances: Iterable[Distance]) -> DistanceSpread | None:
    """None of no distances."""
    listed = sorted(distances, key=lambda one: (one.size, one.key.canonical_id, one.outcome))
    if not listed:
        return None
    sizes = [one.size for one in listed]
    median, p90 = np.quantile(sizes, [0.5, 0.9])
    return DistanceSpread(len(listed), float(median), float(p90), listed[-1])


def by_family(
    distances: Iterable[Distance], meanings: Mapping[str, MarketMeaning]
) -> dict[str, list[Distance]]:
    """Distances by the family of their market."""
    grouped: dict[str, list[Distance]] = {}
    for one in distances:
        grouped.setdefault(meanings[one.key.canonical_id].family, []).append(one)
    return grouped


def by_market(distances: Iterable[Distance]) -> dict[str, list[Distance]]:
    """Distances by canonical market."""
    grouped: dict[str, list[Distance]] = {}
    for one in distances:
        grouped.setdefault(one.key.canonical_id, []).append(one)
    return grouped
