"""SportyBet's players: one row with all of them, or one row for each, named with their team in brackets."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from worker.lab.synthetic.books.sportybet import market_row
from worker.lab.synthetic.expected import (
    ExpectedMarket,
    ExpectedOutcome,
    ExpectedParticipant,
    ExpectedPlayerMarket,
)
from worker.lab.synthetic.players.hostile import invented_outcomes
from worker.lab.synthetic.players.sold import (
    PlayerOffer,
    PlayerOutcome,
    PlayerSale,
    outcomes,
    player_offers,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.books.at_event import BookAtEvent, Json
    from worker.lab.synthetic.players.squad import Footballer

_NO_GOAL_ID = "1716"
_NO_PRICES = ("1.00", "0.00", "", None)
_FIRST_POSITION = 900
_IN_ROWS_OF_THEIR_OWN = 11  # players of each team
_ON_THE_LADDERS = 14


class _Quoted(NamedTuple):
    """A price as it is written, and what is true of it."""

    json: Json
    truth: ExpectedOutcome


def write(book: BookAtEvent, sale: PlayerSale) -> Iterator[tuple[int, Json]]:
    """Rows with their positions in the feed; their truth goes to the answer sheet."""
    for number, offer in enumerate(player_offers("sportybet")):
        if book.fixture.rank < offer.frequency:
            for row in _rows(book, sale, offer, position=_FIRST_POSITION + number):
                yield _FIRST_POSITION + number, row


def _rows(
    book: BookAtEvent, sale: PlayerSale, offer: PlayerOffer, *, position: int
) -> Iterator[Json]:
    form = {**offer.data, "group": "Players", "position": position}
    if not offer.canonical_id:
        book.answers.miss(offer.missed_as, offer.reason)
    if not offer.form.startswith("one_player"):
        yield _row_of_all(book, sale, offer, form)
        return
    for player in _of_each_team(sale.squad, _IN_ROWS_OF_THEIR_OWN):
        yield _row_of_one(book, sale, offer, form, player)


def _of_each_team(squad: tuple[Footballer, ...], most: int) -> list[Footballer]:
    half = len(squad) // 2
    return [*squad[:most], *squad[half : half + most]]


def _row_of_one(
    book: BookAtEvent, sale: PlayerSale, offer: PlayerOffer, form: Json, player: Footballer
) -> Json:
    variant = f"pre:playerprops:{book.fixture.sportradar_id}:{player.feed_id}"
    state = sale.pricer.row_state()
    written = []
    for price in outcomes(offer, (player,)):
        name = _name(book, offer, player)
        quoted = _quoted(sale, price, f"{variant}:{price.rung}", f"{name} {price.rung}+", state)
        _note(book, offer, name, price, quoted.truth)
        written.append(quoted.json)
    row = market_row(book, form, {}, written, state=state)
    return {**row, "specifier": f"variant={variant}"}


def _row_of_all(book: BookAtEvent, sale: PlayerSale, offer: PlayerOffer, form: Json) -> Json:
    squad = _of_each_team(sale.squad, _ON_THE_LADDERS) if offer.rungs else sale.squad
    state = sale.pricer.row_state()
    written = []
    if offer.no_goal:
        written.append(_no_goal(book, offer))
    for price in outcomes(offer, tuple(squad)):
        name = _name(book, offer, price.player)
        label = name if price.rung is None else f"{name} {price.rung}+"
        quoted = _quoted(sale, price, _feed_id(book, offer, price), label, state)
        _note(book, offer, name, price, quoted.truth)
        written.append(quoted.json)
    if offer.canonical_id == "anytime_goalscorer_ft":
        written += invented_outcomes(book, offer.external_id, is_open=state == "open")
    row = market_row(book, form, {}, written, state=state)
    specifier = offer.data.get("specifier")
    return {**row, "specifier": specifier} if specifier else row


def _no_goal(book: BookAtEvent, offer: PlayerOffer) -> Json:
    """The outcome that is no player: listed, never priced."""
    if offer.canonical_id:
        closed = ExpectedOutcome("no_goal", None, active=False)
        book.answers.markets.append(
            ExpectedMarket(offer.canonical_id, None, offer.external_id, (closed,), complete=False)
        )
    return {"id": _NO_GOAL_ID, "odds": "0.00", "isActive": 0, "desc": offer.no_goal}


def _name(book: BookAtEvent, offer: PlayerOffer, player: Footballer) -> str:
    """``Müller, Raúl (Alder United)`` in the feed's older markets, ``Raúl Müller (Alder)`` in the others."""
    team = book.fixture.team(player.side)
    if offer.form in {"scorers", "one_player"}:
        return f"{player.shown_family_first('sportybet')} ({team})"
    return f"{player.shown('sportybet')} ({team.rpartition(' ')[0]})"


def _feed_id(book: BookAtEvent, offer: PlayerOffer, price: PlayerOutcome) -> str:
    player = price.player
    if offer.form == "scorers":
        return f"sr:player:{player.feed_id}"
    parts = ["pre:playerprops", book.fixture.sportradar_id, player.feed_id]
    parts += [] if price.rung is None else [str(price.rung)]
    return ":".join([*parts, "1" if player.side == "home" else "2"])


def _quoted(
    sale: PlayerSale, price: PlayerOutcome, feed_id: str, label: str, state: str
) -> _Quoted:
    """A player on the bench has a price that cannot be bet on."""
    quote = sale.pricer.quote(price.outcome, price.chance, state=state)
    form = (int(price.player.feed_id) + (price.rung or 0)) % len(_NO_PRICES)
    shown = quote.active or state != "open"
    is_active = quote.active and not price.player.is_on_bench
    odds = f"{quote.price:.2f}" if quote.odds is not None else _NO_PRICES[form]
    is_on = shown and not price.player.is_on_bench
    written = {"id": feed_id, "odds": odds, "isActive": int(is_on), "desc": label}
    return _Quoted(written, ExpectedOutcome(price.outcome, quote.odds, active=is_active))


def _note(
    book: BookAtEvent, offer: PlayerOffer, name: str, price: PlayerOutcome, truth: ExpectedOutcome
) -> None:
    if not offer.canonical_id:
        return
    player = price.player
    participant = ExpectedParticipant(
        name, player.key("sportybet"), player.side, feed_id=player.feed_id
    )
    book.answers.players.append(
        ExpectedPlayerMarket(
            offer.canonical_id, price.line, participant, offer.external_id, (truth,)
        )
    )
