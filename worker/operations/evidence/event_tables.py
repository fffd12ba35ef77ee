"""Watched events and their prices as tables for people and as JSON for machines."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, Final

from rich.table import Table
from rich.text import Text

from worker.cli.rows import ListLayout
from worker.cli.tables import Column, ListTable, text, when
from worker.operations.evidence.event_prices import DISAGREES, EventPrices, PricedMarket
from worker.operations.evidence.event_proofs import BookProof
from worker.operations.evidence.tables import with_utc
from worker.storage.insight.evidence import ListedEvent

_EVENT_COLUMNS: Final = (
    Column("event", is_typed=True),
    Column("home", least=10),
    Column("away", least=10),
    Column("kick-off (UTC)", least=19, left_out=2),
    Column("bookmakers"),
    Column("seen (UTC)", least=19, left_out=1),
)


def events_list(rows: Iterable[ListedEvent]) -> ListTable:
    table = ListTable(_EVENT_COLUMNS)
    for row in rows:
        starts_at = None if row.starts_at is None else when(row.starts_at)
        table.add(row.event, row.home, row.away, starts_at, str(row.books), when(row.seen_at))
    return table


def event_json(row: ListedEvent) -> dict[str, Any]:
    return with_utc(row._asdict())


EVENTS: Final = ListLayout(ListedEvent._fields, event_json, events_list)


def event_table(found: EventPrices) -> Table:
    """The event and its bookmakers."""
    table = Table("bookmaker", "seen (UTC)", "markets", "not mapped", "", box=None)
    table.title = text(" - ".join(filter(None, (found.home, found.away))) or found.event)
    table.title_justify = "left"
    for book in found.books:
        table.add_row(
            text(book.platform),
            when(book.observed_at),
            str(book.markets),
            str(book.unknown),
            Text("" if book.is_compared else "too old to compare"),
        )
    return table


def prices_list(found: EventPrices, markets: Sequence[PricedMarket]) -> ListTable:
    """A row for each outcome, with a column for each bookmaker."""
    platforms = [book.platform for book in found.books]
    table = ListTable(
        (
            Column("market", is_typed=True),
            Column("line", least=4),
            Column("outcome", least=8),
            *(Column(platform, least=7) for platform in platforms),
            Column("apart", least=5),
            Column("", left_out=1),
        )
    )
    for market in markets:
        for place, one in enumerate(market.outcomes):
            head = (market.canonical_id, market.line) if place == 0 else (None, None)
            prices = [
                f"{one.odds[platform]:g}{'*' if platform in one.best else ''}"
                if platform in one.odds
                else None
                for platform in platforms
            ]
            apart = None if one.distance is None else f"{one.distance:.2f}"
            disagrees = one.distance is not None and one.distance >= DISAGREES
            table.add(*head, one.outcome, *prices, apart, "disagrees" if disagrees else None)
    return table


def event_prices_json(found: EventPrices, markets: Sequence[PricedMarket]) -> dict[str, Any]:
    """One event with its bookmakers, and these of its markets."""
    event = {
        name: getattr(found, name) for name in ("event", "home", "away", "starts_at", "seen_at")
    }
    return {
        **with_utc(event),
        "books": [with_utc(book._asdict()) for book in found.books],
        "markets": [
            {
                "canonical_id": market.canonical_id,
                "name": market.name,
                "line": market.line,
                "distance": market.distance,
                "disagrees": market.disagrees,
                "outcomes": [one._asdict() for one in market.outcomes],
            }
            for market in markets
        ],
    }


_PROOF_COLUMNS: Final = (
    Column("bookmaker"),
    Column("mapping", is_typed=True),
    Column("line", least=4),
    Column("kind"),
    Column("reason", least=20),
)


def proofs_list(rows: Iterable[BookProof]) -> ListTable:
    table = ListTable(_PROOF_COLUMNS)
    for row in rows:
        table.add(row.platform, row.canonical_id, row.line, row.kind, row.reason)
    return table


PROOFS: Final = ListLayout(BookProof._fields, lambda row: row._asdict(), proofs_list)
