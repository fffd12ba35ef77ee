"""BetPawa: one object a market type, whose rows are layout. Two forms of its API are written, v3 and v4."""

from __future__ import annotations

from itertools import count
from typing import TYPE_CHECKING

from worker.lab.synthetic.books.at_event import (
    BookAtEvent,
    Json,
    Priced,
    made_up_chances,
    priced,
    sold_unmapped,
)
from worker.lab.synthetic.expected import UNKNOWN_MARKET
from worker.lab.synthetic.offers import offers, unmapped
from worker.lab.synthetic.pricing import Quote

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    More = Callable[["Writer"], Iterable[tuple[int, Json]]]

V4_SHARE = 0.35
_PER_UNIT = 4


def write(book: BookAtEvent, more: More = lambda _writer: ()) -> list[Json]:
    """The array ``markets`` in the order of the feed; ``more`` writes markets with their priorities."""
    writer = Writer(book, v4=book.pricer.opening.random() < V4_SHARE)
    items = priced(book, offers("betpawa"))
    markets = [*writer.mapped(items), *writer.unmapped(), *more(writer)]
    return in_order(markets)


def write_sport(book: BookAtEvent, items: Iterable[Priced]) -> list[Json]:
    """The array of an event of another sport."""
    writer = Writer(book, v4=book.pricer.opening.random() < V4_SHARE)
    return in_order([*writer.mapped(items)])


def in_order(markets: list[tuple[int, Json]]) -> list[Json]:
    """Markets without their priorities, sorted by them."""
    return [market for _priority, market in sorted(markets, key=lambda pair: pair[0])]


class Writer:
    """One event's markets in one of the two forms; ids count up from the event's own."""

    def __init__(self, book: BookAtEvent, *, v4: bool) -> None:
        self._stall = book
        self._v4 = v4
        self._ids = count(1_400_000_000 + book.fixture.ordinal * 10_000)

    def mapped(self, items: Iterable[Priced]) -> Iterator[tuple[int, Json]]:
        rows: dict[str, list[Json]] = {}
        sold: dict[str, Priced] = {}
        for item in items:
            sold[item.offer.external_id] = item
            rows.setdefault(item.offer.external_id, []).extend(self._rows(item))
        for type_id, item in sold.items():
            yield item.offer.form["priority"], self.market(item.offer.form, rows[type_id])

    def unmapped(self) -> Iterator[tuple[int, Json]]:
        for market, _rows in sold_unmapped(self._stall, unmapped("betpawa")):
            self._stall.answers.miss(market.external_id, UNKNOWN_MARKET)
            labels = self._labels(market.form)
            chances = made_up_chances(self._stall.pricer.opening, len(labels))
            prices = [
                self.price(
                    label, feed_id, Quote("", self._stall.pricer.price(chance), active=True), None
                )
                for (feed_id, label), chance in zip(labels, chances, strict=True)
            ]
            yield (
                market.form["priority"],
                self.market(market.form, [self.row(None, "", [p]) for p in prices]),
            )

    def _labels(self, form: Json) -> list[tuple[str, str]]:
        if "players" in form:
            return [(str(30_000_000 + p.id), p.name) for p in self._stall.fixture.players()]
        return [(feed_id, label) for feed_id, label in form["outcomes"]]

    def _rows(self, item: Priced) -> Iterator[Json]:
        """A row holds a fixed number of prices, so a combined market has several rows for one line."""
        form, selections = item.offer.form, item.selections()
        line = "1" if form["handicap_type"] == "NUMBER_SPECIFIER" else item.line
        prices = [
            self.price(
                selections[quote.outcome].label,
                selections[quote.outcome].feed_id,
                quote,
                _shown_line(form["handicap_type"], line, quote.outcome),
            )
            for quote in item.quoted.quotes
        ]
        if item.stray:
            prices.append(self.price(*item.stray, Quote("", 61.0, active=True), None))
        for start in range(0, len(prices), form["per_row"]):
            yield self.row(line, form["handicap_type"], prices[start : start + form["per_row"]])

    def row(self, line: str | None, handicap_type: str, prices: list[Json]) -> Json:
        handicap = None if line is None else int(float(line) * _PER_UNIT)
        row: Json = {"id": str(next(self._ids))} if self._stall.full else {}
        row["prices"] = prices
        if not self._v4:
            formatted = line if handicap_type in {"EUROPEAN", "NUMBER_SPECIFIER"} else None
            return row | {"handicap": handicap, "formattedHandicap": formatted}
        if handicap is not None:
            row["handicap"] = handicap
        if key := {"NORMAL": "total", "ASIAN": "hcp", "EUROPEAN": "hcp"}.get(handicap_type):
            row["specifier"] = {key: line}
        return row

    def price(self, label: str, feed_id: str, quote: Quote, shown_line: str | None) -> Json:
        price: Json = {"id": str(next(self._ids)), "name": label, "typeId": feed_id}
        if self._v4:
            price |= {"odds": quote.price} | ({} if quote.active else {"suspended": True})
            price |= {"handicap": shown_line} if shown_line else {}
        else:
            price |= {"price": quote.price, "suspended": not quote.active, "handicap": shown_line}
        if self._stall.full:
            price |= self._decoration(label, quote)
        return price

    def _decoration(self, label: str, quote: Quote) -> Json:
        if self._v4:
            win = round(0.95 / quote.price, 6) if quote.price else 0.0
            extra: Json = {"anyUp": "NO_UP"}
            return {
                "displayName": label,
                "additionalInfo": extra,
                "probability": {"win": win, "refund": 0.0},
            }
        extra = {"hot": False, "twoUp": False, "anyUp": "NO_UP"}
        return {"displayName": label, "additionalInfo": extra, "probability": ""}

    def market(self, form: Json, rows: Iterable[Json]) -> Json:
        kind: Json = {"id": form["id"], "name": form["name"], "displayName": form["display"]}
        if form["handicap_type"] or not self._v4:
            kind["handicapType"] = form["handicap_type"]
        market: Json = {"marketType": kind, "row": list(rows)}
        if self._stall.full:
            kind |= {"priority": form["priority"], "tabs": form["tabs"]}
            market["additionalInfo"] = {"boosted": False, "cashoutable": True, "twoUp": False}
            if not self._v4:
                kind |= {"priceColumnCount": form["columns"], "priceSortingMethod": "PRICE_TYPE_ID"}
                market |= {"displayNameRows": [], "displayNameColumns": []}
        return market


def _shown_line(handicap_type: str, line: str | None, outcome: str) -> str | None:
    """What a price says of its line: the total, the side's own handicap, or ``Home -2`` / ``Away +2``."""
    if line is None or handicap_type in {"", "NUMBER_SPECIFIER"}:
        return None
    if handicap_type == "NORMAL":
        return line
    own = -float(line) if outcome == "away" else float(line)
    signed = f"{own:+g}" if own else "0"
    if handicap_type == "ASIAN":
        return signed
    return f"{'Away' if outcome == 'away' else 'Home'} {signed}"
