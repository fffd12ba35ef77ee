"""BetPawa's players: a row for each, with a number of BetPawa's own and the team as 1 or 2."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.lab.synthetic.expected import (
    ExpectedMarket,
    ExpectedOutcome,
    ExpectedParticipant,
    ExpectedPlayerMarket,
)
from worker.lab.synthetic.players.sold import (
    PlayerOffer,
    PlayerOutcome,
    PlayerSale,
    outcomes,
    player_offers,
)
from worker.lab.synthetic.pricing import Quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.books.at_event import BookAtEvent, Json
    from worker.lab.synthetic.books.betpawa import Writer

_NO_GOAL_ID = "1126700"
_NO_GOAL_CHANCE = 0.07
_NUMBERED = "NUMBER_SPECIFIER"


def write(book: BookAtEvent, sale: PlayerSale, writer: Writer) -> Iterator[tuple[int, Json]]:
    """Markets with their priorities; their truth goes to the answer sheet."""
    for number, offer in enumerate(player_offers("betpawa")):
        if book.fixture.rank < offer.frequency:
            yield 210 + number, _market(book, sale, writer, offer, priority=210 + number)


def _market(
    book: BookAtEvent, sale: PlayerSale, writer: Writer, offer: PlayerOffer, *, priority: int
) -> Json:
    number = offer.data.get("number")
    form = {
        "id": offer.external_id,
        "name": offer.data["name"],
        "display": offer.data["desc"],
        "handicap_type": _NUMBERED if number else "",
        "priority": priority,
        "tabs": ["players", "all"],
        "columns": 1,
    }
    if not offer.canonical_id:
        book.answers.miss(offer.missed_as, offer.reason)
    prices = [_price(book, sale, writer, offer, one) for one in outcomes(offer, sale.squad)]
    if offer.no_goal:
        prices.append(_no_goal(book, sale, writer, offer))
    line = None if number is None else str(number)
    rows = [writer.row(line, form["handicap_type"], [price]) for price in prices]
    return writer.market(form, rows)


def _price(
    book: BookAtEvent, sale: PlayerSale, writer: Writer, offer: PlayerOffer, price: PlayerOutcome
) -> Json:
    """A player on the bench is suspended."""
    player = price.player
    quote = sale.pricer.quote(price.outcome, price.chance)
    if player.is_on_bench:
        quote = quote._replace(active=False)
    name = player.shown("betpawa")
    if offer.canonical_id:
        participant = ExpectedParticipant(
            name, player.key("betpawa"), player.side, id=player.own_id
        )
        truth = ExpectedOutcome(quote.outcome, quote.odds, active=quote.active)
        book.answers.players.append(
            ExpectedPlayerMarket(offer.canonical_id, None, participant, offer.external_id, (truth,))
        )
    written = writer.price(name, player.own_id, quote, None)
    return {**written, "team": 1 if player.side == "home" else 2}


def _no_goal(book: BookAtEvent, sale: PlayerSale, writer: Writer, offer: PlayerOffer) -> Json:
    quote = Quote("no_goal", sale.pricer.price(_NO_GOAL_CHANCE), active=True)
    if offer.canonical_id:
        truth = ExpectedOutcome("no_goal", quote.odds, active=True)
        book.answers.markets.append(
            ExpectedMarket(offer.canonical_id, None, offer.external_id, (truth,), complete=False)
        )
    return writer.price(offer.no_goal, _NO_GOAL_ID, quote, None)
