"""The status page: what a worker is, does and knows, on one page for people.

Whatever is on it is escaped by the template, and bounded here and there: it shows what senders wrote.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import UTC, datetime
from functools import cache
from pathlib import Path
from typing import Any, Final, NamedTuple

from jinja2 import Environment, StrictUndefined, Template
from sqlalchemy.ext.asyncio import AsyncEngine

from schemas import DeadReason
from worker.ingest.partitions.owned import Lag
from worker.runtime.telemetry.group_status import GroupStatus
from worker.runtime.telemetry.logs import escape
from worker.runtime.telemetry.totals import BookTotals, Rates
from worker.storage.access.relay_sessions import RelaySessions, count_relays
from worker.storage.audit import AuditRow, newest
from worker.storage.engine import transaction
from worker.storage.errors import StorageError
from worker.storage.misses import QueuedMiss, list_misses

# However often the page is requested, the database is asked at most this often, and for this long.
_KEPT_S: Final = 2.0
_DATABASE_S: Final = 3.0
_MOST_ROWS: Final = 10
_LONGEST_TEXT: Final = 120
_BARS: Final = "\N{LOW LINE}▁▂▃▄▅▆▇█"
_TEMPLATE: Final = Path(__file__).with_name("status.html")


class Index(NamedTuple):
    """The mapping index in use."""

    version: int
    size: int
    unusable: int
    age_s: float


class Own(NamedTuple):
    """What a worker knows about itself. ``mappings`` is None before an index is loaded.

    ``console`` is the address of the pages on which people decide, None if it is not known.
    """

    group: str
    against: Sequence[str]
    notes: Sequence[str]
    books: Sequence[BookTotals]
    rates: Rates
    dead: Sequence[tuple[DeadReason, int]]
    lags: Sequence[Lag]
    mappings: Index | None
    trend: Sequence[int] = ()
    console: str | None = None


class TopicLag(NamedTuple):
    """How far a worker's partitions of a topic are behind: together in records, at most in seconds."""

    topic: str
    partitions: int
    records: int
    seconds: float
    furthest: int


class Stored(NamedTuple):
    """What the database knows. ``silence`` says why it did not answer, None if it did."""

    misses: Sequence[QueuedMiss]
    changes: Sequence[AuditRow]
    relays: RelaySessions | None = None
    silence: str | None = None


class StatusPage:
    def __init__(
        self,
        engine: AsyncEngine,
        own: Callable[[], Own],
        group: Callable[[], Awaitable[GroupStatus]],
    ) -> None:
        self._engine = engine
        self._own = own
        self._group = group
        self._asking = asyncio.Lock()
        self._html = ""
        self._kept_until_s = 0.0

    async def html(self) -> str:
        """Return the page, at most two seconds old. It is also served if the database is unavailable."""
        async with self._asking:
            if time.monotonic() >= self._kept_until_s:
                stored, group = await asyncio.gather(self._stored(), self._group())
                self._html = render(self._own(), stored, group, datetime.now(UTC))
                self._kept_until_s = time.monotonic() + _KEPT_S
            return self._html

    async def _stored(self) -> Stored:
        try:
            async with asyncio.timeout(_DATABASE_S), transaction(self._engine) as connection:
                misses = await list_misses(connection, limit=_MOST_ROWS)
                changes = await newest(connection, _MOST_ROWS)
                return Stored(misses, changes, await count_relays(connection))
        except (StorageError, TimeoutError) as error:
            return Stored((), (), silence=str(error) or f"no answer within {_DATABASE_S:.0f} s")


def render(own: Own, stored: Stored, group: GroupStatus, now: datetime) -> str:
    """Return the page as HTML: one document that loads nothing else."""
    return _template().render(
        own=own, stored=stored, group=group, lags=topic_lags(own.lags), now=now
    )


def topic_lags(lags: Iterable[Lag]) -> list[TopicLag]:
    """The lags of the partitions, by topic."""
    by_topic: dict[str, list[Lag]] = {}
    for lag in lags:
        by_topic.setdefault(lag.partition.topic, []).append(lag)
    return [_together(topic, by_topic[topic]) for topic in sorted(by_topic)]


def _together(topic: str, lags: Sequence[Lag]) -> TopicLag:
    furthest = max(lags, key=lambda lag: (lag.records, lag.seconds))
    records = sum(lag.records for lag in lags)
    seconds = max(lag.seconds for lag in lags)
    return TopicLag(topic, len(lags), records, seconds, furthest.partition.partition)


def _text(value: Any) -> str:
    """Make a text of unknown origin safe to show: no control characters, and not too long."""
    text = escape("" if value is None else str(value))
    return text if len(text) <= _LONGEST_TEXT else f"{text[:_LONGEST_TEXT]}…"


def _count(number: int) -> str:
    return f"{number:,}".replace(",", "\N{NARROW NO-BREAK SPACE}")


def _bars(numbers: Sequence[int]) -> str:
    """Return a bar for each number, as high as its share of the highest."""
    highest = max(numbers, default=0) or 1
    return "".join(_BARS[-(-number * (len(_BARS) - 1) // highest)] for number in numbers)


def _time(at: datetime) -> str:
    return at.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S UTC")


@cache
def _template() -> Template:
    environment = Environment(
        autoescape=True, undefined=StrictUndefined
    )  # escapes the result of every filter
    environment.filters |= {"text": _text, "bars": _bars, "count": _count, "time": _time}
    return environment.from_string(_TEMPLATE.read_text(encoding="utf-8"))
