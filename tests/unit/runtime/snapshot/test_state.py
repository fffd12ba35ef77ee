"""What is newest of an event, whatever the order; a process that takes over comes to the same state."""

from __future__ import annotations

import itertools
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from schemas import examples
from schemas.fields import timestamp_text
from schemas.latest import OBSERVED_AT_HEADER, TOMBSTONE_HEADER
from tests.support.laws import LAWS
from worker.runtime.snapshot.state import Change, PartitionState, SeenEvent, seen_in

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
NOW = NOON + timedelta(minutes=10)
LogRecord = tuple[bytes, bytes | None, list[tuple[str, bytes | None]]]


def value(
    second: int = 0,
    version: int = 1,
    *,
    event_id: str = "e1",
    part: tuple[int, int] | None = None,
    status: str | None = None,
    **more: Any,
) -> bytes:
    document = {
        "platform": "sportybet",
        "observed_at": timestamp_text(NOON + timedelta(seconds=second)),
        "scrape_id": None,
        "event": {"id": event_id, "status": status},
        "part": part and {"number": part[0], "of": part[1]},
        "mapping_version": version,
        "markets": [],
        **more,
    }
    return orjson.dumps(document)


class Topic:
    """The state of a partition and the log that it led to, as the process writes it."""

    def __init__(self, *, unseen_s: float | None = None, max_ahead_s: float = 300) -> None:
        self._settings: dict[str, timedelta | None] = {
            "max_ahead": timedelta(seconds=max_ahead_s),
            "unseen": None if unseen_s is None else timedelta(seconds=unseen_s),
            "remembered": timedelta(days=14),
        }
        self.state = self._fresh()
        self.log: list[LogRecord] = []

    def _fresh(self) -> PartitionState:
        return PartitionState(**self._settings)  # type: ignore[arg-type]

    def take(self, *values: bytes, now: datetime = NOW) -> list[str]:
        verdicts: list[str] = []
        for each in values:
            seen = seen_in(each)
            assert seen is not None
            verdict, changes = self.state.take(seen, now)
            self._write(changes, each)
            verdicts.append(verdict)
        return verdicts

    def sweep(self, now: datetime) -> None:
        self._write(self.state.sweep(now), None)

    def _write(self, changes: Iterable[Change], of: bytes | None) -> None:
        self.log += [
            (key, of if reason is None else None, list(headers)) for key, reason, headers in changes
        ]

    def taken_over(self, *, is_compacted: bool) -> None:
        """Go on as another process that reads the log back."""
        self.state = self._fresh()
        last = {key: number for number, (key, _, _) in enumerate(self.log)}
        for number, record in enumerate(self.log):
            if not is_compacted or last[record[0]] == number:
                assert self.state.restore(*record)
        self.state.settle()

    @property
    def shown(self) -> dict[str, tuple[int, int]]:
        """Second and mapping version of each key that has a value."""
        values = {key: value for key, value, _ in self.log}
        found = {key.decode(): seen_in(each) for key, each in values.items() if each is not None}
        return {
            key: (round((seen.observed_at - NOON).total_seconds()), seen.version)
            for key, seen in found.items()
            if seen is not None
        }

    @property
    def reasons(self) -> list[tuple[str, str]]:
        return [
            (key.decode(), (dict(headers)[TOMBSTONE_HEADER] or b"").decode())
            for key, each, headers in self.log
            if each is None
        ]


def test_what_is_looked_at_is_what_a_resolved_event_says_of_itself() -> None:
    document = {**examples.RESOLVED_EVENT, "part": {"number": 2, "of": 3}}
    assert seen_in(orjson.dumps(document)) == SeenEvent(
        platform="sportybet",
        event_id="sr:match:68995116",
        observed_at=datetime(2026, 11, 22, 12, 0, 0, 120_000, tzinfo=UTC),
        version=document["mapping_version"],
        scrape_id="2026-11-22T12:00Z",
        number=2,
        of=3,
        has_ended=False,
    )


@pytest.mark.parametrize(
    "other",
    [
        None,
        b"",
        b"{}",
        b"[]",
        b"nonsense",
        value(part=(3, 2)),
        value(observed_at="yesterday"),
        value(event={}),
    ],
    ids=repr,
)
def test_what_is_no_resolved_event_is_nothing(other: bytes | None) -> None:
    assert seen_in(other) is None


def test_an_older_observation_never_overwrites_a_newer_one() -> None:
    topic = Topic()
    assert topic.take(value(5), value(4, version=99), value(5), value(5, version=2)) == [
        "taken",
        "older",
        "older",
        "taken",
    ]
    assert topic.shown == {"sportybet:e1": (5, 2)}


def test_events_are_apart() -> None:
    topic = Topic()
    topic.take(value(5), value(4, event_id="e2"))
    assert topic.shown == {"sportybet:e1": (5, 1), "sportybet:e2": (4, 1)}
    assert topic.state.keys == 2


def test_each_part_is_a_key() -> None:
    topic = Topic()
    topic.take(value(5, part=(1, 2)), value(5, part=(2, 2)))
    assert topic.shown == {"sportybet:e1/1": (5, 1), "sportybet:e1/2": (5, 1)}


def test_a_part_replaces_that_of_an_older_snapshot_before_the_others_have_come() -> None:
    topic = Topic()
    topic.take(value(4, part=(1, 2)), value(4, part=(2, 2)), value(5, part=(1, 2)))
    assert topic.shown == {"sportybet:e1/1": (5, 1), "sportybet:e1/2": (4, 1)}


def test_parts_replace_what_was_whole_only_when_all_are_there() -> None:
    topic = Topic()
    topic.take(value(4), value(5, part=(1, 2)))
    assert topic.shown == {"sportybet:e1": (4, 1), "sportybet:e1/1": (5, 1)}
    topic.take(value(5, part=(2, 2)))
    assert topic.shown == {"sportybet:e1/1": (5, 1), "sportybet:e1/2": (5, 1)}
    assert topic.reasons == [("sportybet:e1", "replaced")]


def test_fewer_parts_or_none_replace_those_that_are_left_over() -> None:
    topic = Topic()
    topic.take(*(value(5, part=(number, 3)) for number in (1, 2, 3)))
    topic.take(value(6, part=(1, 2)), value(6, part=(2, 2)))
    assert topic.shown == {"sportybet:e1/1": (6, 1), "sportybet:e1/2": (6, 1)}
    topic.take(value(7))
    assert topic.shown == {"sportybet:e1": (7, 1)}


def test_an_older_part_is_not_taken_after_a_whole_snapshot() -> None:
    topic = Topic()
    assert topic.take(value(5), value(4, part=(1, 2), version=9)) == ["taken", "older"]


@pytest.mark.parametrize("status", ["finished", "cancelled"])
def test_an_event_that_has_ended_is_removed_and_not_brought_back(status: str) -> None:
    topic = Topic()
    topic.take(value(4), value(5, status=status))
    assert topic.shown == {}
    assert topic.reasons == [("sportybet:e1", "ended")]
    topic.taken_over(is_compacted=True)
    assert topic.take(value(4, version=99), value(5, version=99), value(6)) == [
        "older",
        "older",
        "taken",
    ]


def test_the_end_of_an_event_that_was_in_parts_is_remembered_under_its_own_key() -> None:
    topic = Topic()
    topic.take(value(4, part=(1, 2)), value(4, part=(2, 2)), value(5, status="finished"))
    assert topic.shown == {}
    assert topic.reasons == [
        (key, "ended") for key in ("sportybet:e1", "sportybet:e1/1", "sportybet:e1/2")
    ]


def test_a_process_that_takes_over_knows_of_a_whole_snapshot_that_is_only_there_in_part() -> None:
    topic = Topic()
    topic.take(value(2, part=(1, 2)), value(2, part=(2, 2)), value(3, part=(1, 2)))
    topic.taken_over(is_compacted=True)
    assert topic.take(value(1), value(1, part=(1, 3))) == ["older", "older"]
    topic.take(value(3, part=(2, 2)))
    assert topic.shown == {"sportybet:e1/1": (3, 1), "sportybet:e1/2": (3, 1)}


def test_an_event_that_was_not_seen_for_too_long_is_removed_and_not_brought_back() -> None:
    topic = Topic(unseen_s=60)
    topic.take(value(0), value(30, event_id="e2"), now=NOON)
    topic.sweep(NOON + timedelta(seconds=60))
    assert len(topic.shown) == 2
    topic.sweep(NOON + timedelta(seconds=61))
    assert topic.shown == {"sportybet:e2": (30, 1)}
    assert topic.reasons == [("sportybet:e1", "unseen")]
    topic.taken_over(is_compacted=True)
    assert topic.take(value(0, version=9), now=NOON) == ["older"]


def test_what_was_not_seen_for_too_long_is_not_taken_in_the_first_place() -> None:
    topic = Topic(unseen_s=60)
    assert topic.take(value(0), now=NOON + timedelta(seconds=61)) == ["unseen"]
    assert topic.log == []


def test_an_event_from_the_future_is_not_taken() -> None:
    topic = Topic(max_ahead_s=300)
    assert topic.take(value(301), value(300), now=NOON) == ["future", "taken"]
    assert Topic(max_ahead_s=0).take(value(301), now=NOON) == ["taken"]


def test_ends_are_forgotten_once_no_replay_can_bring_what_was_before_them() -> None:
    topic = Topic()
    topic.take(value(5, status="finished"))
    topic.sweep(NOON + timedelta(days=13))
    assert topic.take(value(4)) == ["older"]
    topic.sweep(NOON + timedelta(days=15))
    assert topic.take(value(4)) == ["taken"]


@pytest.mark.parametrize(
    "record",
    [
        (None, b"{}", []),
        (b"sportybet:other", value(), []),
        (None, value(), []),
        (b"other", None, []),
        (b"sportybet:e1", None, []),
        (b"sportybet:e1", None, [(TOMBSTONE_HEADER, b"why"), (OBSERVED_AT_HEADER, None)]),
        (b"sportybet:e1", None, [(TOMBSTONE_HEADER, b"ended"), (OBSERVED_AT_HEADER, b"\xff")]),
    ],
    ids=repr,
)
def test_records_that_others_wrote_are_recognised(record: Any) -> None:
    assert not PartitionState(
        max_ahead=timedelta(0), unseen=None, remembered=timedelta(days=14)
    ).restore(*record)


def test_a_tombstone_of_somebody_else_removes_the_key_and_remembers_nothing() -> None:
    topic = Topic()
    topic.take(value(5))
    topic.state.restore(b"sportybet:e1", None, [])
    assert topic.state.keys == 0


MESSAGES = [
    value(1),
    value(2, part=(1, 2)),
    value(2, part=(2, 2)),
    value(2, part=(2, 2), version=3),
    value(3),
    value(3, version=2),
]


@pytest.mark.parametrize("count", [3, 4, 5, 6])
def test_in_whatever_order_they_come_the_newest_is_there(count: int) -> None:
    found = []
    for order in itertools.permutations(MESSAGES[:count]):
        topic = Topic()
        topic.take(*order)
        found.append(topic.shown)
    assert all(each == found[0] for each in found)


messages = st.builds(
    value,
    second=st.integers(0, 3),
    version=st.integers(1, 2),
    part=st.sampled_from([None, None, (1, 2), (2, 2), (1, 3), (2, 3), (3, 3)]),
    status=st.sampled_from([None, None, None, "live", "finished"]),
)


@settings(LAWS, max_examples=500)
@example(
    # A part of a snapshot that is whole is published again, as one of another number of parts.
    [value(5, part=(1, 2)), value(5, part=(2, 2)), value(5, 2, part=(1, 3))],
    [value(4, part=(3, 3))],
    True,
)
@given(st.lists(messages, max_size=9), st.lists(messages, max_size=6), st.booleans())
def test_a_process_that_takes_over_goes_on_as_the_one_before(
    before: Sequence[bytes], after: Sequence[bytes], is_compacted: bool
) -> None:
    one, other = Topic(), Topic()
    assert one.take(*before) == other.take(*before)
    other.taken_over(is_compacted=is_compacted)
    assert other.state.keys == one.state.keys
    assert one.take(*after) == other.take(*after)
    assert other.shown == one.shown


@LAWS
@given(st.lists(messages, max_size=12))
def test_what_is_read_a_second_time_changes_nothing(given_messages: Sequence[bytes]) -> None:
    topic = Topic()
    topic.take(*given_messages)
    shown = topic.shown
    topic.take(*given_messages)
    assert topic.shown == shown


@LAWS
@given(st.lists(st.builds(value, second=st.integers(0, 5), version=st.integers(1, 4)), min_size=1))
def test_a_key_only_ever_grows_newer(given_messages: Sequence[bytes]) -> None:
    topic = Topic()
    topic.take(*given_messages)
    ages = [seen.age for _, each, _ in topic.log for seen in [seen_in(each)] if seen is not None]
    assert ages == sorted(set(ages))
    newest = max(seen.age for each in given_messages for seen in [seen_in(each)] if seen)
    assert ages[-1] == newest
