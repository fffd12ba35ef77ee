"""The fair prices of a match, those of the catalogue's further markets included."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Final

from worker.lab.synthetic.catalogue.counts import COUNTED, counted
from worker.lab.synthetic.catalogue.courses import CourseChances, grouped_by
from worker.lab.synthetic.catalogue.predicates import predicate
from worker.lab.synthetic.markets import FAMILIES, FairPrices
from worker.lab.synthetic.offers import load
from worker.lab.synthetic.question import Question

if TYPE_CHECKING:
    from worker.lab.synthetic.model import MatchModel
    from worker.lab.synthetic.question import Probabilities, QuestionedMarket

_NEVER: Final = 1e-9


@cache
def truths() -> dict[str, dict[str, Any]]:
    """What tells when an outcome wins, by canonical market: a family, conditions, or chances as they are."""
    return {row["id"]: row for row in load("truths.json")}


class CataloguePrices(FairPrices):
    """Fair probabilities of one match, by market and line."""

    def __init__(self, model: MatchModel) -> None:
        super().__init__(counted(model))
        self._chances = CourseChances(model.goals)

    def of(self, market: QuestionedMarket, line: str | None) -> Probabilities:
        key = (market.canonical_id, line)
        if key not in self._known:
            fair = self._worked_out(market, line)
            self._known[key] = {outcome: p for outcome, p in fair.items() if p > _NEVER}
        return self._known[key]

    def _worked_out(self, market: QuestionedMarket, line: str | None) -> Probabilities:
        truth = truths().get(market.canonical_id, {})
        if "chances" in truth:
            return dict(truth["chances"])
        if "when" not in truth:
            family = COUNTED.get(market.family) or FAMILIES[market.family]
            return family(Question(self.model, market, float(line or 0)))
        decided = 1 - self._chance(truth["void"], line) if "void" in truth else 1.0
        return {
            outcome: self._chance(text, line) / decided for outcome, text in truth["when"].items()
        }

    def _chance(self, text: str, line: str | None) -> float:
        names, winning = _winning(text, line)
        chances = self._chances.of_kinds(names)
        return sum(chances[kind] for kind in winning)


@cache
def _winning(text: str, line: str | None) -> tuple[frozenset[str], tuple[int, ...]]:
    """The kinds of matches that a condition holds for; they are the same in every match."""
    read = predicate(text)
    given = {"line": float(line or 0)}
    _listed, grouping = grouped_by(read.names)
    won = tuple(i for i, way in enumerate(grouping.kinds) if read.holds({**way, **given}))
    return read.names, won
