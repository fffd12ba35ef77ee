"""The newest state of each event of each platform. Pure, but for the clock that it is given.

How it works. A snapshot is what one scrape saw of one event: one message, or all parts of it. Messages come
in any order and more than once: repeated, replayed under other mappings, and parts one by one. So each event
has what is held of it, the newest whole snapshot, and *open* snapshots, of which parts are missing. An open
one that becomes whole is taken if it is newer than what is held, by `observed_at` and then by
`mapping_version`. The result does not depend on the order of the messages.

Memory is bounded. An open snapshot is given up when its parts have not come in time, when the event has too
many of them, or when a newer one is held; each is reported. An event is dropped when its status says that it
has ended; only the moment of that is remembered, for replays of what was before it.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from typing import Final

from .messages import Omitted, ParticipantMarket, ResolvedEvent, ResolvedMarket
from .messages.fields import parse_timestamp
from .messages.latest import OBSERVED_AT_HEADER, TOMBSTONE_HEADER, parse_latest_key

EventKey = tuple[str, str]
_SnapshotKey = tuple[datetime, str | None, int]
_Age = tuple[datetime, int]

_ENDED: Final = frozenset({"finished", "cancelled"})
_DROPS: Final = frozenset({"ended", "unseen"})  # reasons of tombstones that drop an event
_REPLACED: Final = "replaced"
_MOST_OPEN: Final = 4  # open snapshots of one event
_MOST_ENDED: Final = 100_000

log = logging.getLogger("market_mapping_client")


@dataclass(slots=True)
class _Snapshot:
    """The parts of one snapshot by number, each the one of the highest mapping version."""

    of: int
    since: datetime
    parts: dict[int, ResolvedEvent] = field(default_factory=dict)

    @property
    def is_whole(self) -> bool:
        return len(self.parts) == self.of

    @property
    def age(self) -> _Age:
        parts = self.parts.values()
        return next(iter(parts)).observed_at, max(part.mapping_version for part in parts)

    def take(self, number: int, event: ResolvedEvent) -> bool:
        known = self.parts.get(number)
        if known is not None and event.mapping_version <= known.mapping_version:
            return False
        self.parts[number] = event
        return True

    def missing(self) -> str:
        numbers = [number for number in range(1, self.of + 1) if number not in self.parts]
        listed = ", ".join(map(str, numbers[:10])) + (", ..." if len(numbers) > 10 else "")
        return f"part{'s' if len(numbers) > 1 else ''} {listed} of {self.of}"


@dataclass(slots=True)
class _Known:
    """What is known of one event. ``ended`` is when it was last seen to have ended."""

    held: _SnapshotKey | None = None
    snapshots: dict[_SnapshotKey, _Snapshot] = field(default_factory=dict)
    whole: ResolvedEvent | None = None


class Latest:
    """Takes resolved events in any order and as often as they come.

    ``max_ahead_s``: an event from further in the future is not taken. ``parts_wait_s``: how long to wait for
    the parts of a snapshot. ``interval_s``: how often each event is scraped; an event that was not seen for
    ``intervals`` of them is dropped by ``drop_unseen``, and a message that old is not taken. ``report`` is
    called with a sentence for each message that is not taken although it is newer; by default it is logged.
    ``on_drop`` is called with the platform and the id of each event that is dropped.
    """

    def __init__(
        self,
        *,
        max_ahead_s: float = 300,
        parts_wait_s: float = 60,
        interval_s: float | None = None,
        intervals: int = 5,
        clock: Callable[[], datetime] = lambda: datetime.now(UTC),
        report: Callable[[str], None] = log.warning,
        on_drop: Callable[[EventKey], None] = lambda _: None,
    ) -> None:
        self._max_ahead = timedelta(seconds=max_ahead_s)
        self._parts_wait = timedelta(seconds=parts_wait_s)
        self._unseen = None if interval_s is None else timedelta(seconds=interval_s * intervals)
        self._clock = clock
        self._report = report
        self._on_drop = on_drop
        self._events: dict[EventKey, _Known] = {}
        self._open: dict[tuple[EventKey, _SnapshotKey], _Snapshot] = {}  # the oldest first
        self._ended: dict[EventKey, datetime] = {}

    def take(self, event: ResolvedEvent) -> bool:
        """Return whether this changes the state of its event: it is newer, whole, and not from the future.

        After True, ``get`` returns the new state; None when the event has ended.
        """
        now = self._clock()
        self._give_up_overdue(now)
        key = (event.platform, event.event.id)
        if event.observed_at > now + self._max_ahead:
            ahead_s = (event.observed_at - now).total_seconds()
            self._say(key, f"is {ahead_s:.0f} s ahead of the clock; it is not taken")
            return False
        if self._unseen is not None and now - event.observed_at > self._unseen:
            return False
        ended = self._ended.get(key)
        if ended is not None and event.observed_at <= ended:
            return False
        known = self._events.get(key)
        if known is not None and known.whole and event.observed_at < known.whole.observed_at:
            return False
        if event.event.status in _ENDED:
            self._end(key, event.observed_at)
            return True
        return self._take_part(key, event, now)

    def take_tombstone(
        self, key: bytes | None, headers: Sequence[tuple[str, bytes | None]]
    ) -> EventKey | None:
        """Take a record of `odds.latest` that has no value; return the event that was dropped for it, if any.

        An event that has ended, or was not seen for too long, is dropped, unless something newer is held.
        """
        named = parse_latest_key(key or b"")
        said = {name: (value or b"").decode(errors="replace") for name, value in headers}
        reason = said.get(TOMBSTONE_HEADER)
        if named is not None and reason == _REPLACED:
            return None
        try:
            at = parse_timestamp(said.get(OBSERVED_AT_HEADER))
        except ValueError:
            at = None
        if named is None or reason not in _DROPS or at is None:
            self._report(
                f"a record without a value, with the key {(key or b'')[:200]!r}, is no tombstone of"
                " odds.latest; it drops nothing"
            )
            return None
        event = (named.platform, named.event_id)
        known = self._events.get(event)
        if known is not None and known.whole is not None and known.whole.observed_at > at:
            return None
        ended = self._ended.get(event)
        if ended is None or ended < at:
            self._end(event, at)
        return None if known is None or known.whole is None else event

    def get(self, platform: str, event_id: str) -> ResolvedEvent | None:
        """Return the newest whole state of an event, its parts joined; None if there is none."""
        known = self._events.get((platform, event_id))
        return None if known is None else known.whole

    def __iter__(self) -> Iterator[ResolvedEvent]:
        return (known.whole for known in list(self._events.values()) if known.whole is not None)

    def __len__(self) -> int:
        return sum(1 for _ in self)

    def drop_unseen(self) -> list[EventKey]:
        """Drop the events that were not seen for too long, and return them. Call it regularly."""
        now = self._clock()
        self._give_up_overdue(now)
        if self._unseen is None:
            return []
        unseen = [
            key
            for key, known in self._events.items()
            if known.whole is not None and now - known.whole.observed_at > self._unseen
        ]
        for key in unseen:
            known = self._events[key]
            known.held = known.whole = None
            for name, snapshot in list(known.snapshots.items()):
                if snapshot.is_whole:
                    del known.snapshots[name]
            self._forget_if_empty(key)
            self._on_drop(key)
        return unseen

    def _take_part(self, key: EventKey, event: ResolvedEvent, now: datetime) -> bool:
        known = self._events.setdefault(key, _Known())
        number, of = (event.part.number, event.part.of) if event.part else (1, 1)
        name = (event.observed_at, event.scrape_id, of)
        snapshot = known.snapshots.get(name)
        if snapshot is None:
            snapshot = known.snapshots[name] = _Snapshot(of, now)
            if of > 1:
                self._open[key, name] = snapshot
        if not snapshot.take(number, event) or not snapshot.is_whole:
            self._bound(key, known)
            return False
        self._open.pop((key, name), None)
        if name != known.held and not self._is_newer(snapshot, known):
            self._bound(key, known)
            return False
        known.held, known.whole = name, joined(snapshot.parts)
        self._ended.pop(key, None)
        self._drop_older(key, known)
        return True

    def _is_newer(self, snapshot: _Snapshot, known: _Known) -> bool:
        return known.held is None or snapshot.age > known.snapshots[known.held].age

    def _drop_older(self, key: EventKey, known: _Known) -> None:
        """Stop waiting for parts from before the snapshot that is now the newest."""
        if known.whole is None:
            return
        for name, snapshot in list(known.snapshots.items()):
            if name[0] < known.whole.observed_at:
                del known.snapshots[name]
                if self._open.pop((key, name), None) is not None:
                    self._gave_up(key, name, snapshot, "a newer one is here")

    def _bound(self, key: EventKey, known: _Known) -> None:
        waiting = sorted((name for name in known.snapshots if name != known.held), key=_by_time)
        for name in waiting[:-_MOST_OPEN]:
            snapshot = known.snapshots.pop(name)
            if self._open.pop((key, name), None) is not None:
                self._gave_up(key, name, snapshot, "too many are waited for")

    def _give_up_overdue(self, now: datetime) -> None:
        while self._open:
            key, name = next(iter(self._open))
            snapshot = self._open[key, name]
            if now - snapshot.since < self._parts_wait:
                return
            del self._open[key, name]
            del self._events[key].snapshots[name]
            waited_s = self._parts_wait.total_seconds()
            self._gave_up(key, name, snapshot, f"waited {waited_s:g} s")
            self._forget_if_empty(key)

    def _gave_up(self, key: EventKey, name: _SnapshotKey, snapshot: _Snapshot, why: str) -> None:
        self._say(
            key,
            f"{snapshot.missing()} of the snapshot of {name[0].isoformat()} did not come ({why}); the"
            " snapshot is not taken, and what was known before stays",
        )

    def _end(self, key: EventKey, at: datetime) -> None:
        known = self._events.pop(key, _Known())
        for name, snapshot in known.snapshots.items():
            if name[0] > at:  # parts of later ones may still arrive
                self._events.setdefault(key, _Known()).snapshots[name] = snapshot
            else:
                self._open.pop((key, name), None)
        self._ended.pop(key, None)
        self._ended[key] = at
        if len(self._ended) > _MOST_ENDED:
            del self._ended[next(iter(self._ended))]
        if known.whole is not None:
            self._on_drop(key)

    def _forget_if_empty(self, key: EventKey) -> None:
        if not self._events[key].snapshots:
            del self._events[key]

    def _say(self, key: EventKey, what: str) -> None:
        platform, event_id = key
        self._report(f"event {event_id} of {platform}: {what}")


def joined(parts: dict[int, ResolvedEvent]) -> ResolvedEvent:
    """Return the snapshot of these parts as one resolved event without ``part``.

    Where two parts have a market and line in common, which they must not, the lower number's is kept.
    """
    in_order = [parts[number] for number in sorted(parts)]
    first = in_order[0]
    if first.part is None:
        return first
    markets: dict[tuple[str, str | None], ResolvedMarket] = {}
    for market in (market for part in in_order for market in part.markets):
        markets.setdefault((market.canonical_id, market.line), market)
    return first.model_copy(
        update={
            "part": None,
            "mapping_version": max(part.mapping_version for part in in_order),
            "markets": list(markets.values()),
            "misses": [miss for part in in_order for miss in part.misses],
            "rejected": [rejected for part in in_order for rejected in part.rejected],
            "omitted": _omitted(in_order),
            "participant_markets": _participant_markets(in_order),
        }
    )


def _participant_markets(parts: Sequence[ResolvedEvent]) -> list[ParticipantMarket] | None:
    """Return those of all parts; what two parts say of one participant, as the lower number says it."""
    found: dict[tuple[str | None, ...], ParticipantMarket] = {}
    for part in parts:
        for market in part.participant_markets or ():
            who = market.participant
            own = who.feed_id or who.id
            identity = (own, None) if own else (who.key, who.side)
            found.setdefault((market.canonical_id, market.line, *identity), market)
    return list(found.values()) or None


def _omitted(parts: Sequence[ResolvedEvent]) -> Omitted | None:
    counts = [part.omitted for part in parts if part.omitted is not None]
    if not counts:
        return None
    total = {
        "misses": sum(count.misses for count in counts),
        "rejected": sum(count.rejected for count in counts),
    }
    players = sum(count.participant_markets or 0 for count in counts)
    return counts[0].model_copy(update={**total, "participant_markets": players or None})


def _by_time(name: _SnapshotKey) -> datetime:
    return name[0]
