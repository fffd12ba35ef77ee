"""Which observations are watched, and the board that one of them holds."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Final

from pydantic_core import PydanticCustomError

from schemas.fields import parse_timestamp
from worker.domain.events import event_key
from worker.domain.scope import PREMATCH_FOOTBALL
from worker.ingest.reading.clock import ClockGuard
from worker.ingest.reading.decode import UnreadableRecord
from worker.ingest.reading.framing import unframed
from worker.ingest.reading.read import read
from worker.insight.boards import board_of_rows
from worker.insight.watching.window import EventWindow, SeenBoard
from worker.kafka.record import Record
from worker.runtime.telemetry.metric_list import NotWatched

_ENDED: Final = frozenset({"live", "finished", "cancelled"})
_LONGEST_NAME: Final = 255


class Watchman:
    """Reads records into boards. ``guard`` is that of the worker; ``clock`` is in seconds, as `time.time`."""

    def __init__(self, guard: ClockGuard, *, max_bytes: int, max_age: timedelta) -> None:
        self._guard = guard
        self._max_bytes = max_bytes
        self._max_age = max_age

    def see(self, record: Record, window: EventWindow, now: datetime) -> SeenBoard | NotWatched:
        """Return the board in a record, or why its event is not watched."""
        readable = read(unframed(record.value), max_bytes=self._max_bytes)
        if isinstance(readable, UnreadableRecord):
            return "unreadable"
        observed_at, envelope = readable.observed_at, readable.envelope
        event, said = event_key(envelope), envelope["event"]
        starts_at = _moment(said.get("starts_at"))
        objections: dict[NotWatched, bool] = {
            # The goal model is of football, and prices in play are never of one moment.
            "scope": readable.scope != PREMATCH_FOOTBALL,
            "started": said.get("status") in _ENDED
            or (starts_at is not None and starts_at <= observed_at),
            "future": self._guard.objection(observed_at, record.timestamp) is not None,
            "old": observed_at < now - self._max_age,
            "sample": not window.wants(event),
        }
        for reason, applies in objections.items():
            if applies:
                return reason
        part = envelope.get("part")
        return SeenBoard(
            event,
            _name(said.get("home")),
            _name(said.get("away")),
            starts_at,
            observed_at,
            0 if part is None else part["number"],
            board_of_rows(event, readable.platform, readable.names, readable.rows),
        )


def _moment(text: str | None) -> datetime | None:
    try:
        return None if text is None else parse_timestamp(text)
    except PydanticCustomError:
        return None


def _name(text: str | None) -> str | None:
    return None if text is None else text[:_LONGEST_NAME]
