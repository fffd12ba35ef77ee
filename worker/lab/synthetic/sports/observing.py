"""Observations of an event of another sport."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.lab.synthetic.books import bet9ja, betpawa, sportybet
from worker.lab.synthetic.offers import PLATFORMS
from worker.lab.synthetic.sports.selling import SPORTS, Sport, priced_in, prices_of, unmapped_in
from worker.lab.synthetic.visit import Visit, generated, make_book

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.books.at_event import BookAtEvent
    from worker.lab.synthetic.expected import Generated
    from worker.lab.synthetic.fixtures import Fixture
    from worker.lab.synthetic.sports.matches import SportPrices


def observe_sport(visit: Visit, index: int, fixture: Fixture) -> Iterator[Generated]:
    """What each bookmaker says of event ``index`` of its sport."""
    (sport,) = (each for each in SPORTS if each == fixture.sport)
    prices = prices_of(visit.seed, sport, index)
    for platform in PLATFORMS:
        book = make_book(visit, platform, fixture, prices)
        markets = _markets(book, sport, platform, prices)
        yield generated(visit, platform, book, {"markets": markets})


def _markets(book: BookAtEvent, sport: Sport, platform: str, prices: SportPrices) -> Any:
    items = priced_in(book, sport, platform, prices)
    if platform == "betpawa":
        return betpawa.write_sport(book, items)
    others = unmapped_in(sport, platform)
    if platform == "sportybet":
        return sportybet.write_sport(book, items, others)
    return bet9ja.write_sport(book, items, others)
