"""What a market bets on."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Callable

    from worker.lab.synthetic.model import MatchModel, Pmf, ScoreGrid


class QuestionedMarket(NamedTuple):
    """A canonical market: its family of truths, the period and side it is about, and all its outcomes."""

    canonical_id: str
    family: str
    period: str
    side: str
    outcomes: tuple[str, ...]


class Question(NamedTuple):
    model: MatchModel
    market: QuestionedMarket
    line: float

    @property
    def grid(self) -> ScoreGrid:
        return self.model.periods[self.market.period]

    @property
    def counts(self) -> Pmf:
        """The distribution of what the market counts on its side."""
        return self.grid.side(self.market.side)


Probabilities = dict[str, float]


class FairChances(Protocol):
    """FairChances win probabilities of one match."""

    def of(self, market: QuestionedMarket, line: str | None) -> Probabilities: ...


if TYPE_CHECKING:
    Truth = Callable[[Question], Probabilities]


def yes_no(yes: float) -> Probabilities:
    return {"yes": yes, "no": 1 - yes}


def decided(win: float, lose: float, names: tuple[str, str]) -> Probabilities:
    """Chances of the two sides when a draw gives the stake back."""
    total = win + lose
    return {names[0]: win / total, names[1]: lose / total}


def parts_of(line: float) -> tuple[float, ...]:
    """A quarter line is two bets of half the stake on the lines around it."""
    return (line - 0.25, line + 0.25) if (line * 4) % 2 else (line,)
