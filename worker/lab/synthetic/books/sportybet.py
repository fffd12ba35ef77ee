"""SportyBet: one object for each id and specifier, with labels that carry the line or the team names."""

from __future__ import annotations

import math
import re
from typing import TYPE_CHECKING, Any

from worker.lab.synthetic.books.at_event import (
    BookAtEvent,
    Json,
    Priced,
    made_up_chances,
    priced,
    sold_unmapped,
)
from worker.lab.synthetic.books.props import prop_rows
from worker.lab.synthetic.expected import UNKNOWN_MARKET, UNKNOWN_PARAM_MARKET
from worker.lab.synthetic.offers import offers, unmapped
from worker.lab.synthetic.pricing import Quote

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from worker.lab.synthetic.offers import Unmapped

Words = dict[str, str]
_PAIR = re.compile(r"(\w+)=([^|]+)")


def write(
    book: BookAtEvent, more: Iterable[tuple[int, Json]] = (), further: Iterable[Priced] = ()
) -> list[Json]:
    """The array ``data.markets`` in the order of the feed.

    ``more`` are rows with their positions, ``further`` is sold next to the usual markets.
    """
    usual = rows_of(book, priced(book, offers("sportybet")))
    rows = [*usual, *unmapped_rows(book), *with_one_row_of_an_id(rows_of(book, further)), *more]
    return in_order(rows)


def write_sport(
    book: BookAtEvent, items: Iterable[Priced], markets: Iterable[Unmapped]
) -> list[Json]:
    """The array of an event of another sport."""
    rows = [*rows_of(book, items)]
    for market in markets:
        _, _, qualifier = market.form["missed_as"].partition("?")
        book.answers.miss(book.missed_id(market.external_id, qualifier), market.form["reason"])
        rows += [
            (market.form["position"], _unmapped_row(book, market, specifier, market.outcomes))
            for specifier in market.rows or (None,)
        ]
    return in_order(rows)


def in_order(rows: list[tuple[int, Json]]) -> list[Json]:
    """Rows without their positions, sorted by them."""
    return [row for _position, row in sorted(rows, key=lambda pair: pair[0])]


def rows_of(book: BookAtEvent, items: Iterable[Priced]) -> Iterator[tuple[int, Json]]:
    """Rows with their positions in the feed."""
    for item in items:
        words = _names(book) | ({} if item.line is None else line_words(item.line))
        form = item.offer.form
        row = market_row(book, form, words, _selections(item, words), state=item.quoted.state)
        yield form["position"], _with_specifier(row, filled(form.get("specifier", ""), words))


def with_one_row_of_an_id(rows: Iterable[tuple[int, Json]]) -> list[tuple[int, Json]]:
    """The rows with their outcomes under the first one of their id and specifier."""
    first: dict[tuple[str, str], tuple[int, Json]] = {}
    for position, row in rows:
        key = row["id"], row.get("specifier", "")
        if key in first:
            first[key][1]["outcomes"] += row["outcomes"]
        else:
            first[key] = position, row
    return list(first.values())


def _selections(item: Priced, words: Words) -> list[Json]:
    known = item.selections()
    rows = [
        _selection(
            filled(known[q.outcome].feed_id, words),
            filled(known[q.outcome].label, words),
            q,
            item.quoted.state,
        )
        for q in item.quoted.quotes
    ]
    if item.stray:
        rows.append(_selection(item.stray[1], item.stray[0], Quote("", 71.0, active=True)))
    return rows


def unmapped_rows(book: BookAtEvent) -> Iterator[tuple[int, Json]]:
    """Rows that no mapping knows, with their positions."""
    for market, specifiers in sold_unmapped(book, unmapped("sportybet")):
        position = market.form["position"]
        if "players" in market.form:
            book.answers.miss(market.external_id, UNKNOWN_MARKET)
            for specifier, labels in prop_rows(book.fixture, market):
                yield position, _unmapped_row(book, market, specifier, labels)
            continue
        for specifier in specifiers:
            _note_miss(book, market, specifier)
            yield position, _unmapped_row(book, market, specifier, market.outcomes)


def _note_miss(book: BookAtEvent, market: Unmapped, specifier: str | None) -> None:
    """A specifier that makes another market of a mapped id is part of the missed id."""
    if market.form.get("other_market"):
        book.answers.miss(f"{market.external_id}?{specifier}", UNKNOWN_PARAM_MARKET)
    else:
        book.answers.miss(market.external_id, UNKNOWN_MARKET)


def _unmapped_row(
    book: BookAtEvent, market: Unmapped, specifier: str | None, outcomes: Any
) -> Json:
    words = _names(book) | dict(_PAIR.findall(specifier or ""))
    if ":" not in words.get("hcp", ":"):
        words |= _signed(words["hcp"])
    chances = made_up_chances(book.pricer.opening, len(outcomes))
    rows = [
        _selection(feed_id, filled(label, words), Quote("", book.pricer.price(chance), active=True))
        for (feed_id, label), chance in zip(outcomes, chances, strict=True)
    ]
    return _with_specifier(market_row(book, market.form, words, rows, state="open"), specifier)


def _with_specifier(row: Json, specifier: str | None) -> Json:
    return row | {"specifier": specifier} if specifier else row


def market_row(
    book: BookAtEvent, form: Json, words: Words, outcomes: list[Json], *, state: str
) -> Json:
    row: Json = {"id": form["id"], "product": 3, "desc": filled(form["desc"], words)}
    row["status"] = int(state == "suspended")
    row |= {key: form[key] for key in ("group", "name") if form.get(key)}
    row["outcomes"] = outcomes
    if book.full or state == "banned":
        row["banned"] = state == "banned"
    return row | _decoration(book, form, outcomes) if book.full else row


def _decoration(book: BookAtEvent, form: Json, outcomes: list[Json]) -> Json:
    for outcome in outcomes:
        odds = float(outcome["odds"] or 0)
        outcome["probability"] = f"{0.95 / odds if odds else 0.0:.10f}"
    age_ms = 997 * (form["position"] + 1) % 600_000
    group = form.get("group") or "none"
    return {
        "groupId": f"171121{sum(map(ord, group)):06d}MGI{sum(map(ord, group)) * 7919:08d}",
        "title": form.get("title", ""),
        "favourite": 0,
        "farNearOdds": 0,
        "sourceType": "BET_RADAR",
        "lastOddsChangeTime": book.observed_ms - age_ms,
    }


def _selection(feed_id: str, label: str, quote: Quote, state: str = "open") -> Json:
    # A suspended or banned market still says isActive 1: what closes it is the market's own flag.
    shown_active = quote.active or (state in {"suspended", "banned"} and quote.price > 1)
    return {
        "id": feed_id,
        "odds": f"{quote.price:.2f}",
        "isActive": int(shown_active),
        "desc": label,
    }


def filled(template: str, words: Words) -> str:
    return template.format(**words) if "{" in template else template


def line_words(line: str) -> Words:
    """What labels and specifiers say of a line: ``0:1`` when home starts one behind, ``+1.5`` for away."""
    value = float(line)
    words = {"line": line, "at_least": str(math.ceil(value))} | _signed(line)
    if value.is_integer():
        words["hcp"] = f"{max(int(value), 0)}:{max(-int(value), 0)}"
    return words


def _signed(line: str) -> Words:
    value = float(line)
    return {"home_line": _with_sign(value), "away_line": _with_sign(-value)}


def _with_sign(value: float) -> str:
    if not value:
        return "0"
    return f"{value:+.1f}" if value.is_integer() else f"{value:+g}"


def _names(book: BookAtEvent) -> Words:
    return {"home": book.fixture.home, "away": book.fixture.away}
