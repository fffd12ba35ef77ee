"""The true answer of every canonical market, from the match model alone."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.lab.synthetic.combined import COMBINED
from worker.lab.synthetic.question import Probabilities, Question
from worker.lab.synthetic.single import SINGLE

if TYPE_CHECKING:
    from worker.lab.synthetic.model import MatchModel
    from worker.lab.synthetic.question import QuestionedMarket

FAMILIES = SINGLE | COMBINED
_NEVER = 1e-9


class FairPrices:
    """Fair win probabilities of one match, by market and line, worked out once for the three bookmakers.

    A stake that would come back is left out: the probabilities are of the outcomes that are decided.
    """

    def __init__(self, model: MatchModel) -> None:
        self.model = model
        self._known: dict[tuple[str, str | None], Probabilities] = {}

    def of(self, market: QuestionedMarket, line: str | None) -> Probabilities:
        """Probability by canonical outcome; outcomes that cannot happen are left out."""
        key = (market.canonical_id, line)
        if key not in self._known:
            asked = Question(self.model, market, float(line or 0))
            self._known[key] = {
                o: p for o, p in FAMILIES[market.family](asked).items() if p > _NEVER
            }
        return self._known[key]
