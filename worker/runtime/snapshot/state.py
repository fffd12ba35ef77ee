"""What `odds.latest` holds of one partition, and what a resolved event changes about it. Pure.

How it works. An event is one key, or one for each of its parts. For each key the newest resolved event by
`observed_at` and `mapping_version` is kept. When all parts of a snapshot are there, the event is *whole* as
of that moment: keys with something older are replaced, and nothing older is taken any more. When an event
has ended, or was not seen for too long, its keys are removed. Nothing up to that moment is taken any more,
so a replay of old observations does not bring the event back.

The state is what the topic says, and nothing else: `restore` reads the records of the topic in order,
tombstones included, and comes to the state that wrote them. So a process that takes a partition over goes
on as if it had written everything itself. Where it reads on from does not matter: what it has written
already is not newer than itself.

The result does not depend on the order of the resolved events, with one exception: while no snapshot of an
event becomes whole, keys of an older form may stay until one does, or until they were not seen for too
long.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Final, Literal, NamedTuple

import msgspec
from pydantic_core import PydanticCustomError

from schemas.fields import parse_timestamp, timestamp_text
from schemas.headers import ID_HEADER
from schemas.latest import (
    OBSERVED_AT_HEADER,
    TOMBSTONE_HEADER,
    WHOLE_AT_HEADER,
    TombstoneReason,
    latest_key,
    parse_latest_key,
    tombstone_reason,
)

Verdict = Literal["taken", "older", "unseen", "future"]
_ENDED: Final = frozenset({"finished", "cancelled"})


class _Event(msgspec.Struct, gc=False):
    id: str
    status: str | None = None


class _Part(msgspec.Struct, gc=False):
    number: int
    of: int


class _Resolved(msgspec.Struct):
    """As much of a resolved event as is looked at; the rest is passed over without being kept."""

    platform: str
    observed_at: str
    event: _Event
    mapping_version: int
    scrape_id: str | None = None
    part: _Part | None = None


_DECODER: Final = msgspec.json.Decoder(_Resolved)


class SeenEvent(NamedTuple):
    """What a resolved event says of itself. ``number`` is that of its part, 0 for a whole event."""

    platform: str
    event_id: str
    observed_at: datetime
    version: int
    scrape_id: str | None
    number: int
    of: int
    has_ended: bool

    @property
    def age(self) -> tuple[datetime, int]:
        return self.observed_at, self.version

    @property
    def key(self) -> bytes:
        return latest_key(self.platform, self.event_id, self.number)


class Change(NamedTuple):
    """What becomes of a key: the resolved event is its value, or, with a ``reason``, a tombstone is.

    ``headers`` are what has to be written with it, so that the state can be read back.
    """

    key: bytes
    reason: TombstoneReason | None
    headers: Sequence[tuple[str, bytes | None]] = ()


class Taken(NamedTuple):
    verdict: Verdict
    changes: Sequence[Change] = ()


@dataclass(slots=True)
class _EventState:
    """``entries`` by part number. ``whole_at`` and ``gone_at``: nothing older is taken; see above."""

    entries: dict[int, SeenEvent] = field(default_factory=dict)
    whole_at: datetime | None = None
    gone_at: datetime | None = None


def seen_in(value: bytes | None) -> SeenEvent | None:
    """What a record's value says of itself; None when it is no resolved event."""
    if value is None:
        return None
    try:
        found = _DECODER.decode(value)
        observed_at = parse_timestamp(found.observed_at)
    except (msgspec.DecodeError, PydanticCustomError, RecursionError):
        return None
    part = found.part
    if part is not None and not 1 <= part.number <= part.of:
        return None
    return SeenEvent(
        platform=found.platform,
        event_id=found.event.id,
        observed_at=observed_at,
        version=found.mapping_version,
        scrape_id=found.scrape_id,
        number=0 if part is None else part.number,
        of=1 if part is None else part.of,
        has_ended=found.event.status in _ENDED,
    )


class PartitionState:
    """``unseen``: an event that was not seen for so long is removed; None: never."""

    def __init__(
        self, *, max_ahead: timedelta, unseen: timedelta | None, remembered: timedelta
    ) -> None:
        self._max_ahead = max_ahead
        self._unseen = unseen
        self._remembered = remembered
        self._events: dict[tuple[str, str], _EventState] = {}
        self.keys = 0

    def restore(
        self, key: bytes | None, value: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> bool:
        """Take a record of the topic itself over; whether it is one that was written by us."""
        if value is None:
            return self._restore_tombstone(key, headers)
        seen = seen_in(value)
        if seen is None or seen.key != key:
            return False
        state = self._events.setdefault((seen.platform, seen.event_id), _EventState())
        self._put(state, seen)
        whole_at = _moment_in(headers, WHOLE_AT_HEADER)
        if whole_at is not None and not _is_at_least(state.whole_at, whole_at):
            state.whole_at = whole_at
        return True

    def settle(self) -> None:
        """Call it once after everything is restored."""
        for state in self._events.values():
            for seen in state.entries.values():
                if _is_whole(state, seen) and not _is_at_least(state.whole_at, seen.observed_at):
                    state.whole_at = seen.observed_at

    def take(self, seen: SeenEvent, now: datetime) -> Taken:
        """Take a resolved event over, if it is newer than what is held; return what that changes."""
        if self._max_ahead and seen.observed_at > now + self._max_ahead:
            return Taken("future")
        if self._unseen is not None and seen.observed_at < now - self._unseen:
            return Taken("unseen")
        place = (seen.platform, seen.event_id)
        state = self._events.get(place) or _EventState()
        if _is_at_least(state.gone_at, seen.observed_at) or (
            state.whole_at is not None and seen.observed_at < state.whole_at
        ):
            return Taken("older")
        if seen.has_ended:
            self._events[place] = state
            return Taken("taken", self._end(state, seen))
        held = state.entries.get(seen.number)
        if held is not None and seen.age <= held.age:
            return Taken("older")
        self._events[place] = state
        self._put(state, seen)
        replaced = list(self._replaced(state, seen))
        return Taken("taken", [Change(seen.key, None, _whole_at(state, seen)), *replaced])

    def sweep(self, now: datetime) -> list[Change]:
        """Remove what was not seen for too long; call it for a partition that is read to its end."""
        changes: list[Change] = []
        for place, state in list(self._events.items()):
            if self._unseen is not None:
                changes += self._sweep_event(state, now - self._unseen)
            is_remembered = _is_at_least(state.gone_at, now - self._remembered)
            if not state.entries and not is_remembered:
                del self._events[place]
        return changes

    def _sweep_event(self, state: _EventState, cutoff: datetime) -> Iterator[Change]:
        unseen = [seen for seen in state.entries.values() if seen.observed_at < cutoff]
        for seen in unseen:
            self._remove(state, seen.number)
            if not _is_at_least(state.gone_at, seen.observed_at):
                state.gone_at = seen.observed_at
            yield _tombstone(seen.key, "unseen", seen.observed_at)
        if state.whole_at is not None and state.whole_at < cutoff:
            state.whole_at = None

    def _end(self, state: _EventState, ended: SeenEvent) -> list[Change]:
        """Remove what the event had up to its end; the event's own key remembers when that was."""
        gone = {0} | {
            number
            for number, seen in state.entries.items()
            if seen.observed_at <= ended.observed_at
        }
        for number in gone:
            self._remove(state, number)
        state.gone_at, state.whole_at = ended.observed_at, None
        return [
            _tombstone(
                latest_key(ended.platform, ended.event_id, number), "ended", ended.observed_at
            )
            for number in sorted(gone)
        ]

    def _replaced(self, state: _EventState, newest: SeenEvent) -> Iterator[Change]:
        """Remove what is older than a snapshot that is whole now."""
        if not _is_whole(state, newest):
            return
        state.whole_at = newest.observed_at
        older = [seen for seen in state.entries.values() if seen.observed_at < newest.observed_at]
        for seen in older:
            self._remove(state, seen.number)
            yield _tombstone(seen.key, "replaced", newest.observed_at)

    def _restore_tombstone(
        self, key: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> bool:
        named = parse_latest_key(key or b"")
        if named is None:
            return False
        state = self._events.setdefault((named.platform, named.event_id), _EventState())
        self._remove(state, named.number)
        reason = tombstone_reason(_text_in(headers, TOMBSTONE_HEADER))
        observed_at = _moment_in(headers, OBSERVED_AT_HEADER)
        if reason is None or observed_at is None:
            return False
        if reason != "replaced" and not _is_at_least(state.gone_at, observed_at):
            state.gone_at = observed_at
        return True

    def _put(self, state: _EventState, seen: SeenEvent) -> None:
        self.keys += seen.number not in state.entries
        state.entries[seen.number] = seen

    def _remove(self, state: _EventState, number: int) -> None:
        if state.entries.pop(number, None) is not None:
            self.keys -= 1


def _tombstone(key: bytes, reason: TombstoneReason, observed_at: datetime) -> Change:
    moment = timestamp_text(observed_at).encode()
    source_id = b"%b:%b@%b" % (reason.encode(), key, moment)
    headers = [
        (ID_HEADER, source_id),
        (TOMBSTONE_HEADER, reason.encode()),
        (OBSERVED_AT_HEADER, moment),
    ]
    return Change(key, reason, headers)


def _whole_at(state: _EventState, seen: SeenEvent) -> Sequence[tuple[str, bytes | None]]:
    """Of when the newest whole snapshot is: the record may replace a part of it, by which that is known.

    It may do so at the very same moment, as one of another number of parts, or of another scrape.
    """
    if state.whole_at is None or _is_whole(state, seen):
        return ()
    return [(WHOLE_AT_HEADER, timestamp_text(state.whole_at).encode())]


def _moment_in(headers: Sequence[tuple[str, bytes | None]], name: str) -> datetime | None:
    try:
        return parse_timestamp(_text_in(headers, name))
    except PydanticCustomError:
        return None


def _text_in(headers: Sequence[tuple[str, bytes | None]], name: str) -> str:
    return (dict(headers).get(name) or b"").decode(errors="replace")


def _is_whole(state: _EventState, seen: SeenEvent) -> bool:
    """Whether all parts of the snapshot that ``seen`` is one of are held."""
    if seen.number == 0:
        return True
    snapshot = (seen.observed_at, seen.scrape_id, seen.of)
    of_it = sum(
        (each.observed_at, each.scrape_id, each.of) == snapshot and each.number > 0
        for each in state.entries.values()
    )
    return of_it == seen.of


def _is_at_least(moment: datetime | None, other: datetime) -> bool:
    return moment is not None and moment >= other
