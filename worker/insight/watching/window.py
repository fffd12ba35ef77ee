"""Which events are watched, and the newest board of each bookmaker on them. Pure.

How it works. Every event has a number that follows from its key (`worker.domain.events`), the same in every
process and for every bookmaker. The events with the smallest numbers are kept. So a sample of the events is
drawn without a setting and without memory of what was seen: whoever reads the same observations watches the
same events, also after a restart, and a bookmaker that joins later joins the same ones. As events end, others
take their places.

Bounds: `MOST_WATCHED` events that two bookmakers sell, `MOST_PENDING` that wait for a second one, a number of
bytes, and the age of an event's newest board. What is over a bound goes, the largest number first. A board
has bounds of its own (`worker.insight.watching.stored`): what would be over them is not taken.

The state depends on the newest observation of each bookmaker and event alone. To read observations again
changes nothing.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import lru_cache
from typing import Final, NamedTuple

from worker.domain.books.platforms import Platform
from worker.domain.events import event_hash
from worker.insight.boards import Board
from worker.insight.watching.stored import StoredBoard, pack, unpack

MOST_WATCHED: Final = 200
MOST_PENDING: Final = 100
_WATCHED_BOOKS: Final = 2
_NEARLY_FULL: Final = 0.9
# Prices move: boards that are further apart are not of one moment.
MOST_APART: Final = timedelta(minutes=30)


class TooLargeError(ValueError):
    """A board, or a part that makes its board, larger than what is kept."""


class SeenBoard(NamedTuple):
    """What one observation says of an event. ``part`` is its number if the observation is split, else 0."""

    event: str
    home: str | None
    away: str | None
    starts_at: datetime | None
    observed_at: datetime
    part: int
    board: Board


@dataclass(frozen=True, slots=True)
class WatchedEvent:
    """An event and the newest board of each bookmaker on it."""

    event: str
    home: str | None
    away: str | None
    starts_at: datetime | None
    boards: Mapping[Platform, StoredBoard]

    @property
    def is_watched(self) -> bool:
        """Whether two bookmakers sell it."""
        return len(self.boards) >= _WATCHED_BOOKS

    @property
    def seen_at(self) -> datetime:
        return max(stored.observed_at for stored in self.boards.values())

    @property
    def size(self) -> int:
        return sum(stored.size for stored in self.boards.values())

    @property
    def together(self) -> dict[Platform, StoredBoard]:
        """The boards that are of one moment."""
        oldest = self.seen_at - MOST_APART
        return {p: stored for p, stored in self.boards.items() if stored.observed_at >= oldest}


class EventWindow:
    """``take`` observations, ``expire`` what is too old; ``watched`` is what is left to judge."""

    def __init__(self, *, most_bytes: int, max_age: timedelta) -> None:
        self._most_bytes = most_bytes
        self._max_age = max_age
        self._events: dict[str, WatchedEvent] = {}
        self._bytes = 0
        self._changed: set[str] = set()

    def __len__(self) -> int:
        return len(self._events)

    @property
    def watched_count(self) -> int:
        """The number of events that two bookmakers sell."""
        return sum(one.is_watched for one in list(self._events.values()))

    @property
    def size(self) -> int:
        """Bytes of all boards."""
        return self._bytes

    def wants(self, event: str) -> bool:
        """Whether an observation of this event would be kept."""
        if event in self._events:
            return True
        number = _order(event)
        for held, most in self._kinds():
            if len(held) >= most and number > max(map(_order, held)):
                return False
        is_full = self._bytes > _NEARLY_FULL * self._most_bytes
        return not (is_full and self._events and number > max(map(_order, self._events)))

    def take(self, seen: SeenBoard) -> bool:
        """Keep what is newer than what is held; return whether it is.

        Raises TooLargeError for what is over a bound, and keeps what is held.
        """
        held = self._events.get(seen.event)
        boards = {} if held is None else dict(held.boards)
        before = boards.get(seen.board.platform)
        if before is not None and seen.observed_at < before.observed_at:
            return False
        parts = frozenset([seen.part] if seen.part else [])
        joins = before if before is not None and seen.observed_at == before.observed_at else None
        if joins is not None and parts <= joins.parts:
            return False
        stored = pack(seen.board, seen.observed_at, parts)
        if joins is not None:
            stored = joins.with_part(stored)
        if stored.is_too_large:
            raise TooLargeError(f"{stored.unpacked} bytes, {stored.rows} rows of {seen.event}")
        boards[seen.board.platform] = stored
        known = held or WatchedEvent(seen.event, None, None, None, {})
        self.put(
            WatchedEvent(
                seen.event,
                known.home or seen.home,
                known.away or seen.away,
                known.starts_at or seen.starts_at,
                boards,
            )
        )
        self._changed.add(seen.event)
        self._shrink()
        return seen.event in self._events

    def put(self, event: WatchedEvent) -> None:
        """Keep an event as it was stored."""
        self._forget(event.event)
        self._events[event.event] = event
        self._bytes += event.size

    def leave_out(self, event: str) -> None:
        """Forget an event, until it is observed again."""
        self._drop(event)

    def expire(self, now: datetime) -> None:
        """Drop events that were not seen for too long."""
        oldest = now - self._max_age
        for event in [one.event for one in self._events.values() if one.seen_at < oldest]:
            self._drop(event)

    def events(self) -> list[WatchedEvent]:
        """All events, also those that wait for a second bookmaker, in the order of their numbers."""
        return sorted(self._events.values(), key=lambda one: _order(one.event))

    def watched(self) -> list[WatchedEvent]:
        """The events that two bookmakers sell, in the order of their numbers."""
        return [one for one in self.events() if one.is_watched]

    def changed(self) -> set[str]:
        """The events that have changed since the last call."""
        changed, self._changed = self._changed, set()
        return changed

    def mark_changed(self, events: Iterable[str]) -> None:
        """Report these again by ``changed``: they were not written."""
        self._changed.update(event for event in events if event in self._events)

    def _shrink(self) -> None:
        for held, most in self._kinds():
            if len(held) > most:
                self._drop(max(held, key=_order))
        while self._bytes > self._most_bytes and self._events:
            self._drop(max(self._events, key=_order))

    def _kinds(self) -> Iterator[tuple[list[str], int]]:
        """The events that wait for a second bookmaker, and those that have one, each with their bound."""
        for is_pending, most in ((True, MOST_PENDING), (False, MOST_WATCHED)):
            held = [
                e
                for e, one in self._events.items()
                if (len(one.boards) < _WATCHED_BOOKS) is is_pending
            ]
            yield held, most

    def _drop(self, event: str) -> None:
        self._forget(event)
        self._changed.discard(event)

    def _forget(self, event: str) -> None:
        held = self._events.pop(event, None)
        if held is not None:
            self._bytes -= held.size


@lru_cache(maxsize=4096)  # an observation is compared with all that are held
def _order(event: str) -> tuple[int, str]:
    return event_hash(event), event


def boards_together(event: WatchedEvent) -> Iterator[Board]:
    """The boards of one moment, unpacked. Raises UnreadableBoardsError."""
    for platform, stored in sorted(event.together.items()):
        yield unpack(event.event, platform, stored)
