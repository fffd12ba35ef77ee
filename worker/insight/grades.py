"""The grade of a mapping at a bookmaker: how well the odds bear it out.

- *verified*: two bookmakers agree on it, on two lines or outcomes and ten events or more;
- *modelled*: no bookmaker to compare with, but the goal model or an identity agrees;
- *label*: its label alone speaks for it;
- *contradicted*: an alarm or a proof speaks against it, or the other bookmaker's odds do.

A grade is evidence, not a decision: nothing is switched off by it.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final, Literal, NamedTuple

from schemas import EvidenceGrade

LEAST_EVENTS: Final = 10
LEAST_PRICES: Final = 2  # lines or outcomes that agree
# Mean distances in logits. Books that differ by more than the one and less than the other say nothing.
AGREES: Final = 0.2
CONTRADICTS: Final = 0.45


class ReferenceComparison(NamedTuple):
    """A mapping at one bookmaker against one reference: another bookmaker, the goal model, an identity.

    ``prices`` counts distinct pairs of line and outcome; ``distance`` is the median in logits.
    """

    against: Literal["book", "model", "identity"]
    events: int
    prices: int
    distance: float


def grade(
    comparisons: Iterable[ReferenceComparison], *, is_contradicted: bool = False
) -> EvidenceGrade:
    """The grade that follows from what was compared; ``is_contradicted``: an alarm or a proof is open."""
    enough = [
        one for one in comparisons if one.events >= LEAST_EVENTS and one.prices >= LEAST_PRICES
    ]
    books = [one for one in enough if one.against == "book"]
    others = [one for one in enough if one.against != "book"]
    if is_contradicted or (books and all(one.distance >= CONTRADICTS for one in books)):
        return "contradicted"
    if any(one.distance <= AGREES for one in books):
        return "verified"
    if any(one.distance <= AGREES for one in others):
        return "modelled"
    return "label"
