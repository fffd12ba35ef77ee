"""What every book does: choose markets and lines, quote them, and note the truth of what it wrote."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, NamedTuple

from worker.lab.synthetic.expected import (
    INVALID_ODDS,
    NO_MATCHING_OUTCOMES,
    AnswerSheet,
    ExpectedMarket,
    ExpectedOutcome,
    ExpectedRejection,
)

if TYPE_CHECKING:
    import random
    from collections.abc import Iterator

    from worker.lab.synthetic.fixtures import Fixture
    from worker.lab.synthetic.markets import FairPrices
    from worker.lab.synthetic.offers import Offer, OfferedOutcome, Unmapped
    from worker.lab.synthetic.pricing import Desk, Sheet

# A piece of a payload: an object as the feed has it.
Json = dict[str, Any]

_STRAY_SHARE = 0.03


class Stall(NamedTuple):
    """One book at one event. ``narrowest`` is the least fair chance at which a line is still offered.
    ``full`` asks for the decorative fields too.
    """

    fixture: Fixture
    fair: FairPrices
    desk: Desk
    answers: AnswerSheet
    narrowest: float
    observed_ms: int
    full: bool


class Priced(NamedTuple):
    """One offer at one line. ``stray`` is the (label, feed id) written next to the known outcomes."""

    offer: Offer
    line: str | None
    sheet: Sheet
    stray: tuple[str, str] | None

    def selections(self) -> dict[str, OfferedOutcome]:
        return {selection.outcome: selection for selection in self.offer.selections}


def priced(stall: Stall, offers: tuple[Offer, ...]) -> Iterator[Priced]:
    """Everything mapped that this book offers on the event; the truth goes to the answer sheet."""
    for offer in offers:
        if stall.fixture.rank < offer.frequency:
            yield from (_priced(stall, offer, line) for line in lines_on_sale(stall, offer))


def sold_unmapped(
    stall: Stall, markets: tuple[Unmapped, ...]
) -> Iterator[tuple[Unmapped, tuple[str | None, ...]]]:
    """Markets that no mapping knows, with the specifiers or params to write."""
    for market in markets:
        if stall.fixture.rank < market.frequency:
            yield market, _window(stall.desk.opening, market)


def lines_on_sale(stall: Stall, offer: Offer) -> list[str | None]:
    """Lines with every outcome likely enough; the most balanced one when there is none."""
    if len(offer.lines) == 1:
        return list(offer.lines)
    least = {line: _least_chance(stall, offer, line) for line in offer.lines}
    chosen = [line for line in offer.lines if least[line] >= stall.narrowest]
    return chosen or [max(offer.lines, key=least.__getitem__)]


def made_up_chances(rng: random.Random, count: int) -> list[float]:
    """Plausible chances for a market that the goal model says nothing about. Long lists overlap."""
    weights = [rng.random() + 0.15 for _ in range(count)]
    total = sum(weights) if 1 < count < 8 else 2.5
    return [weight / total for weight in weights]


def _priced(stall: Stall, offer: Offer, line: str | None) -> Priced:
    fair = stall.fair.of(offer.market, line)
    # Two mappings share some keys: a broken price of one says nothing of the other, so none is written.
    outcomes = [selection.outcome for selection in offer.selections]
    sheet = stall.desk.sheet(fair, outcomes, may_be_invalid=not offer.shares_id)
    stray = (
        offer.stray
        if stall.desk.opening.random() < _STRAY_SHARE and sheet.state != "invalid"
        else None
    )
    item = Priced(offer, line, sheet, stray)
    _note(stall.answers, item)
    return item


def _note(answers: AnswerSheet, item: Priced) -> None:
    external_id = item.offer.external_id
    if item.sheet.state == "invalid":
        answers.rejected.append(ExpectedRejection(external_id, item.line, INVALID_ODDS))
        return
    outcomes = tuple(ExpectedOutcome(q.outcome, q.odds, q.active) for q in item.sheet.quotes)
    answers.markets.append(
        ExpectedMarket(item.offer.market.canonical_id, item.line, external_id, outcomes)
    )
    if item.stray:
        answers.miss(external_id, NO_MATCHING_OUTCOMES, item.stray[0])


def _least_chance(stall: Stall, offer: Offer, line: str | None) -> float:
    fair = stall.fair.of(offer.market, line)
    if len(offer.selections) > 3:
        return 1.0
    return min(fair.get(s.outcome, 0.0) for s in offer.selections)


def _window(rng: random.Random, market: Unmapped) -> tuple[str | None, ...]:
    count: int = market.form.get("rows", len(market.rows))
    if count >= len(market.rows):
        return market.rows or (None,)
    first = rng.randrange(len(market.rows) - count + 1)
    return market.rows[first : first + count]
