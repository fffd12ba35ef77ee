"""Observations of an event of football in play."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.lab.synthetic.live import bet9ja, betpawa, sportybet
from worker.lab.synthetic.live.score import Score, score_of
from worker.lab.synthetic.markets import FairPrices
from worker.lab.synthetic.offers import PLATFORMS
from worker.lab.synthetic.players.squad import squads
from worker.lab.synthetic.visit import Visit, generated, make_book

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.books.at_event import BookAtEvent
    from worker.lab.synthetic.expected import Generated
    from worker.lab.synthetic.fixtures import Fixture


def observe_live(visit: Visit, index: int, fixture: Fixture) -> Iterator[Generated]:
    """What each bookmaker says of event ``index`` in play."""
    fair = FairPrices(fixture.model)
    score = score_of(visit.seed, index, fixture, visit.scrape)
    status = "suspended" if score.is_suspended else "live"
    for platform in PLATFORMS:
        book = make_book(visit, platform, fixture, fair)
        markets = _markets(visit, platform, book, score)
        yield generated(visit, platform, book, {"markets": markets}, status=status)


def _markets(visit: Visit, platform: str, book: BookAtEvent, score: Score) -> Any:
    if platform == "betpawa":
        return betpawa.write(book, score, squads(visit.seed, book.fixture))
    if platform == "sportybet":
        return sportybet.write(book, is_suspended=score.is_suspended)
    return bet9ja.write(book, score, is_suspended=score.is_suspended)
