"""What judges prices: an index, the meanings, and how each bookmaker spreads its margin."""

from __future__ import annotations

from collections.abc import Container, Iterable, Mapping
from dataclasses import dataclass, field, replace
from typing import NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.index import MappingIndex
from worker.domain.meaning.catalogue import MarketMeaning

from .boards import Board, Fair, MarketLine, Quoted, fair, overrounds, read, usual_of
from .goal_model import FittedModels, GoalModel, fitted_part, usual_method
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
    models: FittedModels = field(default_factory=FittedModels)

    @classmethod
    def of(cls, meanings: Mapping[str, MarketMeaning]) -> Judge:
        """A judge that knows no bookmaker's margin yet."""
        return cls(
            meanings,
            BetBook(one.predicates for one in meanings.values() if one.predicates is not None),
        )

    def knowing(self, boards: Iterable[Board], index: MappingIndex) -> Judge:
        """The same judge, with the margins that these boards show."""
        return self.learning((board.platform, read(board, index)) for board in boards)

    def learning(self, boards: Iterable[tuple[Platform, Mapping[MarketLine, Quoted]]]) -> Judge:
        """The same judge, with the margins that these boards show, which are read already."""
        sampled: dict[Platform, list[Mapping[MarketLine, Quoted]]] = {}
        for platform, quoted in boards:
            sampled.setdefault(platform, []).append(quoted)
        methods = {
            platform: usual_method(quoted, self.bets, self.meanings)
            for platform, quoted in sampled.items()
        }
        return replace(self, methods=methods)

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
        return self.read_already(board, read(board, index))

    def read_already(
        self,
        board: Board,
        quoted: Mapping[MarketLine, Quoted],
        found: Mapping[MarketLine, float] | None = None,
    ) -> Reading:
        """The reading of a board whose prices are read already; ``found`` are its overrounds, if known."""
        usual = None if found is None else usual_of(found.values())
        chances = fair(quoted, self.bets, self.partitions, self._method(board), overround=usual)
        return Reading(board.event, board.platform, quoted, chances, self.fit(chances))

    def overrounds(self, quoted: Mapping[MarketLine, Quoted]) -> dict[MarketLine, float]:
        """The overround of each market that has a margin of its own."""
        return overrounds(quoted, self.bets, self.partitions)

    def read_again(
        self,
        board: Board,
        quoted: Mapping[MarketLine, Quoted],
        usual: float,
        model: GoalModel | None,
    ) -> Reading:
        """The reading of some of a board's markets; its usual overround and its model are known."""
        chances = fair(quoted, self.bets, self.partitions, self._method(board), overround=usual)
        return Reading(board.event, board.platform, quoted, chances, model)

    def read_in_part(
        self, board: Board, quoted: Mapping[MarketLine, Quoted], names: Container[str]
    ) -> Reading:
        """The same reading with the markets of these names alone.

        Its model is that of the whole board, or None if it prices none of them.
        """
        part = {key: one for key, one in quoted.items() if key.canonical_id in names}
        fitted: Iterable[MarketLine] = ()
        if any(key.canonical_id in self.bets.meanings for key in part):
            fitted = fitted_part(quoted, self.meanings)
        among = dict.fromkeys([*part, *fitted])
        chances = fair(quoted, self.bets, self.partitions, self._method(board), among=among)
        model = self.fit(chances) if fitted else None
        shown = {key: chances[key] for key in part}
        return Reading(board.event, board.platform, part, shown, model)

    def fit(self, chances: Mapping[MarketLine, Fair]) -> GoalModel | None:
        """The goal model of what a board's chances are."""
        return self.models.fit(chances, self.bets, self.meanings)

    def _method(self, board: Board) -> Method:
        return self.methods.get(board.platform, "proportional")
