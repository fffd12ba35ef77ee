"""The moment at which an event in play is seen."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from worker.lab.synthetic.fixtures import seeded

if TYPE_CHECKING:
    from worker.lab.synthetic.fixtures import Fixture

_SUSPENDED_SHARE = 0.2


class Score(NamedTuple):
    """``is_suspended``: nothing on the event can be bet on, as after a goal or near the end."""

    home: int
    away: int
    is_suspended: bool

    @property
    def goals(self) -> int:
        return self.home + self.away


def score_of(seed: int, index: int, fixture: Fixture, scrape: int) -> Score:
    """The same at every bookmaker; a later scrape may see more goals."""
    rng = seeded(seed, "score", index)
    late = seeded(seed, "score", index, scrape)
    home, away = (
        min(5, int(rng.expovariate(1 / max(0.3, mean / 2)))) for mean in fixture.model.goals
    )
    return Score(home + min(scrape, 1) * late.randrange(2), away, late.random() < _SUSPENDED_SHARE)
