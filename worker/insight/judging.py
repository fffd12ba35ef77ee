"""What judges prices: an index, the meanings, and how each bookmaker spreads its margin."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.meaning.catalogue import MarketMeaning

from .boards import Board, Fair, MarketLine, Quoted, fair, read
from .goal_model import GoalModel, fit, usual_method
from .grid import BetBook
from .margin import Method


class Reading(NamedTuple):
    """One board under an index: its prices, the chances they stand for, and the goal model of them."""

    event: str
    platform: Platform
    quoted: Mapping[MarketLine, Quoted]
    fair: Mapping[MarketLine, Fair]
    model: GoalModel | None


@dataclass(frozen=True)
class Judge:
    """``methods`` says how each bookmaker spreads its margin; proportional where it says nothing."""

    meanings: Mapping[str, MarketMeaning]
    bets: BetBook
    methods: Mapping[Platform, Method] = field(default_factory=dict)

    @classmethod
    def of(cls, meanings: Mapping[str, MarketMeaning]) -> Judge:
        """A judge that knows no bookmaker's margin yet."""
        return cls(
            meanings,
            BetBook(one.predicates for one in meanings.values() if one.predicates is not None),
        )

    def knowing(self, boards: Iterable[Board], index: MappingIndex) -> Judge:
        """The same judge, with the margins that these boards show."""
        sampled: dict[Platform, list[Mapping[MarketLine, Quoted]]] = {}
        for board in boards:
            sampled.setdefault(board.platform, []).append(read(board, index))
        methods = {
            platform: usual_method(quoted, self.bets, self.meanings)
            for platform, quoted in sampled.items()
        }
        return Judge(self.meanings, self.bets, methods)

    @property
    def partitions(self) -> frozenset[str]:
        """Markets without expressions of which exactly one outcome wins."""
        return frozenset(
            name
            for name, one in self.meanings.items()
            if one.predicates is None and one.traits.exhaustive and one.traits.exclusive
        )

    def reading(self, board: Board, index: MappingIndex) -> Reading:
        """Read a board, take the margin out, fit its goals."""
        quoted = read(board, index)
        method = self.methods.get(board.platform, "proportional")
        chances = fair(quoted, self.bets, self.partitions, method)
        model = fit(chances, self.bets, self.meanings)
        return Reading(board.event, board.platform, quoted, chances, model)
