"""Bytes to the rows that are resolved and the envelope that goes through, or the reason why not."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from functools import lru_cache
from typing import Any, NamedTuple

from msgspec.structs import asdict
from pydantic_core import PydanticCustomError

from schemas.fields import parse_timestamp, timestamp_text
from worker.domain.books.platforms import Platform
from worker.domain.books.rows import Rejection, Row
from worker.domain.labels import Teams, teams
from worker.domain.resolve import platform_rows
from worker.domain.scope import EventScope, event_scope
from worker.ingest.reading.decode import UnreadableRecord, decode, may_hold_nul
from worker.ingest.reading.typed import read_usual


class Readable(NamedTuple):
    """An observation: its rows, to be gone through once, and what is passed on unchanged."""

    platform: Platform
    rows: Iterable[Row | Rejection]
    names: Teams | None
    observed_at: datetime
    envelope: dict[str, Any]
    scope: EventScope


def read(value: bytes | None, *, max_bytes: int) -> Readable | UnreadableRecord:
    """Read one record's value; the quick way where it can be, with the same result.

    ``max_bytes`` bounds what is parsed at all. Never raises on what a topic may hold.
    """
    if value is not None and len(value) <= max_bytes:
        readable = read_typed(value)
        if readable is not None:
            return readable
    decoded = decode(value, max_bytes=max_bytes)
    if isinstance(decoded, UnreadableRecord):
        return decoded
    observation, observed_at, envelope = decoded
    names = teams(observation.home, observation.away)
    return Readable(
        observation.platform,
        platform_rows(observation),
        names,
        observed_at,
        envelope,
        observation.scope,
    )


def read_typed(value: bytes) -> Readable | None:
    """Read a value of the usual form; None for any other, and for one that is to be refused."""
    usual = None if may_hold_nul(value) else read_usual(value)
    if usual is None or not usual.is_usual:
        return None
    event = usual.event
    try:
        observed_at = parse_timestamp(usual.observed_at)
        starts_at = None if event.starts_at is None else _passed_on_time(event.starts_at)
    except PydanticCustomError:
        return None
    envelope = {
        "platform": usual.platform,
        "observed_at": timestamp_text(observed_at),
        "scrape_id": usual.scrape_id,
        "event": asdict(event) | {"starts_at": starts_at},
        "part": None if usual.part is None else asdict(usual.part),
    }
    names = teams(event.home, event.away)
    scope = event_scope(event.sport, live=event.live)
    return Readable(usual.platform, usual.rows(), names, observed_at, envelope, scope)


@lru_cache(maxsize=4096)  # three books and every scrape name the same few kick-offs
def _passed_on_time(text: str) -> str:
    return timestamp_text(parse_timestamp(text))
