"""What the bookmakers sell of a match of another sport, written by their usual writers.

Many ids are those of football with another meaning, so a worker that read them by football's mappings would
be wrong at once.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Any, Literal

from worker.lab.synthetic.books.at_event import price_offer
from worker.lab.synthetic.expected import UNKNOWN_MARKET
from worker.lab.synthetic.fixtures import seeded
from worker.lab.synthetic.offers import Unmapped, load, offers_in
from worker.lab.synthetic.sports.matches import SportPrices, lines_around
from worker.lab.synthetic.sports.models import basketball, tennis

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.books.at_event import BookAtEvent, Priced
    from worker.lab.synthetic.offers import Offer

Sport = Literal["basketball", "tennis"]
SPORTS: tuple[Sport, ...] = ("basketball", "tennis")
_MODELS = {"basketball": basketball, "tennis": tennis}


def prices_of(seed: int, sport: Sport, index: int) -> SportPrices:
    """The fair prices of a match, the same at every bookmaker and in every scrape."""
    return SportPrices(_MODELS[sport](seeded(seed, sport, index)))


def priced_in(
    book: BookAtEvent, sport: Sport, platform: str, prices: SportPrices
) -> Iterator[Priced]:
    """Everything of the sport that has a truth; it goes to the answer sheet."""
    for offer in offers_in(sport, platform):
        yield from (price_offer(book, offer, line) for line in _lines(book, offer, prices))


def _lines(book: BookAtEvent, offer: Offer, prices: SportPrices) -> list[str | None]:
    spread = offer.form.get("spread")
    if spread is None:
        return [None]
    wide = lines_around(prices, offer.market, spread)
    least = {line: min(prices.of(offer.market, f"{line:g}").values(), default=0.0) for line in wide}
    sold = [
        line
        for line in wide
        if len(prices.of(offer.market, f"{line:g}")) > 1 and least[line] >= book.narrowest
    ]
    return [f"{line:g}" for line in sold]


@cache
def unmapped_in(sport: Sport, platform: str) -> tuple[Unmapped, ...]:
    """Markets of the sport that no mapping of it knows; some ids are those of football's mappings."""
    entries = load(f"unmapped_{sport}.json")
    return tuple(_unmapped(entry) for entry in entries if entry["platform"] == platform)


def _unmapped(entry: dict[str, Any]) -> Unmapped:
    return Unmapped(
        external_id=entry["id"],
        frequency=1.0,
        rows=tuple(entry.get("specifiers", ())),
        outcomes=tuple(entry["outcomes"]),
        form={"missed_as": entry["id"], "reason": UNKNOWN_MARKET, **entry},
    )
