"""SportyBet in play: product 1, sometimes with a copy of product 3 next to it.

A copy that is closed says nothing against the open one. Two that are open and differ are refused.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from worker.lab.synthetic.books.at_event import priced
from worker.lab.synthetic.books.sportybet import in_order, rows_of, unmapped_rows
from worker.lab.synthetic.offers import offers
from worker.lab.synthetic.shapes.truths import close, hide_closed, refuse

if TYPE_CHECKING:
    from worker.lab.synthetic.books.at_event import BookAtEvent, Json, Priced

_IN_PLAY = 1
_BEFORE_THE_MATCH = 3
_CLOSED_COPIES = 0.12
_OPEN_COPIES = 0.006


def write(book: BookAtEvent, *, is_suspended: bool) -> list[Json]:
    """The array of an event in play; all of it is closed when the event is suspended."""
    items = list(priced(book, offers("sportybet")))
    rows: list[tuple[int, Json]] = []
    for item, (position, row) in zip(items, rows_of(book, items), strict=True):
        rows.append((position, row | {"product": _IN_PLAY}))
        if not is_suspended and (copy := _copy(book, item, row)) is not None:
            rows.append((position, copy))
    rows += [(position, row | {"product": _IN_PLAY}) for position, row in unmapped_rows(book)]
    if is_suspended:
        close(book.answers, lambda _market: True)
        rows = [(position, row | {"status": 1}) for position, row in rows]
    return in_order(rows)


def _copy(book: BookAtEvent, item: Priced, row: Json) -> Json | None:
    """The same market as it was sold before the match; its truth goes to the answer sheet."""
    drawn = book.pricer.opening.random()
    market = item.offer.market.canonical_id, item.line
    if drawn < _CLOSED_COPIES:
        hide_closed(book.answers, *market)
        return _with_other_prices(row) | {"status": 1 + int(drawn * 1000) % 2}
    is_plain = item.quoted.state == "open" and not item.offer.shares_id
    has_price = any(quote.active for quote in item.quoted.quotes)
    if drawn < _CLOSED_COPIES + _OPEN_COPIES and is_plain and has_price:
        refuse(book.answers, *market)
        return _with_other_prices(row)
    return None


def _with_other_prices(row: Json) -> Json:
    outcomes = [each | {"odds": _other_price(each["odds"])} for each in row["outcomes"]]
    return row | {"product": _BEFORE_THE_MATCH, "outcomes": outcomes}


def _other_price(odds: str) -> str:
    """A tenth more; what has no price has none here either."""
    return odds if float(odds) <= 1 else f"{float(odds) + 0.1:.2f}"
