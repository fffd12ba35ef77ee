"""Leave-one-out: one mapping is taken from one bookmaker, and looked for again among all markets.

Honest means that nothing of the hidden mapping is left in what the suggester sees. Its id and labels at that
bookmaker are cut out of the catalogue, and what was read through them out of the readings: the prices, the
chances, and the goal model, which is fitted again where those prices were part of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from random import Random
from typing import Final, NamedTuple

from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping as MarketMapping
from worker.insight.boards import Board, Sold
from worker.insight.candidates import Glimpse, UnmappedMarket
from worker.insight.judging import Judge, Reading
from worker.insight.targets import mapped_rows, without_market
from worker.lab.insight.without import without

MOST_EVENTS: Final = 20


class Hidden(NamedTuple):
    """A mapping taken from one bookmaker: the target to suggest for, and the catalogue without it.

    ``truth`` is the right outcome of each label.
    """

    canonical_id: str
    target: UnmappedMarket
    truth: Mapping[str, str]
    catalogue: list[MarketMapping]
    is_reachable: bool


def drawn(catalogue: Sequence[MarketMapping], seed: int) -> list[tuple[MarketMapping, Platform]]:
    """Every mapping with each bookmaker that has it, in an order that the seed draws."""
    pairs = [
        (mapping, platform)
        for mapping in catalogue
        for platform in PLATFORMS
        if mapping.id_on(platform) is not None
    ]
    Random(seed).shuffle(pairs)  # noqa: S311 - no secret
    return pairs


class Stage:
    """A scrape read once under the whole catalogue; mappings are hidden from it one at a time."""

    def __init__(
        self,
        events: Mapping[str, Sequence[Board]],
        catalogue: Sequence[MarketMapping],
        judge: Judge,
        *,
        most_events: int = MOST_EVENTS,
        is_compared: bool = False,
    ) -> None:
        """``is_compared``: only events on which there is something to compare with count."""
        self.most_events = most_events
        self._is_compared = is_compared
        self.catalogue = catalogue
        self.tried: Sequence[MarketMapping] = catalogue
        self.index = MappingIndex(catalogue)
        boards = [one for together in events.values() for one in together]
        self.judge = judge.knowing(boards[:30], self.index)
        self.events = events
        self._boards = {(one.event, one.platform): one for one in boards}
        self._readings: dict[tuple[str, Platform], Reading] = {}

    def reading(self, event: str, platform: Platform) -> Reading:
        """The reading of a board, worked out when it is asked for."""
        key = (event, platform)
        if key not in self._readings:
            self._readings[key] = self.judge.reading(self._boards[key], self.index)
        return self._readings[key]

    def hidden(
        self, mapping: MarketMapping, platform: Platform, *, everywhere: bool = False
    ) -> Hidden | None:
        """None where the bookmaker does not sell it on any event.

        ``everywhere`` takes the whole canonical market out of the catalogue: nothing is its counterpart.
        """
        market_id = mapping.id_on(platform)
        if market_id is None:
            return None
        left = None if everywhere else without(mapping, platform)
        catalogue = [one for one in self.catalogue if one.canonical_id != mapping.canonical_id]
        catalogue += [left] if left is not None else []
        truth: dict[str, str] = {}
        glimpses = list(self._glimpses(mapping, platform, truth))
        if not glimpses:
            return None
        names = {row.name for glimpse in glimpses for row in glimpse.rows if row.name is not None}
        target = UnmappedMarket(platform, market_id, min(names, default=None), tuple(glimpses))
        is_reachable = left is not None and any(
            self._has_reference(mapping.canonical_id, glimpse) for glimpse in glimpses
        )
        return Hidden(mapping.canonical_id, target, truth, catalogue, is_reachable)

    def without_claim(self, target: UnmappedMarket, canonical_id: str) -> UnmappedMarket:
        """The target, where the bookmaker's readings hold nothing of a canonical market."""
        glimpses = tuple(
            one._replace(own=self._blinded(one.own, canonical_id)) for one in target.glimpses
        )
        return target._replace(glimpses=glimpses)

    def _has_reference(self, canonical_id: str, glimpse: Glimpse) -> bool:
        if canonical_id in self.judge.bets.meanings and glimpse.own.model is not None:
            return True
        return any(key.canonical_id == canonical_id for one in glimpse.others for key in one.fair)

    def _has_line(self, canonical_id: str, glimpse: Glimpse) -> bool:
        """Whether a line of the market can be compared on an event."""
        if canonical_id in self.judge.bets.meanings and glimpse.own.model is not None:
            return True
        mine = self.reading(glimpse.event, glimpse.own.platform).fair
        return any(
            key.canonical_id == canonical_id and key in mine
            for one in glimpse.others
            for key in one.fair
        )

    def _glimpses(
        self, mapping: MarketMapping, platform: Platform, truth: dict[str, str]
    ) -> Iterator[Glimpse]:
        count = 0
        for event, boards in self.events.items():
            mine = next((one for one in boards if one.platform == platform), None)
            if mine is None or count >= self.most_events:
                continue
            rows = tuple(self._rows(mine, mapping, truth))
            if not rows:
                continue
            others = tuple(
                self.reading(event, one.platform) for one in boards if one.platform != platform
            )
            own = self._blinded(self.reading(event, platform), mapping.canonical_id)
            glimpse = Glimpse(event, mine.teams, rows, own, others)
            if self._is_compared and not self._has_line(mapping.canonical_id, glimpse):
                continue
            count += 1
            yield glimpse

    def _rows(self, board: Board, mapping: MarketMapping, truth: dict[str, str]) -> Iterable[Sold]:
        """The rows of the mapping's own id that it reads."""
        own_id = mapping.id_on(board.platform)
        rows = tuple(row for row in board.rows if row.market_id == own_id)
        found = mapped_rows(replace(board, rows=rows), mapping, self.index)
        truth.update(found.outcomes)
        return found.rows

    def _blinded(self, reading: Reading, canonical_id: str) -> Reading:
        return without_market(reading, canonical_id, self.judge)
