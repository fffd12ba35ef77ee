"""Fields that nobody reads, found in a sample of records: one for each bookmaker every few seconds.

Readers pass over fields that they do not know, so a bookmaker may rename one without any error. To look for
such fields in every record would take as long as reading it. A change of form is in all of a bookmaker's
records, so one in a while shows it.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any, Final, NamedTuple

import orjson
import structlog

from schemas.observation import Event, Observation, Part
from worker.domain.books.platforms import Platform, is_platform
from worker.domain.books.registry import BOOKS
from worker.domain.books.shape import FieldLevel, Shape, UnreadNames, unread_names
from worker.ingest.reading.framing import unframed
from worker.kafka.record import Record

log = structlog.get_logger()

_EVERY_S: Final = 10.0
_MOST_LOGGED: Final = 100

_ENVELOPE: Final = Shape(
    "observation",
    read=Observation.model_fields.keys(),
    within={
        "event": Shape("event", read=Event.model_fields.keys()),
        "part": Shape("observation", read=Part.model_fields.keys()),
    },
)


class FieldSample(NamedTuple):
    """The fields of one record that nobody reads, by the level that they are on."""

    platform: Platform
    unread: Mapping[FieldLevel, Collection[str]]


def sample_of(value: bytes) -> FieldSample | None:
    """Look at every field of a value; None for one that is no observation of a known bookmaker."""
    try:
        document: Any = orjson.loads(value)
    except orjson.JSONDecodeError:
        return None
    platform = document.get("platform") if isinstance(document, dict) else None
    if not is_platform(platform):
        return None
    unread: UnreadNames = unread_names([document], _ENVELOPE)
    unread |= unread_names(document.get("markets"), BOOKS[platform].shape)
    return FieldSample(platform, {level: sorted(names) for level, names in unread.items() if names})


class FieldSampler:
    """Takes samples; logs each unread name once, up to a bound.

    ``clock`` gives seconds. Records of more than ``max_bytes`` are left out: they are dead letters.
    """

    def __init__(
        self,
        *,
        max_bytes: int,
        every_s: float = _EVERY_S,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._max_bytes = max_bytes
        self._every_s = every_s
        self._clock = clock
        self._next_s: dict[str, float] = {}
        self._logged: set[tuple[Platform, FieldLevel, str]] = set()

    def is_due(self, platforms: Iterable[str]) -> bool:
        """Whether one of these bookmakers was not looked at for long enough."""
        now_s = self._clock()
        return any(now_s >= self._next_s.get(platform, now_s) for platform in platforms)

    def look(self, records: Iterable[Record], platforms: Iterable[str]) -> list[FieldSample]:
        """Look at the last record of each topic; ``platforms`` are those that a batch is of.

        Takes some milliseconds for a large record, so it is for a thread.
        """
        next_s = self._clock() + self._every_s
        self._next_s |= dict.fromkeys(platforms, next_s)
        samples = []
        for record in {record.topic: record for record in records}.values():
            value = unframed(record.value)
            if value is None or len(value) > self._max_bytes:
                continue
            sample = sample_of(value)
            if sample is not None:
                samples.append(sample)
                self._log(sample, record)
        return samples

    def _log(self, sample: FieldSample, record: Record) -> None:
        for level, names in sample.unread.items():
            room = _MOST_LOGGED - len(self._logged)
            new = [name for name in names if (sample.platform, level, name) not in self._logged]
            if not new or room <= 0:
                continue
            self._logged |= {(sample.platform, level, name) for name in new[:room]}
            log.warning(
                "unread_fields",
                platform=sample.platform,
                level=level,
                names=new[:room],
                topic=record.topic,
                partition=record.partition,
                offset=record.offset,
            )
