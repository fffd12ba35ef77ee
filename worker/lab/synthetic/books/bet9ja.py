"""Bet9ja: one flat object of ``S_MARKET[@PARAM]_OUTCOME`` to the price as text; "1" is no price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.lab.synthetic.books.at_event import (
    BookAtEvent,
    Priced,
    made_up_chances,
    priced,
    sold_unmapped,
)
from worker.lab.synthetic.expected import UNKNOWN_MARKET
from worker.lab.synthetic.offers import offers, unmapped

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.lab.synthetic.offers import Unmapped
    from worker.lab.synthetic.pricing import Quote

KeyAndOdds = tuple[str, str]


def write(book: BookAtEvent, more: Iterable[Priced] = ()) -> tuple[dict[str, str], dict[str, str]]:
    """The odds object in no order, and the names of its markets; ``more`` is sold next to the usual ones."""
    items = [*priced(book, offers("bet9ja")), *more]
    entries = [*_mapped(items), *_unmapped(book)]
    book.pricer.opening.shuffle(entries)
    odds = dict(entries)
    names = {item.offer.external_id: item.offer.form["name"] for item in reversed(items)}
    names |= {market.external_id: market.form["name"] for market in unmapped("bet9ja")}
    seen = dict.fromkeys(market_of(key) for key in odds)
    return odds, {market: names[market] for market in seen}


def market_of(key: str) -> str:
    """``S_OU`` of ``S_OU@2.5_O``: a market name holds no underscore after its prefix."""
    prefix, _, rest = key.partition("_")
    return f"{prefix}_{rest.partition('_')[0].partition('@')[0]}"


def write_sport(
    book: BookAtEvent, items: Iterable[Priced], markets: Iterable[Unmapped]
) -> dict[str, str]:
    """The odds object of an event of another sport."""
    entries = [*_mapped(items)]
    for market in markets:
        book.answers.miss(book.missed_id(market.external_id), market.form["reason"])
        for param in market.rows or (None,):
            entries += _made_up(book, market, param)
    book.pricer.opening.shuffle(entries)
    return dict(entries)


def _mapped(items: Iterable[Priced]) -> Iterator[KeyAndOdds]:
    for item in items:
        suffixes = {outcome: s.label for outcome, s in item.selections().items()}
        for quote in item.quoted.quotes:
            yield _key(item, suffixes[quote.outcome]), _written(quote)
        if item.stray:
            yield _key(item, item.stray[0]), "41"


def _key(item: Priced, suffix: str) -> str:
    form = item.offer.form
    # A line that the key itself means is not written; a param may be a part of the market's name.
    param = None if form.get("constant") else form.get("param", item.line)
    return _join(item.offer.external_id, param, suffix)


def _join(market: str, param: str | None, suffix: str) -> str:
    return f"{market}_{suffix}" if param is None else f"{market}@{param}_{suffix}"


def _written(quote: Quote) -> str:
    return f"{quote.price:g}"


def _unmapped(book: BookAtEvent) -> Iterator[KeyAndOdds]:
    for market, params in sold_unmapped(book, unmapped("bet9ja")):
        book.answers.miss(market.external_id, UNKNOWN_MARKET)
        for param in params:
            yield from _made_up(book, market, param)


def _made_up(book: BookAtEvent, market: Unmapped, param: str | None) -> Iterator[KeyAndOdds]:
    chances = made_up_chances(book.pricer.opening, len(market.outcomes))
    for suffix, chance in zip(market.outcomes, chances, strict=True):
        yield _join(market.external_id, param, suffix), f"{book.pricer.price(chance):g}"
