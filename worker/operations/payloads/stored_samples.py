"""What is stored of a bookmaker's market, to explain it without a payload.

The newest watched event that sells it has its teams and all of its labels and lines, but no ids of outcomes.
Of a market that no watched event sells there may be the sample of a miss: up to a dozen labels.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection

from worker.domain.books.platforms import Platform
from worker.domain.books.rows import ParsedRow, Selection
from worker.domain.bounded_json import objects_in
from worker.domain.explain import EventRows, Explanation, explain_rows
from worker.domain.index import MappingIndex
from worker.domain.labels import teams
from worker.domain.scope import EventScope, parse_external_id
from worker.domain.specifier import parse_qualifier
from worker.operations.payloads.resolve import split_market
from worker.storage import misses
from worker.storage.insight import evidence
from worker.storage.insight.evidence import StoredEvent
from worker.storage.misses import QueuedMiss

_MOST_EVENTS: Final = 50


class AskedMarket(NamedTuple):
    """A market of a bookmaker, and the specifiers that its rows have to have."""

    platform: Platform
    text: str
    market_id: str
    qualifier: str | None
    scope: EventScope

    @property
    def is_watched(self) -> bool:
        """Whether the insight process watches such events."""
        return self.scope == EventScope()


class StoredMarket(NamedTuple):
    """What may hold a market: watched events, the newest first, and misses of its id."""

    events: Sequence[StoredEvent]
    missed: Sequence[QueuedMiss]


class MarketSample(NamedTuple):
    """Rows of a market as they were seen; ``event`` is None for those of a miss."""

    event: str | None
    home: str | None
    away: str | None
    seen_at: datetime
    rows: Sequence[ParsedRow]


def asked_market(platform: Platform, text: str) -> AskedMarket:
    """Read an id as a person or a miss writes it: ``18?total=2.5``, ``S_OU@2.5``, ``18?@basketball``."""
    named = parse_external_id(text)
    market_id, qualifier = named.market_id, named.qualifier
    if qualifier is None:
        market_id, qualifier = split_market(market_id)
    scope = EventScope(named.sport, is_live=named.phase == "live")
    return AskedMarket(platform, text, market_id, qualifier, scope)


async def read_stored_market(connection: AsyncConnection, asked: AskedMarket) -> StoredMarket:
    """Read what may hold a market; it is looked through by ``find_sample``."""
    events: Sequence[StoredEvent] = ()
    if asked.is_watched:
        events = await evidence.read_events(connection, _MOST_EVENTS, books=1)
    missed = await misses.misses_of(connection, [(asked.platform, asked.market_id)])
    return StoredMarket(events, missed)


def find_sample(asked: AskedMarket, stored: StoredMarket) -> MarketSample | None:
    """The newest event with rows of a market, else its newest miss. Unpacking events takes a while."""
    for event in stored.events:
        rows = [row for row in _rows_of_event(event, asked) if _is_asked(row, asked)]
        if rows:
            return MarketSample(event.event, event.home, event.away, event.seen_at, rows)
    for miss in sorted(stored.missed, key=lambda one: _nearness(one, asked), reverse=True):
        if parse_external_id(miss.external_market_id).sport != asked.scope.sport:
            continue
        rows = [row for row in _rows_of_miss(miss, asked) if _is_asked(row, asked)]
        if rows:
            return MarketSample(None, None, None, miss.last_seen_at, rows)
    return None


def explain_sample(asked: AskedMarket, sample: MarketSample, index: MappingIndex) -> Explanation:
    """Explain what is stored of a market, by the mappings of an index."""
    names = teams(sample.home, sample.away)
    rows = EventRows(asked.platform, names, asked.scope, sample.rows)
    return explain_rows(rows, index, asked.market_id)


def _nearness(miss: QueuedMiss, asked: AskedMarket) -> tuple[bool, datetime]:
    """The miss of exactly this id comes first, then the newest."""
    return miss.external_market_id == asked.text, miss.last_seen_at


def _is_asked(row: ParsedRow, asked: AskedMarket) -> bool:
    if asked.qualifier is None:
        return True
    wanted = parse_qualifier(asked.platform, asked.qualifier)
    has = parse_qualifier(asked.platform, row.qualifier)
    if wanted is None or has is None:
        return row.qualifier == asked.qualifier
    return set(wanted) <= set(has)


def _rows_of_event(event: StoredEvent, asked: AskedMarket) -> Iterator[ParsedRow]:
    """Nothing of what cannot be read, or without the extra `insight`."""
    try:
        from worker.insight.boards import text_of  # noqa: PLC0415  needs the extra `insight`
        from worker.insight.watching.stored import (  # noqa: PLC0415  as above
            UnreadableBoardsError,
            read_together,
        )
    except ModuleNotFoundError as error:
        if error.name not in {"numpy", "scipy"}:
            raise
        return
    try:
        boards = read_together(event.event, event.boards, {asked.platform: asked.market_id})
    except UnreadableBoardsError:
        return
    for _, board in boards:
        for row in board.rows if board.platform == asked.platform else ():
            selections = [
                Selection(*text_of(label), str(odds), active=True)
                for label, odds in row.odds.items()
            ]
            yield ParsedRow(row.market_id, row.qualifier, row.name, selections)


def _rows_of_miss(miss: QueuedMiss, asked: AskedMarket) -> Iterator[ParsedRow]:
    by_qualifier: dict[str | None, list[Selection]] = {}
    for one in objects_in(miss.sample_outcomes):
        label, qualifier, odds = one.get("label"), one.get("qualifier"), one.get("odds")
        if isinstance(label, str) and (qualifier is None or isinstance(qualifier, str)):
            its_id = one.get("id")
            priced = "" if odds is None else str(odds)
            selection = Selection(
                label, None, priced, odds is not None, its_id if isinstance(its_id, str) else None
            )
            by_qualifier.setdefault(qualifier, []).append(selection)
    for qualifier, selections in by_qualifier.items():
        yield ParsedRow(asked.market_id, qualifier, miss.market_name, selections)
