"""The newest whole state of each event, whatever the order and number of the messages."""

import itertools
from datetime import timedelta
from typing import Any

import pytest

from clients.python.market_mapping_client.keys import observation_key
from clients.python.market_mapping_client.latest import Latest
from clients.python.market_mapping_client.messages import (
    MissEntry,
    Observation,
    Omitted,
    Part,
    ResolvedEvent,
    ResolvedMarket,
    examples,
)
from schemas.fields import timestamp_text
from schemas.latest import latest_key
from worker.domain.events import event_key

EVENT = ResolvedEvent.model_validate_json(
    ResolvedEvent.model_validate(examples.RESOLVED_EVENT, strict=False).model_dump_json()
)
KEY = (EVENT.platform, EVENT.event.id)


class Observer:
    """A `Latest` whose clock is set by hand, and what it reported."""

    def __init__(self, **settings: Any) -> None:
        self.now = EVENT.observed_at + timedelta(seconds=60)
        self.reports: list[str] = []
        self.latest = Latest(
            clock=lambda: self.now, report=self.reports.append, **{"max_ahead_s": 300, **settings}
        )

    def take(self, *events: ResolvedEvent) -> list[bool]:
        return [self.latest.take(event) for event in events]

    @property
    def state(self) -> ResolvedEvent | None:
        return self.latest.get(*KEY)

    @property
    def markets(self) -> list[str]:
        assert self.state is not None
        return [market.canonical_id for market in self.state.markets]


def market(canonical_id: str) -> ResolvedMarket:
    return EVENT.markets[0].model_copy(update={"canonical_id": canonical_id})


def part(
    number: int, of: int = 2, *, second: int = 2, version: int = 5, **more: Any
) -> ResolvedEvent:
    return at(second, version).model_copy(
        update={
            "part": Part(number=number, of=of),
            "markets": [market(f"market_{number}_v{version}")],
            **more,
        }
    )


def with_status(status: str, second: int, event: ResolvedEvent | None = None) -> ResolvedEvent:
    described = EVENT.event.model_copy(update={"status": status})
    observed_at = EVENT.observed_at.replace(second=second)
    return (event or EVENT).model_copy(update={"event": described, "observed_at": observed_at})


def at(second: int, version: int) -> ResolvedEvent:
    observed_at = EVENT.observed_at.replace(second=second)
    return EVENT.model_copy(update={"observed_at": observed_at, "mapping_version": version})


def test_a_repetition_is_not_newer() -> None:
    latest = Latest()
    assert [latest.take(EVENT), latest.take(EVENT)] == [True, False]


def test_a_replay_corrects_what_is_shown_and_never_sets_it_back() -> None:
    latest = Latest()
    states = [at(2, version=5), at(1, version=9), at(2, version=4), at(2, version=6)]
    assert [latest.take(state) for state in states] == [True, False, False, True]


def test_in_whatever_order_they_come_the_same_state_is_taken_last() -> None:
    states = [at(1, version=9), at(2, version=5), at(2, version=6)]
    for order in itertools.permutations(states):
        latest = Latest()
        assert [state for state in order if latest.take(state)][-1] == at(2, version=6)


def test_other_events_and_platforms_are_apart() -> None:
    latest = Latest()
    other_event = EVENT.model_copy(
        update={"event": EVENT.event.model_copy(update={"id": "another"})}
    )
    other_book = EVENT.model_copy(update={"platform": "betpawa"})
    assert all([latest.take(EVENT), latest.take(other_event), latest.take(other_book)])


def test_the_key_of_an_observation_is_that_of_what_is_made_of_it() -> None:
    for example in examples.OBSERVATIONS.values():
        observation = Observation.model_validate(example)
        assert (
            observation_key(observation) == event_key(observation.model_dump(mode="json")).encode()
        )
    alone = example | {"event": {"id": "7"}}
    assert observation_key(Observation.model_validate(alone)) == f"{alone['platform']}:7".encode()


def test_no_part_is_taken_before_the_last_one_and_then_all_together() -> None:
    observer = Observer()
    assert observer.take(part(2, 3), part(1, 3), part(3, 3)) == [False, False, True]
    assert observer.markets == ["market_1_v5", "market_2_v5", "market_3_v5"]
    assert observer.state is not None
    assert observer.state.part is None


def test_half_of_a_newer_snapshot_leaves_the_older_one_in_place() -> None:
    observer = Observer()
    observer.take(at(1, version=5), part(1))
    assert observer.state == at(1, version=5)


def test_a_part_that_never_comes_is_waited_for_within_a_bound_and_reported() -> None:
    observer = Observer(parts_wait_s=60)
    observer.take(at(1, version=5), part(1, 3))
    observer.now += timedelta(seconds=59)
    observer.latest.drop_unseen()
    assert observer.reports == []
    observer.now += timedelta(seconds=1)
    observer.latest.drop_unseen()
    (report,) = observer.reports
    assert report.startswith(
        "event sr:match:68995116 of sportybet: parts 2, 3 of 3 of the snapshot of"
    )
    assert "did not come (waited 60 s); the snapshot is not taken" in report
    assert observer.state == at(1, version=5)


def test_a_part_that_a_newer_snapshot_overtakes_is_not_waited_for() -> None:
    observer = Observer()
    observer.take(part(1, second=2), at(3, version=5))
    assert "part 2 of 2 of the snapshot of" in observer.reports[0]
    assert "a newer one is here" in observer.reports[0]
    assert observer.take(part(2, second=2)) == [False]


def test_how_many_snapshots_of_an_event_are_waited_for_has_a_bound() -> None:
    observer = Observer()
    observer.take(*(part(1, second=second) for second in range(10)))
    assert len(observer.reports) == 6
    assert all("too many are waited for" in report for report in observer.reports)


def test_parts_of_other_scrapes_are_not_mixed() -> None:
    observer = Observer()
    assert observer.take(part(1, scrape_id="a"), part(2, scrape_id="b")) == [False, False]
    assert observer.take(part(2, scrape_id="a")) == [True]


def test_a_replay_of_one_part_corrects_that_part_alone() -> None:
    observer = Observer()
    assert observer.take(part(1), part(2), part(2, version=9), part(1, version=4)) == [
        False,
        True,
        True,
        False,
    ]
    assert observer.markets == ["market_1_v5", "market_2_v9"]
    assert observer.state is not None
    assert observer.state.mapping_version == 9


def test_in_whatever_order_parts_repetitions_and_older_states_come_the_state_is_the_same() -> None:
    messages = [part(1), part(2), part(2, version=9), at(1, version=12), at(2, version=7), part(1)]
    states = set()
    for order in itertools.permutations(messages):
        observer = Observer()
        observer.take(*order)
        states.add(tuple(observer.markets))
    assert states == {("market_1_v5", "market_2_v9")}


def test_what_parts_miss_and_omit_is_joined() -> None:
    miss = MissEntry(external_market_id="1", reason="UNKNOWN_MARKET")
    omitted = Omitted(misses=2, rejected=1)
    observer = Observer()
    observer.take(
        part(1, misses=[miss], omitted=omitted), part(2, misses=[miss, miss], omitted=omitted)
    )
    assert observer.state is not None
    assert len(observer.state.misses) == 3
    assert observer.state.omitted == Omitted(misses=4, rejected=2)


def test_a_market_in_two_parts_is_listed_once() -> None:
    observer = Observer()
    dearer = market("1x2_ft").model_copy(update={"external_market_id": "other"})
    observer.take(part(1, markets=[market("1x2_ft")]), part(2, markets=[dearer]))
    assert observer.state is not None
    assert observer.state.markets == [market("1x2_ft")]


def test_an_event_from_the_future_is_not_taken_and_reported() -> None:
    observer = Observer(max_ahead_s=300)
    observer.now = EVENT.observed_at - timedelta(seconds=301)
    assert observer.take(EVENT) == [False]
    assert "is 301 s ahead of the clock; it is not taken" in observer.reports[0]
    observer.now += timedelta(seconds=1)
    assert observer.take(EVENT) == [True]


@pytest.mark.parametrize("status", ["finished", "cancelled"])
def test_an_event_that_has_ended_is_dropped_and_no_replay_brings_it_back(status: str) -> None:
    observer = Observer()
    assert observer.take(EVENT, with_status(status, second=5)) == [True, True]
    assert observer.state is None
    assert len(observer.latest) == 0
    assert observer.take(at(4, version=99), at(5, version=99)) == [False, False]
    assert observer.take(at(6, version=5)) == [True]


@pytest.mark.parametrize("status", ["scheduled", "live", "suspended", None])
def test_an_event_that_goes_on_is_kept(status: Any) -> None:
    observer = Observer()
    assert observer.take(with_status(status, second=5)) == [True]
    assert len(observer.latest) == 1


def test_a_part_that_says_that_the_event_has_ended_is_enough() -> None:
    observer = Observer()
    observer.take(at(1, version=5), part(1, second=2))
    assert observer.take(with_status("finished", 2, part(2, second=2))) == [True]
    assert observer.state is None
    observer.now += timedelta(hours=1)
    observer.latest.drop_unseen()
    assert observer.reports == []


def test_parts_of_what_comes_after_the_end_are_waited_for() -> None:
    observer = Observer()
    observer.take(part(1, second=9), with_status("finished", second=5))
    assert observer.take(part(2, second=9)) == [True]


def test_an_event_that_was_not_seen_for_some_intervals_is_dropped() -> None:
    observer = Observer(interval_s=60, intervals=5)
    observer.take(EVENT)
    observer.now = EVENT.observed_at + timedelta(seconds=300)
    assert observer.latest.drop_unseen() == []
    observer.now += timedelta(seconds=1)
    assert observer.latest.drop_unseen() == [KEY]
    assert observer.state is None
    assert observer.take(EVENT) == [False]


def tombstone(reason: str, second: int, number: int = 0) -> bool:
    """Whether a tombstone of this moment drops an event of second 5; nothing older is taken then."""
    observer = Observer()
    observer.take(at(5, version=5))
    moment = timestamp_text(EVENT.observed_at.replace(second=second))
    headers = [("marketmap-tombstone", reason.encode()), ("marketmap-observed-at", moment.encode())]
    dropped = observer.latest.take_tombstone(latest_key(*KEY, number), headers)
    assert (dropped == KEY) == (observer.state is None)
    assert observer.take(at(5, version=9)) == [dropped is None]
    return dropped == KEY


@pytest.mark.parametrize("reason", ["ended", "unseen"])
def test_a_tombstone_drops_an_event_unless_something_newer_is_held(reason: str) -> None:
    assert tombstone(reason, second=5)
    assert tombstone(reason, second=6, number=2)
    assert not tombstone(reason, second=4)


def test_a_tombstone_of_a_part_that_was_replaced_drops_nothing() -> None:
    assert not tombstone("replaced", second=9, number=2)


@pytest.mark.parametrize(
    ("key", "headers"),
    [
        (None, []),
        (b"other", [("marketmap-tombstone", b"ended")]),
        (latest_key(*KEY), []),
        (latest_key(*KEY), [("marketmap-tombstone", b"ended"), ("marketmap-observed-at", None)]),
    ],
)
def test_a_record_without_a_value_that_is_no_tombstone_of_ours_changes_nothing(
    key: bytes | None, headers: list[tuple[str, bytes | None]]
) -> None:
    observer = Observer()
    observer.take(EVENT)
    assert observer.latest.take_tombstone(key, headers) is None
    assert observer.state == EVENT


def test_what_is_not_taken_is_logged_unless_somebody_else_takes_the_reports(
    caplog: pytest.LogCaptureFixture,
) -> None:
    Latest(clock=lambda: EVENT.observed_at - timedelta(hours=1)).take(EVENT)
    assert "is 3600 s ahead of the clock" in caplog.text


def test_without_an_interval_no_event_is_dropped_for_its_age() -> None:
    observer = Observer()
    observer.take(EVENT)
    observer.now += timedelta(days=30)
    assert observer.latest.drop_unseen() == []
    assert list(observer.latest) == [EVENT]


def test_what_a_newer_whole_snapshot_does_not_list_is_gone() -> None:
    observer = Observer()
    both = [market("kept"), market("taken_off")]
    for second, listed in enumerate([both, both[:1], []]):
        observer.take(at(second, version=5).model_copy(update={"markets": listed}))
        assert observer.markets == [each.canonical_id for each in listed]
