"""A whole scrape of three bookmakers, in their own forms, with the true answer of everything written."""

from __future__ import annotations

from datetime import datetime, timedelta
from functools import partial
from typing import TYPE_CHECKING, Any, Literal

from worker.lab.synthetic import pricing
from worker.lab.synthetic.books import bet9ja, betpawa, sportybet
from worker.lab.synthetic.catalogue.prices import CataloguePrices
from worker.lab.synthetic.catalogue.selling import priced_further, with_catalogue
from worker.lab.synthetic.extras import SHARES
from worker.lab.synthetic.fixtures import Fixture, draw_fixture, draw_other, seeded
from worker.lab.synthetic.live.observing import observe_live
from worker.lab.synthetic.markets import FairPrices
from worker.lab.synthetic.offers import PLATFORMS
from worker.lab.synthetic.players import betpawa as betpawa_players
from worker.lab.synthetic.players import sportybet as sportybet_players
from worker.lab.synthetic.players.sold import PlayerSale
from worker.lab.synthetic.players.squad import squads
from worker.lab.synthetic.shapes.reshaping import reshape
from worker.lab.synthetic.sports.observing import observe_sport
from worker.lab.synthetic.visit import Visit, generated, make_book, make_pricer

if TYPE_CHECKING:
    import random
    from collections.abc import Collection, Iterator

    from worker.lab.synthetic.books.at_event import BookAtEvent, Json, Priced
    from worker.lab.synthetic.expected import Generated
    from worker.lab.synthetic.extras import Extra

Size = Literal["full", "slim"]
_NAMED_SHARE = 0.3


def generate_scrape(
    *,
    seed: int,
    events: int,
    scrape: int = 0,
    started_at: datetime,
    interval_s: float = 300.0,
    size: Size = "full",
    noise: float = pricing.NOISE_LOGIT,
    extras: Collection[Extra] = (),
    has_grade_c: bool = False,
) -> Iterator[Generated]:
    """Observations of ``events`` events in the order in which they were scraped.

    The same arguments give the same observations in every process. ``started_at`` (aware) is when scrape 0
    began; scrape n begins n * ``interval_s`` later, sees the same events and ids, and finds one market in ten
    at another price than at first. ``size`` "slim" leaves out decorative fields, never a market.
    ``noise`` is the standard deviation of a bookmaker's opening price from the fair one, in logits.
    ``extras`` are what is sold in addition to football before the match, any of EXTRAS. The football
    stays as it is without them. ``has_grade_c``: the truth is that of a catalogue whose ids of grade C are
    switched on; otherwise they are missed, as they ship.

    Raises ValueError when ``started_at`` is naive.
    """
    if started_at.tzinfo is None:
        raise ValueError("started_at must be aware")
    visit = Visit(
        seed,
        scrape,
        begun=started_at + timedelta(seconds=interval_s * scrape),
        full=size == "full",
        noise=noise,
        extras=frozenset(extras),
        has_grade_c=has_grade_c,
    )
    for index in range(events):
        fixture = draw_fixture(seed, index, started_at)
        has_catalogue = "catalogue" in visit.extras
        fair = (CataloguePrices if has_catalogue else FairPrices)(fixture.model)
        for platform in PLATFORMS:
            if platform in fixture.event_ids:
                yield _observe(visit, platform, fixture, fair)
    yield from _others(visit, events, started_at)


def _others(visit: Visit, events: int, started_at: datetime) -> Iterator[Generated]:
    """Events that are not football before the match, scraped after those that are."""
    ordinal = events
    for kind, share in SHARES.items():
        if kind not in visit.extras:
            continue
        observe = observe_live if kind == "live" else observe_sport
        for index in range(max(1, round(events * share))):
            fixture = draw_other(visit.seed, kind, index, started_at, ordinal=ordinal)
            yield from observe(visit, index, fixture)
            ordinal += 1


def _observe(visit: Visit, platform: str, fixture: Fixture, fair: FairPrices) -> Generated:
    book = make_book(visit, platform, fixture, fair)
    further: Iterator[Priced] = iter(())
    if "catalogue" in visit.extras:
        chosen = seeded(visit.seed, fixture.serial, platform, "catalogue")
        book = with_catalogue(book, platform, chosen)
        further = priced_further(book, platform)
    sale = _players(visit, platform, fixture) if "players" in visit.extras else None
    markets = _markets(platform, book, sale, further)
    if "shapes" in visit.extras:
        reshape(platform, markets["markets"], book.answers, _shapes_of(visit, platform, fixture))
    return generated(visit, platform, book, markets)


def _shapes_of(visit: Visit, platform: str, fixture: Fixture) -> random.Random:
    """The same in every scrape: a bookmaker writes an event in one way."""
    return seeded(visit.seed, fixture.serial, platform, "shapes")


def _players(visit: Visit, platform: str, fixture: Fixture) -> PlayerSale:
    opening = seeded(visit.seed, fixture.serial, platform, "players")
    pricer = make_pricer(visit, platform, fixture, opening, "players")
    return PlayerSale(squads(visit.seed, fixture), pricer)


def _markets(
    platform: str, book: BookAtEvent, sale: PlayerSale | None, further: Iterator[Priced]
) -> dict[str, Any]:
    if platform == "betpawa":
        return {"markets": betpawa.write(book, partial(_more_of_betpawa, book, sale, further))}
    if platform == "sportybet":
        rows = [] if sale is None else sportybet_players.write(book, sale)
        return {"markets": sportybet.write(book, rows, further)}
    odds, names = bet9ja.write(book, further)
    named = book.pricer.opening.random() < _NAMED_SHARE
    return {"markets": odds} | ({"market_names": names} if named else {})


def _more_of_betpawa(
    book: BookAtEvent, sale: PlayerSale | None, further: Iterator[Priced], writer: betpawa.Writer
) -> Iterator[tuple[int, Json]]:
    yield from writer.mapped(further)
    if sale is not None:
        yield from betpawa_players.write(book, sale, writer)
