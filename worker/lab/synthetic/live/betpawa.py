"""BetPawa in play: flags on the event's markets, rows and prices; players without a team; the next goal."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from worker.lab.synthetic.books.at_event import made_up_chances, priced
from worker.lab.synthetic.books.betpawa import V4_SHARE, Writer, in_order
from worker.lab.synthetic.expected import (
    UNKNOWN_PARAM_MARKET,
    ExpectedOutcome,
    ExpectedParticipant,
    ExpectedPlayerMarket,
)
from worker.lab.synthetic.offers import offers
from worker.lab.synthetic.pricing import Quote
from worker.lab.synthetic.shapes.flags import suspend_some
from worker.lab.synthetic.shapes.truths import close

if TYPE_CHECKING:
    from worker.lab.synthetic.books.at_event import BookAtEvent, Json
    from worker.lab.synthetic.live.score import Score
    from worker.lab.synthetic.offers import Offer
    from worker.lab.synthetic.players.squad import Footballer

_FIRST_GOAL = "first_goal_ft"
_NEXT_GOAL: dict[str, Any] = {
    "id": "28000224",
    "name": "{handicap} Goal",
    "display": "Next Goal (Goal {handicap})",
    "handicap_type": "NUMBER_SPECIFIER",
    "tabs": ["goals", "popular", "all"],
    "priority": 35,
    "columns": 3,
}
_SCORERS: dict[str, Any] = {
    "id": "129108",
    "name": "Anytime Goalscorer",
    "display": "Anytime Goalscorer",
    "handicap_type": "",
    "tabs": ["players", "all"],
    "priority": 210,
    "columns": 1,
}


def write(book: BookAtEvent, score: Score, squad: tuple[Footballer, ...]) -> list[Json]:
    """The array of an event in play; every market is suspended when the event is."""
    writer = Writer(book, v4=book.pricer.opening.random() < V4_SHARE)
    sold = [each for each in offers("betpawa") if not _is_over(each, score)]
    mapped = [*writer.mapped(priced(book, tuple(sold)))]
    others = [*writer.unmapped(), (210, _scorers(book, writer, squad, score))]
    if score.goals:
        others.append((35, _next_goal(book, writer, score)))
    if score.is_suspended:
        close(book.answers, lambda _market: True)
        for _priority, market in [*mapped, *others]:
            market["suspended"] = True
    else:
        for _priority, market in mapped:
            suspend_some(book.answers, book.pricer.opening, market)
    return in_order([*mapped, *others])


def _is_over(offer: Offer, score: Score) -> bool:
    return offer.market.canonical_id == _FIRST_GOAL and score.goals > 0


def _next_goal(book: BookAtEvent, writer: Writer, score: Score) -> Json:
    """The second goal and later ones have no canonical market."""
    number = str(score.goals + 1)
    book.answers.miss(f"28000224?handicap={number}", UNKNOWN_PARAM_MARKET)
    chances = made_up_chances(book.pricer.opening, 3)
    labels = (("1", "28000225"), ("None", "28000226"), ("2", "28000227"))
    prices = [
        writer.price(label, type_id, Quote("", book.pricer.price(chance), active=True), None)
        for (label, type_id), chance in zip(labels, chances, strict=True)
    ]
    return writer.market(_NEXT_GOAL, [writer.row(number, "NUMBER_SPECIFIER", prices)])


def _scorers(
    book: BookAtEvent, writer: Writer, squad: tuple[Footballer, ...], score: Score
) -> Json:
    """In play a player has no team, so the side is not known."""
    rows = []
    for player in squad:
        quote = Quote("yes", book.pricer.price(min(0.6, player.goals / 2)), active=True)
        rows.append(
            writer.row(
                None, "", [writer.price(player.shown("betpawa"), player.own_id, quote, None)]
            )
        )
        participant = ExpectedParticipant(
            player.shown("betpawa"), player.key("betpawa"), None, id=player.own_id
        )
        truth = ExpectedOutcome("yes", quote.odds, active=not score.is_suspended)
        book.answers.players.append(
            ExpectedPlayerMarket("anytime_goalscorer_ft", None, participant, "129108", (truth,))
        )
    return writer.market(_SCORERS, rows)
