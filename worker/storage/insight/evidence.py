"""Evidence from odds: the events that are watched, what their prices say about mappings and missed markets.

The leading insight process writes, on the connection that holds its lead. Everybody else reads.
"""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Literal, NamedTuple

from sqlalchemy import TextClause
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.errors import driver_errors_translated
from worker.storage.insight import evidence_sql as sql

SampleSubject = Literal["miss", "alarm"]
RowsToStore = Sequence[Mapping[str, Any]]


class StoredEvent(NamedTuple):
    """A watched event; ``boards`` are packed."""

    event: str
    home: str | None
    away: str | None
    starts_at: datetime | None
    seen_at: datetime
    boards: bytes


class ListedEvent(NamedTuple):
    """A watched event without its boards; ``books`` is how many bookmakers sell it."""

    event: str
    home: str | None
    away: str | None
    starts_at: datetime | None
    seen_at: datetime
    books: int


class StoredEvidence(NamedTuple):
    """One mapping at one bookmaker, compared with ``against``; distances are in logits."""

    canonical_id: str
    platform: str
    against: str
    version: int
    events: int
    comparisons: int
    prices: int
    median: float
    p90: float
    worst: Any
    last_verified_at: datetime | None
    updated_at: datetime


class StoredSuggestion(NamedTuple):
    """What an unmapped market may be; ``outcomes`` has the outcome of each label."""

    source: str
    external_market_id: str
    rank: int
    market_name: str | None
    canonical_id: str
    version: int
    line_kind: str
    outcomes: Any
    unmatched: Any
    evidence: Any
    events: int
    likeness: float
    confidence: float
    is_confident: bool
    reason: str
    updated_at: datetime


class EvidenceState(NamedTuple):
    """How much there is, and when a watched event and evidence were last written; None for never.

    ``now`` is the server's clock.
    """

    events: int
    mappings: int
    suggested: int
    alarms: int
    stored_at: datetime | None
    judged_at: datetime | None
    now: datetime


class StoredSample(NamedTuple):
    """An event as an example."""

    event: str
    home: str | None
    away: str | None
    starts_at: datetime | None
    seen_at: datetime
    prices: Any
    others: Any


async def read_events(
    connection: AsyncConnection, limit: int, *, books: int = 2
) -> Sequence[StoredEvent]:
    """Return events that at least this number of bookmakers sell, the newest first."""
    with driver_errors_translated():
        found = await connection.execute(sql.READ_EVENTS, {"limit": limit, "books": books})
        return [StoredEvent(*row) for row in found]


async def list_events(
    connection: AsyncConnection, *, containing: str = "", limit: int = 50, books: int = 2
) -> tuple[Sequence[ListedEvent], int]:
    """Return the events that at least this number of bookmakers sell, the newest first, and their number.

    `containing` is a text in the key or in a team's name, in upper or lower case.
    """
    filters = {"containing": containing, "books": books}
    with driver_errors_translated():
        rows = await connection.execute(sql.LIST_EVENTS, {**filters, "limit": limit})
        found = [ListedEvent(*row) for row in rows]
        return found, int(await connection.scalar(sql.COUNT_EVENTS, filters) or 0)


async def get_event(connection: AsyncConnection, event: str) -> StoredEvent | None:
    """Return one watched event, None if it is not watched."""
    with driver_errors_translated():
        row = (await connection.execute(sql.GET_EVENT, {"event": event})).one_or_none()
    return None if row is None else StoredEvent(*row)


async def save_event(connection: AsyncConnection, event: StoredEvent, books: int) -> None:
    """Store an event; one that is the same is left alone."""
    await _run(connection, sql.SAVE_EVENT, **event._asdict(), books=books)


async def keep_events(connection: AsyncConnection, events: Iterable[str]) -> None:
    """Delete all watched events but these."""
    await _run(connection, sql.KEEP_EVENTS, events=list(events))


async def mapping_versions(connection: AsyncConnection, version: int) -> dict[str, int]:
    """Return the version of each mapping in the table at ``version``."""
    with driver_errors_translated():
        found = await connection.execute(sql.VERSIONS, {"version": version})
        return {row.canonical_id: row.version for row in found}


async def save_evidence(
    connection: AsyncConnection, rows: RowsToStore, versions: Mapping[str, int]
) -> None:
    """Store comparisons of mappings, and delete those of other versions."""
    if rows:
        await _run(connection, sql.SAVE_EVIDENCE, rows=_json(rows))
    await _run(connection, sql.DROP_OLD_EVIDENCE, versions=_json(versions))


async def save_suggestions(
    connection: AsyncConnection, key: tuple[str, str], name: str | None, rows: RowsToStore
) -> None:
    """Replace the suggestions for a missed market."""
    source, external_market_id = key
    market = {"source": source, "external_market_id": external_market_id}
    await _run(connection, sql.DROP_SUGGESTIONS, **market, ranks=len(rows))
    if rows:
        await _run(connection, sql.SAVE_SUGGESTIONS, **market, market_name=name, rows=_json(rows))


async def drop_mapped(connection: AsyncConnection, keys: Iterable[tuple[str, str]]) -> None:
    """Delete suggestions and samples of markets that are mapped by now."""
    given = sorted(keys)
    sources, ids = [source for source, _ in given], [market for _, market in given]
    await _run(connection, sql.DROP_MAPPED, sources=sources, ids=ids)


async def save_samples(
    connection: AsyncConnection, subject: SampleSubject, key: tuple[str, str], rows: RowsToStore
) -> None:
    """Replace the examples of a missed market or of an alarm; ``key`` is the bookmaker and the market."""
    source, market = key
    of = {"subject": subject, "source": source, "market": market}
    await _run(connection, sql.DROP_SAMPLES, **of, events=[row["event"] for row in rows])
    if rows:
        await _run(connection, sql.SAVE_SAMPLES, **of, rows=_json(rows))


async def list_suggestions(
    connection: AsyncConnection,
    *,
    source: str | None = None,
    confident: bool = False,
    containing: str = "",
    limit: int = 30,
) -> tuple[Sequence[StoredSuggestion], int]:
    """Return the first suggestion of each market, the surest first, and how many there are in all."""
    filters = {"source": source, "confident": confident, "containing": containing}
    with driver_errors_translated():
        rows = await connection.execute(sql.LIST_SUGGESTIONS, {**filters, "limit": limit})
        found = [StoredSuggestion(*row) for row in rows]
        return found, int(await connection.scalar(sql.COUNT_SUGGESTIONS, filters) or 0)


async def count_confident(connection: AsyncConnection) -> int:
    """Return how many suggestions are confident."""
    with driver_errors_translated():
        return int(await connection.scalar(sql.COUNT_CONFIDENT) or 0)


async def read_suggestions(
    connection: AsyncConnection, key: tuple[str, str]
) -> Sequence[StoredSuggestion]:
    """Return the suggestions for one market, by rank."""
    parameters = {"source": key[0], "external_market_id": key[1]}
    with driver_errors_translated():
        rows = await connection.execute(sql.READ_SUGGESTIONS, parameters)
        return [StoredSuggestion(*row) for row in rows]


async def first_suggestions(
    connection: AsyncConnection, keys: Sequence[tuple[str, str]]
) -> dict[tuple[str, str], StoredSuggestion]:
    """Return the first suggestion of each of these markets that has one."""
    parameters = {
        "sources": [source for source, _ in keys],
        "ids": [external_market_id for _, external_market_id in keys],
    }
    with driver_errors_translated():
        rows = await connection.execute(sql.FIRST_SUGGESTIONS, parameters)
        found = [StoredSuggestion(*row) for row in rows]
    return {(one.source, one.external_market_id): one for one in found}


async def read_samples(
    connection: AsyncConnection, subject: SampleSubject, key: tuple[str, str]
) -> Sequence[StoredSample]:
    """Return the examples of a missed market or of an alarm, the newest first."""
    parameters = {"subject": subject, "source": key[0], "market": key[1]}
    with driver_errors_translated():
        return [
            StoredSample(*row) for row in await connection.execute(sql.READ_SAMPLES, parameters)
        ]


async def list_evidence(
    connection: AsyncConnection,
    *,
    canonical_id: str | None = None,
    platform: str | None = None,
    containing: str = "",
) -> Sequence[StoredEvidence]:
    """Return comparisons, by mapping, bookmaker and reference."""
    filters = {"canonical_id": canonical_id, "platform": platform, "containing": containing}
    with driver_errors_translated():
        rows = await connection.execute(sql.LIST_EVIDENCE, filters)
        return [StoredEvidence(*row) for row in rows]


async def evidence_of(
    connection: AsyncConnection, canonical_ids: Collection[str]
) -> Sequence[StoredEvidence]:
    """Return the comparisons of some mappings, in the same order."""
    with driver_errors_translated():
        rows = await connection.execute(sql.EVIDENCE_OF, {"canonical_ids": list(canonical_ids)})
        return [StoredEvidence(*row) for row in rows]


async def read_state(connection: AsyncConnection) -> EvidenceState:
    """Return how much is known from odds, and since when."""
    with driver_errors_translated():
        return EvidenceState(*(await connection.execute(sql.READ_STATE)).one())


async def _run(connection: AsyncConnection, statement: TextClause, **parameters: Any) -> None:
    with driver_errors_translated():
        await connection.execute(statement, parameters)


def _json(value: object) -> str:
    return json.dumps(value, default=str)
