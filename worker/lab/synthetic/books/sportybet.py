"""SportyBet: one object for each id and specifier, with labels that carry the line or the team names."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from worker.lab.synthetic.books.props import prop_rows
from worker.lab.synthetic.books.stall import (
    Json,
    Priced,
    Stall,
    made_up_chances,
    priced,
    sold_unmapped,
)
from worker.lab.synthetic.expected import UNKNOWN_MARKET, UNKNOWN_PARAM_MARKET
from worker.lab.synthetic.offers import offers, unmapped
from worker.lab.synthetic.pricing import Quote

if TYPE_CHECKING:
    from collections.abc import Iterator

    from worker.lab.synthetic.offers import Unmapped

Words = dict[str, str]
_PAIR = re.compile(r"(\w+)=([^|]+)")


def write(stall: Stall) -> list[Json]:
    """The array ``data.markets`` in the order of the feed."""
    rows = [*_mapped(stall), *_unmapped(stall)]
    return [row for _position, row in sorted(rows, key=lambda pair: pair[0])]


def _mapped(stall: Stall) -> Iterator[tuple[int, Json]]:
    for item in priced(stall, offers("sportybet")):
        words = _names(stall) | ({} if item.line is None else line_words(item.line))
        form = item.offer.form
        row = market_row(stall, form, words, _selections(item, words), state=item.sheet.state)
        yield form["position"], _with_specifier(row, filled(form.get("specifier", ""), words))


def _selections(item: Priced, words: Words) -> list[Json]:
    known = item.selections()
    rows = [
        _selection(
            known[q.outcome].feed_id, filled(known[q.outcome].label, words), q, item.sheet.state
        )
        for q in item.sheet.quotes
    ]
    if item.stray:
        rows.append(_selection(item.stray[1], item.stray[0], Quote("", 71.0, active=True)))
    return rows


def _unmapped(stall: Stall) -> Iterator[tuple[int, Json]]:
    for market, specifiers in sold_unmapped(stall, unmapped("sportybet")):
        position = market.form["position"]
        if "players" in market.form:
            stall.answers.miss(market.external_id, UNKNOWN_MARKET)
            for specifier, labels in prop_rows(stall.fixture, market):
                yield position, _unmapped_row(stall, market, specifier, labels)
            continue
        for specifier in specifiers:
            _note_miss(stall, market, specifier)
            yield position, _unmapped_row(stall, market, specifier, market.outcomes)


def _note_miss(stall: Stall, market: Unmapped, specifier: str | None) -> None:
    """A specifier that makes another market of a mapped id is part of the missed id."""
    if market.form.get("other_market"):
        stall.answers.miss(f"{market.external_id}?{specifier}", UNKNOWN_PARAM_MARKET)
    else:
        stall.answers.miss(market.external_id, UNKNOWN_MARKET)


def _unmapped_row(stall: Stall, market: Unmapped, specifier: str | None, outcomes: Any) -> Json:
    words = _names(stall) | dict(_PAIR.findall(specifier or ""))
    if "hcp" in words:
        words |= _signed(words["hcp"])
    chances = made_up_chances(stall.desk.opening, len(outcomes))
    rows = [
        _selection(feed_id, filled(label, words), Quote("", stall.desk.price(chance), active=True))
        for (feed_id, label), chance in zip(outcomes, chances, strict=True)
    ]
    return _with_specifier(market_row(stall, market.form, words, rows, state="open"), specifier)


def _with_specifier(row: Json, specifier: str | None) -> Json:
    return row | {"specifier": specifier} if specifier else row


def market_row(stall: Stall, form: Json, words: Words, outcomes: list[Json], *, state: str) -> Json:
    row: Json = {"id": form["id"], "product": 3, "desc": filled(form["desc"], words)}
    row["status"] = int(state == "suspended")
    row |= {key: form[key] for key in ("group", "name") if form.get(key)}
    row["outcomes"] = outcomes
    if stall.full or state == "banned":
        row["banned"] = state == "banned"
    return row | _decoration(stall, form, outcomes) if stall.full else row


def _decoration(stall: Stall, form: Json, outcomes: list[Json]) -> Json:
    for outcome in outcomes:
        odds = float(outcome["odds"])
        outcome["probability"] = f"{0.95 / odds if odds else 0.0:.10f}"
    age_ms = 997 * (form["position"] + 1) % 600_000
    group = form.get("group") or "none"
    return {
        "groupId": f"171121{sum(map(ord, group)):06d}MGI{sum(map(ord, group)) * 7919:08d}",
        "title": form.get("title", ""),
        "favourite": 0,
        "farNearOdds": 0,
        "sourceType": "BET_RADAR",
        "lastOddsChangeTime": stall.observed_ms - age_ms,
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
    words = {"line": line} | _signed(line)
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


def _names(stall: Stall) -> Words:
    return {"home": stall.fixture.home, "away": stall.fixture.away}
