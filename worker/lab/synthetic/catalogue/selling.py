"""What the bookmakers sell of the catalogue's further markets, next to their usual ones."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from functools import cache
from typing import TYPE_CHECKING, Any, Final

from worker.lab.synthetic.books.at_event import BookAtEvent, Priced, lines_on_sale, price_offer
from worker.lab.synthetic.catalogue.prices import truths
from worker.lab.synthetic.offers import PLATFORMS, Offer, OfferedOutcome, load, offers
from worker.lab.synthetic.question import QuestionedMarket

if TYPE_CHECKING:
    import random

    from worker.lab.synthetic.expected import AnswerSheet, ExpectedMarket

# The share of events in which a bookmaker sells a market under a further id instead of its usual one.
FURTHER_ID_SHARE: Final = 0.3


@cache
def catalogue_offers(platform: str) -> tuple[Offer, ...]:
    """What ``platform`` sells of them; the ids that several rows share are marked."""
    rows = [row for row in load("catalogue.json") if platform in row]
    uses = Counter(row[platform]["id"] for row in rows)
    uses.update({offer.external_id for offer in offers(platform)})
    parts = Counter(row["id"] for row in rows)
    return tuple(_offer(row["id"], row[platform], uses, parts) for row in rows)


@cache
def _with_further_ids(platform: str) -> frozenset[str]:
    """The canonical markets that it may sell under another id, at lines that it sells usually."""
    usual = {offer.market.canonical_id: set(offer.lines) for offer in offers(platform)}
    return frozenset(
        offer.market.canonical_id
        for offer in catalogue_offers(platform)
        if usual.get(offer.market.canonical_id, set()) & set(offer.lines)
    )


def with_catalogue(book: BookAtEvent, platform: str, chosen: random.Random) -> BookAtEvent:
    """The book when it sells them too: what it leaves out of the usual then."""
    elsewhere = (
        name for name in sorted(_with_further_ids(platform)) if chosen.random() < FURTHER_ID_SHARE
    )
    meant = (offer.external_id for offer in catalogue_offers(platform))
    return book._replace(elsewhere=frozenset(elsewhere), meant=frozenset(meant))


def priced_further(book: BookAtEvent, platform: str) -> Iterator[Priced]:
    """Everything of them that this bookmaker offers on the event; the truth goes to the answer sheet.

    An outcome of a market at a line is sold under one id of a bookmaker.
    """
    taken = {
        (market.canonical_id, market.line, each.outcome)
        for market in book.answers.markets
        for each in market.outcomes
    }
    for offer in catalogue_offers(platform):
        if book.fixture.rank >= offer.frequency:
            continue
        for line in lines_on_sale(book, offer):
            named = {(offer.market.canonical_id, line, each.outcome) for each in offer.selections}
            if taken.isdisjoint(named):
                taken |= named
                yield price_offer(_seller(book, offer), offer, line)
    _join_parts(book.answers)


def _seller(book: BookAtEvent, offer: Offer) -> BookAtEvent:
    """Rungs of a ladder are in one row, which is open and has no broken price."""
    if "ladder" not in offer.form:
        return book
    habits = replace(book.pricer.habits, suspended=0.0, banned=0.0, invalid=0.0)
    return book._replace(pricer=replace(book.pricer, habits=habits))


def _join_parts(answers: AnswerSheet) -> None:
    """One market of the outcomes that a bookmaker sells under several ids; it names the least of them."""
    parts: dict[tuple[str, str | None], list[ExpectedMarket]] = {}
    for market in answers.markets:
        parts.setdefault((market.canonical_id, market.line), []).append(market)
    answers.markets[:] = [
        each[0]._replace(
            external_market_id=min(part.external_market_id for part in each),
            outcomes=tuple(outcome for part in each for outcome in part.outcomes),
        )
        for each in parts.values()
    ]


def _offer(
    canonical_id: str, sold: dict[str, Any], uses: Counter[str], parts: Counter[str]
) -> Offer:
    return Offer(
        market=_markets()[canonical_id],
        external_id=sold["id"],
        frequency=sold["frequency"],
        selections=tuple(
            OfferedOutcome(*each, *([""] * (3 - len(each)))) for each in sold["outcomes"]
        ),
        lines=tuple(sold.get("lines", (None,))),
        stray=None,
        shares_id=uses[sold["id"]] > 1 or parts[canonical_id] > 1,
        form=sold,
    )


@cache
def _markets() -> dict[str, QuestionedMarket]:
    """Each canonical market with the outcomes of all bookmakers, those of its usual ids included."""
    outcomes: dict[str, dict[str, None]] = {}
    for row in [*load("mapped.json"), *load("catalogue.json")]:
        for platform in PLATFORMS:
            for each in row.get(platform, {}).get("outcomes", ()):
                outcomes.setdefault(row["id"], {})[each[0]] = None
    return {
        name: QuestionedMarket(
            name,
            truth.get("family", ""),
            truth.get("period", ""),
            truth.get("side", ""),
            tuple(outcomes[name]),
        )
        for name, truth in truths().items()
    }
