"""How a bookmaker makes its prices of fair probabilities: margin, noise, steps, and what it closes."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from worker.lab.synthetic.expected import RESIDUALS

if TYPE_CHECKING:
    import random
    from collections.abc import Callable, Iterable

    from worker.lab.synthetic.question import Probabilities

NOISE_LOGIT = 0.045
_DRIFT_LOGIT = 0.05
_DRIFT_SHARE = 0.1


class Quote(NamedTuple):
    """``price`` is what is written, 0 or 1 when the bookmaker has none to show."""

    outcome: str
    price: float
    active: bool

    @property
    def odds(self) -> float | None:
        return self.price if self.price > 1 else None


class QuotedMarket(NamedTuple):
    """One market at one line. ``state``: open, suspended, banned, or invalid (it has a broken price)."""

    quotes: tuple[Quote, ...]
    state: str


@dataclass(frozen=True, slots=True)
class PricingHabits:
    """A bookmaker's habits: shares of its markets (suspended, banned, invalid) and of its prices (closed)."""

    margin: float
    step: Callable[[float], float]
    closed_prices: tuple[float, ...]
    closed: float
    suspended: float = 0.0
    banned: float = 0.0
    invalid: float = 0.0005
    shows_closed_price: bool = False


@dataclass(frozen=True, slots=True)
class Pricer:
    """One bookmaker at one event: ``opening`` stays the same from scrape to scrape, ``moves`` does not."""

    habits: PricingHabits
    opening: random.Random
    moves: random.Random | None
    noise: float = NOISE_LOGIT

    def quoted(
        self, fair: Probabilities, outcomes: Iterable[str], *, may_be_invalid: bool = True
    ) -> QuotedMarket:
        """Prices of ``outcomes`` in their order, without those that cannot happen."""
        shift = self._shift()
        chances = _with_residual(fair, tuple(outcomes))
        state = self._state(may_be_invalid=may_be_invalid)
        quotes = tuple(self._quote(o, p, shift, state) for o, p in chances if p > 0)
        return QuotedMarket(_with_a_broken_price(quotes) if state == "invalid" else quotes, state)

    def quote(self, outcome: str, chance: float, *, state: str = "open") -> Quote:
        """The price of a single outcome, in a market of this state."""
        return self._quote(outcome, chance, self._shift(), state)

    def row_state(self) -> str:
        """The state of a market whose prices are quoted one by one: open, suspended or banned."""
        return self._state(may_be_invalid=False)

    def price(self, chance: float, shift: float = 0.0) -> float:
        noise = self.opening.gauss(0.0, self.noise) + shift
        seen = chance + noise * chance * (1 - chance)
        return self.habits.step(1 / (seen * (1 + self.habits.margin)))

    def _quote(self, outcome: str, chance: float, shift: float, state: str) -> Quote:
        price = self.price(chance, shift)
        # The same count of draws whatever the state keeps the rest of the event as it is.
        closes, how = self.opening.random() < self.habits.closed, self.opening.random()
        if state == "invalid":
            return Quote(outcome, max(price, 1.01), active=True)
        if closes or price <= 1:
            shown = (price,) if self.habits.shows_closed_price and price > 1 else ()
            choices = self.habits.closed_prices + shown
            return Quote(outcome, choices[int(how * len(choices))], active=False)
        return Quote(outcome, price, active=state == "open")

    def _state(self, *, may_be_invalid: bool) -> str:
        drawn = self.opening.random()
        for state, share in (("suspended", self.habits.suspended), ("banned", self.habits.banned)):
            if drawn < share:
                return state
            drawn -= share
        return "invalid" if may_be_invalid and drawn < self.habits.invalid else "open"

    def _shift(self) -> float:
        """After the first scrape one market in ten has moved since its opening price."""
        if self.moves is None or self.moves.random() >= _DRIFT_SHARE:
            return 0.0
        return self.moves.gauss(0.0, _DRIFT_LOGIT)


def _with_residual(fair: Probabilities, outcomes: tuple[str, ...]) -> list[tuple[str, float]]:
    chances = [(outcome, fair.get(outcome, 0.0)) for outcome in outcomes]
    if RESIDUALS.isdisjoint(outcomes):
        return chances
    rest = 1 - sum(p for _outcome, p in chances)
    return [(outcome, rest if outcome in RESIDUALS else p) for outcome, p in chances]


def _with_a_broken_price(quotes: tuple[Quote, ...]) -> tuple[Quote, ...]:
    """Return 0.5, which is not valid odds. 0 and 1 would not do: they mean that there is no price."""
    return (quotes[0]._replace(price=0.5), *quotes[1:])


def cents(odds: float) -> float:
    """Two places, 1.01 to 1,000."""
    return round(min(max(odds, 1.01), 1000.0), 2)


def coarse(odds: float) -> float:
    """Steps that widen with the price; 1 (no price) below 1.02."""
    if odds < 1.02:
        return 1.0
    for limit, step in ((3, 0.01), (6, 0.05), (10, 0.1), (15, 0.25), (100, 1.0)):
        if odds < limit:
            return round(round(odds / step) * step, 2)
    return 100.0


SPORTYBET = PricingHabits(
    margin=0.055,
    step=cents,
    closed_prices=(1.0, 0.0),
    closed=0.006,
    suspended=0.004,
    banned=0.001,
    shows_closed_price=True,
)
BETPAWA = PricingHabits(margin=0.045, step=cents, closed_prices=(0.0,), closed=0.01)
BET9JA = PricingHabits(margin=0.06, step=coarse, closed_prices=(1.0,), closed=0.02)
