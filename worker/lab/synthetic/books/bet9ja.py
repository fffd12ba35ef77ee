"""Bet9ja: one flat object of ``S_MARKET[@PARAM]_OUTCOME`` to the price as text; "1" is no price."""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.lab.synthetic.books.stall import Priced, Stall, made_up_chances, priced, sold_unmapped
from worker.lab.synthetic.expected import UNKNOWN_MARKET
from worker.lab.synthetic.offers import offers, unmapped

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.pricing import Quote

KeyAndOdds = tuple[str, str]


def write(stall: Stall) -> tuple[dict[str, str], dict[str, str]]:
    """The odds object in no order, and the names of its markets."""
    entries = [*_mapped(stall), *_unmapped(stall)]
    stall.desk.opening.shuffle(entries)
    odds = dict(entries)
    names = {offer.external_id: offer.form["name"] for offer in offers("bet9ja")}
    names |= {market.external_id: market.form["name"] for market in unmapped("bet9ja")}
    seen = dict.fromkeys(market_of(key) for key in odds)
    return odds, {market: names[market] for market in seen}


def market_of(key: str) -> str:
    """``S_OU`` of ``S_OU@2.5_O``: a market name holds no underscore after its prefix."""
    prefix, _, rest = key.partition("_")
    return f"{prefix}_{rest.partition('_')[0].partition('@')[0]}"


def _mapped(stall: Stall) -> Iterator[KeyAndOdds]:
    for item in priced(stall, offers("bet9ja")):
        suffixes = {outcome: s.label for outcome, s in item.selections().items()}
        for quote in item.sheet.quotes:
            yield _key(item, suffixes[quote.outcome]), _written(quote)
        if item.stray:
            yield _key(item, item.stray[0]), "41"


def _key(item: Priced, suffix: str) -> str:
    return _join(item.offer.external_id, item.line, suffix)


def _join(market: str, param: str | None, suffix: str) -> str:
    return f"{market}_{suffix}" if param is None else f"{market}@{param}_{suffix}"


def _written(quote: Quote) -> str:
    return f"{quote.price:g}"


def _unmapped(stall: Stall) -> Iterator[KeyAndOdds]:
    for market, params in sold_unmapped(stall, unmapped("bet9ja")):
        stall.answers.miss(market.external_id, UNKNOWN_MARKET)
        for param in params:
            chances = made_up_chances(stall.desk.opening, len(market.outcomes))
            for suffix, chance in zip(market.outcomes, chances, strict=True):
                yield _join(market.external_id, param, suffix), f"{stall.desk.price(chance):g}"
