"""What every bookmaker does: choose markets and lines, quote them, and note the truth of what it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from worker.lab.synthetic.expected import (
    INVALID_ODDS,
    NO_MATCHING_OUTCOMES,
    UNKNOWN_MARKET,
    AnswerSheet,
    ExpectedMarket,
    ExpectedOutcome,
    ExpectedRejection,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator
    from datetime import datetime

    from worker.lab.synthetic.fixtures import Fixture
    from worker.lab.synthetic.offers import Offer, OfferedOutcome, Unmapped
    from worker.lab.synthetic.pricing import Pricer, QuotedMarket
    from worker.lab.synthetic.question import FairChances

# A piece of a payload: an object as the feed has it.
Json = dict[str, Any]

_STRAY_SHARE = 0.03


class BookAtEvent(NamedTuple):
    """One bookmaker at one event, while its markets are written.

    ``narrowest`` is the least fair chance at which a line is still offered. ``full`` asks for the decorative
    fields too. ``has_grade_c``: ids of grade C are in force. ``elsewhere`` are the canonical markets that it
    sells under other ids than usual, ``meant`` the ids that are sold with a meaning, not as unknown ones.
    """

    fixture: Fixture
    fair: FairChances
    pricer: Pricer
    answers: AnswerSheet
    narrowest: float
    observed_at: datetime
    full: bool
    has_grade_c: bool = False
    elsewhere: frozenset[str] = frozenset()
    meant: frozenset[str] = frozenset()

    @property
    def observed_ms(self) -> int:
        return int(self.observed_at.timestamp() * 1000)

    def missed_id(self, external_id: str, qualifier: str = "") -> str:
        """The id under which a market is missed: another sport than football is a part of it."""
        mark = "" if self.fixture.sport == "football" else f"@{self.fixture.sport}"
        parts = "|".join(filter(None, (mark, qualifier)))
        return f"{external_id}?{parts}" if parts else external_id


class Priced(NamedTuple):
    """One offer at one line. ``stray`` is the (label, feed id) written next to the known outcomes."""

    offer: Offer
    line: str | None
    quoted: QuotedMarket
    stray: tuple[str, str] | None

    def selections(self) -> dict[str, OfferedOutcome]:
        return {selection.outcome: selection for selection in self.offer.selections}


def priced(book: BookAtEvent, offers: tuple[Offer, ...]) -> Iterator[Priced]:
    """Everything mapped that this bookmaker offers on the event; the truth goes to the answer sheet."""
    for offer in offers:
        is_usual = offer.market.canonical_id not in book.elsewhere
        if is_usual and book.fixture.rank < offer.frequency:
            yield from (price_offer(book, offer, line) for line in lines_on_sale(book, offer))


def sold_unmapped(
    book: BookAtEvent, markets: tuple[Unmapped, ...]
) -> Iterator[tuple[Unmapped, tuple[str | None, ...]]]:
    """Markets that no mapping knows, with the specifiers or params to write."""
    for market in markets:
        is_meant = market.external_id in book.meant and not market.form.get("other_market")
        if book.fixture.rank < market.frequency and not is_meant:
            yield market, _window(book.pricer.opening, market)


def lines_on_sale(book: BookAtEvent, offer: Offer) -> list[str | None]:
    """Lines with every outcome likely enough; the most balanced one when there is none."""
    if len(offer.lines) == 1:
        return list(offer.lines)
    least = {line: _least_chance(book, offer, line) for line in offer.lines}
    chosen = [line for line in offer.lines if least[line] >= book.narrowest]
    return chosen or [max(offer.lines, key=least.__getitem__)]


def made_up_chances(rng: random.Random, count: int) -> list[float]:
    """Plausible chances for a market that the goal model says nothing about. Long lists overlap."""
    weights = [rng.random() + 0.15 for _ in range(count)]
    total = sum(weights) if 1 < count < 8 else 2.5
    return [weight / total for weight in weights]


def price_offer(book: BookAtEvent, offer: Offer, line: str | None) -> Priced:
    """One offer at one line, with its prices; the truth goes to the answer sheet."""
    fair = book.fair.of(offer.market, line)
    # Two mappings share some keys: a broken price of one says nothing of the other, so none is written.
    outcomes = [selection.outcome for selection in offer.selections]
    quoted = book.pricer.quoted(fair, outcomes, may_be_invalid=not offer.shares_id)
    stray = (
        offer.stray
        if book.pricer.opening.random() < _STRAY_SHARE and quoted.state != "invalid"
        else None
    )
    item = Priced(offer, line, quoted, stray)
    _note(book, item)
    return item


def _note(book: BookAtEvent, item: Priced) -> None:
    """What ships switched off (grade C) is missed: its labels, where another market has the same id."""
    answers = book.answers
    external_id = item.offer.external_id
    if item.offer.form.get("grade") == "C" and not book.has_grade_c:
        if item.offer.form.get("shares_id"):
            for selection in item.offer.selections:
                answers.miss(external_id, NO_MATCHING_OUTCOMES, selection.label)
            answers.partial.add((external_id, item.line))
        else:
            answers.miss(book.missed_id(external_id), UNKNOWN_MARKET)
        return
    if item.quoted.state == "invalid":
        answers.rejected.append(ExpectedRejection(external_id, item.line, INVALID_ODDS))
        return
    outcomes = tuple(ExpectedOutcome(q.outcome, q.odds, q.active) for q in item.quoted.quotes)
    answers.markets.append(
        ExpectedMarket(item.offer.market.canonical_id, item.line, external_id, outcomes)
    )
    if item.stray:
        answers.miss(external_id, NO_MATCHING_OUTCOMES, item.stray[0])
        answers.partial.add((external_id, item.line))


def _least_chance(book: BookAtEvent, offer: Offer, line: str | None) -> float:
    fair = book.fair.of(offer.market, line)
    if len(offer.selections) > 3:
        return 1.0
    return min(fair.get(s.outcome, 0.0) for s in offer.selections)


def _window(rng: random.Random, market: Unmapped) -> tuple[str | None, ...]:
    count: int = market.form.get("rows", len(market.rows))
    if count >= len(market.rows):
        return market.rows or (None,)
    first = rng.randrange(len(market.rows) - count + 1)
    return market.rows[first : first + count]
