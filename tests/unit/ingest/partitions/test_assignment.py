import asyncio
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from types import SimpleNamespace
from typing import Any, cast

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.errors import CommitFailedError, RequestTimedOutError
from aiokafka.structs import OffsetAndMetadata

from tests.support.records import TOPIC_ID, FakeRecord, place
from worker.domain.errors import TransientError
from worker.ingest.partitions.assignment import Assignment, Drained, Rebalanced
from worker.ingest.partitions.marks import BrakeState
from worker.ingest.partitions.opening import KnownStart, Opening
from worker.ingest.partitions.starts import OnTruncation, Start
from worker.kafka.client.polls import UnreadableRecordsError
from worker.kafka.listed_offsets import ListedOffsets
from worker.kafka.record import Committed, Partition

TOPIC = "observations.sportybet"
FIRST = TopicPartition(TOPIC, 0)
SECOND = TopicPartition(TOPIC, 1)
MARK = f"mmw1:{TOPIC_ID}"
NO_LEADER = "Broker: Leader not available"
OTHER_ID = "Zq3nVJ0iSkKZp2bK1yF0Bg"


class Position:
    """A partition's state as the client keeps it."""

    def __init__(self) -> None:
        self.position = 0
        self.has_valid_position = False


class FakeConsumer:
    """As much of the client's consumer as the assignment asks of it."""

    def __init__(self) -> None:
        self.states: dict[TopicPartition, Position] = {}
        self.paused: set[TopicPartition] = set()
        self.commits: list[dict[TopicPartition, OffsetAndMetadata]] = []
        self.commit_error: Exception | None = None
        self.commit_hangs = False
        self.ends: dict[TopicPartition, int] = {}
        assignment = SimpleNamespace(state_value=self.states.get)
        self._subscription = SimpleNamespace(subscription=SimpleNamespace(assignment=assignment))

    def pause(self, *partitions: TopicPartition) -> None:
        self.paused |= set(partitions)

    def resume(self, *partitions: TopicPartition) -> None:
        self.paused -= set(partitions)

    def seek(self, partition: TopicPartition, offset: int) -> None:
        state = self.states.setdefault(partition, Position())
        state.position, state.has_valid_position = offset, True

    def highwater(self, partition: TopicPartition) -> int | None:
        return self.ends.get(partition)

    async def commit(self, offsets: dict[TopicPartition, OffsetAndMetadata]) -> None:
        if self.commit_error is not None:
            raise self.commit_error
        if self.commit_hangs:
            await asyncio.Event().wait()
        self.commits.append(offsets)


@dataclass
class Ground:
    """An assignment with everything around it."""

    watermark_of: dict[int, int] = field(default_factory=dict)
    committed_of: dict[TopicPartition, Committed] = field(default_factory=dict)
    known_before: list[KnownStart] = field(default_factory=list)
    topic_id: str = TOPIC_ID
    log_start: int = 0
    log_end: int = 1000
    leaderless: set[TopicPartition] = field(default_factory=set)
    moved: list[tuple[int, int, int, str]] = field(default_factory=list)
    openings: list[Opening] = field(default_factory=list)
    on_truncation: OnTruncation = "stop"
    # Short only where the test runs into it: nothing may end early because the machine is busy.
    drain_timeout_s: float = 60
    commit_timeout_s: float = 60
    now_s: float = 1_795_348_800
    failures: list[Exception] = field(default_factory=list)
    drains: list[bool] = field(default_factory=list)
    changes: list[str] = field(default_factory=list)
    fatal: list[BaseException] = field(default_factory=list)
    waited: list[int] = field(default_factory=list)
    asked: asyncio.Event = field(default_factory=asyncio.Event)
    waits: asyncio.Event = field(default_factory=asyncio.Event)
    answer: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.answer.set()
        self.consumer = FakeConsumer()
        self.assignment = Assignment(
            self,
            drain_timeout_s=self.drain_timeout_s,
            commit_timeout_s=self.commit_timeout_s,
            retry_delay=self.delay,
            report=self.report,
            on_fatal=self.fatal.append,
            on_truncation=self.on_truncation,
            clock=lambda: self.now_s,
        )
        self.assignment.attach(lambda: cast("AIOKafkaConsumer", self.consumer))

    def report(self, event: Rebalanced | Opening | Drained) -> None:
        match event:
            case Rebalanced(kind):
                self.changes.append(kind)
            case Drained(_, finished):
                self.drains.append(finished)
            case Opening():
                self.openings.append(event)

    def delay(self, attempt: int) -> float:
        self.waited.append(attempt)
        self.waits.set()
        return 0

    async def topic_ids(self, topics: Iterable[str]) -> dict[str, str]:
        self.fail()
        self.asked.set()
        await self.answer.wait()
        return dict.fromkeys(topics, self.topic_id)

    async def committed(
        self, partitions: Iterable[TopicPartition]
    ) -> dict[TopicPartition, Committed]:
        return self.committed_of

    async def known(self, topics: Iterable[str]) -> Sequence[KnownStart]:
        return self.known_before

    async def log_starts(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        self.fail()
        return self.listed(partitions, self.log_start)

    async def high_watermarks(self, partitions: Iterable[TopicPartition]) -> ListedOffsets:
        return self.listed(partitions, self.log_end)

    def listed(self, partitions: Iterable[TopicPartition], offset: int) -> ListedOffsets:
        silent = {place: NO_LEADER for place in partitions if place in self.leaderless}
        answered = set(partitions) - silent.keys()
        return ListedOffsets(dict.fromkeys(answered, offset), silent)

    async def move_watermark(
        self, at: Partition, expected: int, next_offset: int, reason: str
    ) -> None:
        self.moved.append((at.partition, expected, next_offset, reason))
        self.watermark_of[at.partition] = next_offset

    def fail(self) -> None:
        if self.failures:
            raise self.failures.pop(0)

    async def watermarks(self, partitions: Sequence[Partition]) -> dict[Partition, int]:
        return {at: self.watermark_of.get(at.partition, 0) for at in partitions}

    async def assign(self, *partitions: TopicPartition) -> None:
        """Assign and wait until the partitions are open, or opening them has failed."""
        await self.assignment.on_partitions_assigned(set(partitions))
        await self.opened()

    async def opened(self) -> None:
        """Wait until nothing is being opened."""
        await asyncio.gather(*self.assignment._openings)

    @property
    def position(self) -> int:
        return self.consumer.states[FIRST].position

    def fetched(self, *offsets: int, partition: int = 0, behind: int = 1) -> list[FakeRecord]:
        """Records as the client hands them over, its position ``behind`` after the last one."""
        self.consumer.seek(TopicPartition(TOPIC, partition), offsets[-1] + behind)
        return [FakeRecord(partition=partition, offset=offset) for offset in offsets]


async def claimed(ground: Ground, records: Sequence[FakeRecord]) -> list[int]:
    async with ground.assignment.claim(records) as claim:
        return [record.offset for record in claim.first]


async def test_a_partition_is_paused_until_it_is_open_and_then_stands_where_it_is_taken_up() -> (
    None
):
    ground = Ground(watermark_of={0: 7}, committed_of={FIRST: Committed(5, MARK)})
    ground.answer.clear()
    await ground.assignment.on_partitions_assigned({FIRST})
    await ground.asked.wait()
    assert (ground.consumer.paused, ground.assignment.is_open) == ({FIRST}, False)
    ground.answer.set()
    await ground.opened()
    assert (ground.consumer.paused, ground.assignment.is_open) == (set(), True)
    assert ground.consumer.states[FIRST].position == 7
    assert ground.changes == ["assigned", "opened"]


async def test_no_partition_at_all_is_open_once_the_group_has_spoken() -> None:
    ground = Ground()
    assert not ground.assignment.is_open
    await ground.assign()
    assert ground.assignment.is_open


async def test_opening_is_tried_again_while_the_other_side_is_away() -> None:
    ground = Ground(failures=[TransientError("away"), RequestTimedOutError()])
    await ground.assign(FIRST)
    assert ground.assignment.is_open
    assert ground.waited == [0, 1]


async def test_an_error_that_will_not_pass_is_handed_on() -> None:
    ground = Ground(failures=[ValueError("a defect")])
    await ground.assign(FIRST)
    assert [str(error) for error in ground.fatal] == ["a defect"]
    assert not ground.assignment.is_open


async def test_records_of_an_open_partition_are_claimed() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    assert await claimed(ground, ground.fetched(0, 1, 2)) == [0, 1, 2]


async def test_records_are_claimed_though_the_position_is_behind_a_transactions_marker() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    assert await claimed(ground, ground.fetched(0, 1, 2, behind=2)) == [0, 1, 2]


async def test_records_with_gaps_between_them_are_claimed() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    assert await claimed(ground, ground.fetched(3, 7, 12)) == [3, 7, 12]


async def test_records_of_a_partition_that_is_not_ours_are_dropped_and_their_neighbours_are_not() -> (
    None
):
    ground = Ground()
    await ground.assign(FIRST)
    records = [*ground.fetched(0, partition=1), *ground.fetched(5)]
    assert await claimed(ground, records) == [5]


async def test_records_fetched_before_the_partition_was_moved_back_are_dropped() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    records = ground.fetched(0, 1, 2)
    await ground.assignment.on_partitions_revoked({FIRST})
    await ground.assign(FIRST)  # the consumer stands at 0 again
    assert await claimed(ground, records) == []


async def test_records_that_another_worker_took_meanwhile_are_dropped() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    records = ground.fetched(0, 1, 2)
    await ground.assignment.on_partitions_revoked({FIRST})
    ground.watermark_of[0] = 50
    await ground.assign(FIRST)
    assert await claimed(ground, records) == []


async def test_records_half_of_which_another_worker_took_are_dropped_whole() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    records = ground.fetched(0, 1, 2)
    await ground.assignment.on_partitions_revoked({FIRST})
    ground.watermark_of[0] = 2
    await ground.assign(FIRST)
    assert await claimed(ground, records) == []


async def test_nothing_is_claimed_while_draining() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    records = ground.fetched(0)
    assert await ground.assignment.drain()
    assert await claimed(ground, records) == []


async def test_the_next_poll_joins_a_claim_and_is_committed_with_it() -> None:
    ground = Ground()
    await ground.assign(FIRST, SECOND)
    async with ground.assignment.claim(ground.fetched(0, 1)) as claim:
        more = [*ground.fetched(2, 3, behind=2), *ground.fetched(0, partition=1)]
        assert await ground.assignment.extend(claim, more)
        after_a_marker = ground.fetched(5)
        assert await ground.assignment.extend(claim, after_a_marker)
        assert (claim.count, claim.size) == (6, 6 * len(b"{}"))
        await claim.commit({place(): 6, place(1): 1}, [*claim.first, *more, *after_a_marker])
    assert [owned.position for owned in ground.assignment.owned] == [6, 1]


async def test_a_poll_that_needs_a_look_waits_for_a_claim_of_its_own() -> None:
    ground = Ground(committed_of={SECOND: Committed(4, MARK)}, watermark_of={1: 4})
    await ground.assign(FIRST, SECOND)
    async with ground.assignment.claim(ground.fetched(0, 1, 2)) as claim:
        again = ground.fetched(1)
        stale = ground.fetched(3, 4)
        ground.consumer.seek(FIRST, 3)
        not_ours = ground.fetched(0, partition=2)
        gone_back = ground.fetched(3, partition=1)
        for records in (again, stale, not_ours, gone_back):
            assert not await ground.assignment.extend(claim, records)
        assert [record.offset for record in claim.first] == [0, 1, 2]


@pytest.mark.parametrize("failures", [[], [TransientError("away")]])
async def test_a_poll_after_records_that_retention_deleted_waits_for_a_claim_of_its_own(
    failures: list[Exception],
) -> None:
    ground = Ground()
    await ground.assign(FIRST)
    async with ground.assignment.claim(ground.fetched(0)) as claim:
        ground.log_start, ground.failures = 0 if failures else 8, list(failures)
        assert not await ground.assignment.extend(claim, ground.fetched(8))
        ground.log_start = 0
        assert await ground.assignment.extend(
            claim, ground.fetched(8)
        )  # a gap, and nothing deleted


async def test_a_partition_that_was_opened_during_a_claim_is_read_by_the_next_one() -> None:
    ground = Ground()
    ground.answer.clear()
    await ground.assignment.on_partitions_assigned({FIRST})
    async with ground.assignment.claim([]) as claim:
        ground.answer.set()
        await ground.opened()
        records = ground.fetched(0)
        assert not await ground.assignment.extend(claim, records)
    assert await claimed(ground, records) == [0]


async def test_a_claim_that_is_being_revoked_takes_nothing_in() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    async with ground.assignment.claim(ground.fetched(0)) as claim:
        revoking = asyncio.create_task(ground.assignment.on_partitions_revoked({FIRST}))
        await claim.until_over()
        assert claim.is_over
        assert not await ground.assignment.extend(claim, ground.fetched(1))
    await revoking


async def test_a_commit_carries_the_mark_and_says_where_the_partition_stands() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    async with ground.assignment.claim(ground.fetched(0, 1)) as claim:
        await claim.commit({place(): 2}, claim.first)
    assert ground.consumer.commits[1:] == [{FIRST: OffsetAndMetadata(2, MARK)}]
    assert [owned.position for owned in ground.assignment.owned] == [2]


async def test_a_batch_is_committed_and_released_while_the_next_one_is_published() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    ground.consumer.ends = {FIRST: 3}
    async with ground.assignment.claim(ground.fetched(0, 1)) as claim:
        assert await ground.assignment.extend(claim, ground.fetched(2))
        await claim.commit({place(): 2}, claim.first)
        claim.release(claim.first)
        assert (claim.count, claim.size) == (1, len(b"{}"))
        assert [owned.position for owned in ground.assignment.owned] == [2]
        assert await ground.assignment.extend(claim, ground.fetched(3))


async def test_the_seconds_of_lag_are_of_what_is_committed_and_not_of_what_is_published() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    ground.consumer.ends = {FIRST: 10}
    records = ground.fetched(0)
    async with ground.assignment.claim(records) as claim:
        ground.consumer.seek(FIRST, 2)
        newer = FakeRecord(offset=1, timestamp=records[0].timestamp + 60_000)
        assert await ground.assignment.extend(claim, [newer])
        await claim.commit({place(): 1}, records)
        (lag,) = ground.assignment.lags(records[0].timestamp / 1000 + 5)
    assert (lag.records, lag.seconds) == (9, 5)


async def test_a_claim_goes_on_unless_a_log_that_has_changed_is_to_be_looked_up() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    async with ground.assignment.claim(ground.fetched(0)) as claim:
        await ground.assignment.check_topic_ids()  # it does not wait for the end of the claim
        assert not ground.assignment.is_waited_for
        ground.topic_id = OTHER_ID
        checking = asyncio.create_task(ground.assignment.check_topic_ids())
        while not claim.is_wanted_back:  # noqa: ASYNC110  # the check has begun to wait
            await asyncio.sleep(0)
        assert not claim.is_over
        assert not checking.done()
    await checking
    await ground.opened()
    assert [owned.partition.topic_id for owned in ground.assignment.owned] == [OTHER_ID]
    assert not ground.assignment.is_waited_for


async def test_commits_of_a_replay_say_how_far_it_goes_until_it_is_there() -> None:
    ground = Ground(watermark_of={0: 3}, committed_of={FIRST: Committed(0, "")})
    await ground.assign(FIRST)
    for offset in range(3):
        async with ground.assignment.claim(ground.fetched(offset)) as claim:
            await claim.commit({place(): offset + 1}, claim.first)
    marks = [commit[FIRST].metadata for commit in ground.consumer.commits]
    assert marks == [f"{MARK}:replay<3", f"{MARK}:replay<3", f"{MARK}:replay<3", MARK]


async def test_a_batch_from_before_a_rebalance_commits_nothing() -> None:
    ground = Ground(committed_of={FIRST: Committed(0, MARK)}, drain_timeout_s=0.01)
    await ground.assign(FIRST)
    async with ground.assignment.claim(ground.fetched(0, 1)) as claim:
        await ground.assignment.on_partitions_revoked({FIRST})  # the drain runs into its bound
        await ground.assign(FIRST)
        assert claim.is_over
        await claim.commit({place(): 2}, claim.first)
    assert ground.consumer.commits == []


@pytest.mark.parametrize("error", [CommitFailedError(), RequestTimedOutError()])
async def test_a_commit_that_fails_is_left_to_the_next_one(error: Exception) -> None:
    ground = Ground()
    await ground.assign(FIRST)
    ground.consumer.commit_error = error
    async with ground.assignment.claim(ground.fetched(0)) as claim:
        await claim.commit({place(): 1}, claim.first)
    assert ground.fatal == []


async def test_a_commit_is_not_waited_for_beyond_its_bound() -> None:
    ground = Ground(committed_of={FIRST: Committed(0, MARK)})
    await ground.assign(FIRST)
    ground.assignment._commit_timeout_s = 0.01
    ground.consumer.commit_hangs = True
    async with asyncio.timeout(60), ground.assignment.claim(ground.fetched(0)) as claim:
        await claim.commit({place(): 1}, claim.first)
    assert ground.consumer.commits == []


async def test_a_rebalance_waits_for_the_part_in_flight() -> None:
    ground = Ground(committed_of={FIRST: Committed(0, MARK)})
    await ground.assign(FIRST)
    async with ground.assignment.claim(ground.fetched(0)) as claim:
        revoking = asyncio.create_task(ground.assignment.on_partitions_revoked({FIRST}))
        await asyncio.sleep(0)
        assert (claim.is_over, revoking.done()) == (True, False)
        await claim.commit({place(): 1}, claim.first)
    await revoking
    assert ground.consumer.commits == [{FIRST: OffsetAndMetadata(1, MARK)}]
    assert ground.assignment.owned == []


async def test_a_drain_that_takes_too_long_is_told_and_given_up() -> None:
    ground = Ground(drain_timeout_s=0.01)
    await ground.assign(FIRST)
    async with ground.assignment.claim(ground.fetched(0)) as claim:
        assert not await ground.assignment.drain()
        assert claim.is_over
    assert ground.drains == [False]


async def test_a_rebalance_ends_the_opening_of_the_partitions_before_it() -> None:
    ground = Ground()
    ground.answer.clear()
    await ground.assignment.on_partitions_assigned({FIRST})
    await ground.asked.wait()
    await ground.assignment.on_partitions_revoked({FIRST})
    ground.answer.set()
    await ground.assign(SECOND)
    assert [owned.partition.partition for owned in ground.assignment.owned] == [1]
    assert FIRST not in ground.consumer.states


async def test_lag_is_what_lies_between_the_position_and_the_end_and_the_age_of_the_newest_record() -> (
    None
):
    ground = Ground()
    await ground.assign(FIRST, SECOND)
    ground.consumer.ends = {FIRST: 10, SECOND: 0}
    records = ground.fetched(0, 1)
    async with ground.assignment.claim(records) as claim:
        await claim.commit({place(): 2}, claim.first)
    first, second = sorted(ground.assignment.lags(records[-1].timestamp / 1000 + 30))
    assert (first.records, first.seconds) == (8, 30)
    assert (second.records, second.seconds) == (0, 0)


async def test_a_partition_of_which_nothing_was_processed_lags_since_it_was_opened() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    ground.consumer.ends = {FIRST: 10}
    (lag,) = ground.assignment.lags(ground.now_s + 20)
    assert (lag.records, lag.seconds) == (10, 20)


async def test_the_marker_behind_the_last_record_is_no_lag() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    ground.consumer.ends = {FIRST: 3}
    async with ground.assignment.claim(ground.fetched(0, 1, behind=2)) as claim:
        await claim.commit({place(): 2}, claim.first)
    (lag,) = ground.assignment.lags(ground.now_s)
    assert (lag.records, lag.seconds) == (0, 0)


async def test_a_marker_is_no_lag_either_while_other_partitions_keep_the_worker_busy() -> None:
    ground = Ground()
    await ground.assign(FIRST, SECOND)
    ground.consumer.ends = {FIRST: 3, SECOND: 5}
    in_transaction = ground.fetched(0, 1, behind=2)

    def lags() -> list[int]:
        return [lag.records for lag in sorted(ground.assignment.lags(ground.now_s))]

    async with ground.assignment.claim(in_transaction) as claim:
        assert lags() == [3, 5]
        ground.consumer.seek(SECOND, 1)
        assert await ground.assignment.extend(claim, [FakeRecord(partition=1, offset=0)])
        assert lags() == [3, 5]  # nothing is counted yet
        await claim.commit({place(): 2}, in_transaction)
        assert lags() == [0, 5]
        ground.consumer.seek(SECOND, 4)  # more is fetched, and not taken in
        assert lags() == [0, 5]
    async with ground.assignment.claim([FakeRecord(partition=1, offset=3)]):
        assert lags() == [0, 5]


async def test_watermarks_that_others_moved_are_taken_over() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    async with ground.assignment.claim(ground.fetched(0)) as claim:
        claim.watermarks_are({place(): 9})
        assert claim.watermarks([place()]) == {place(): 9}
    assert [lag.watermark for lag in ground.assignment.lags(0)] == [9]


async def test_a_partition_that_is_opened_commits_where_it_is_taken_up() -> None:
    ground = Ground(watermark_of={0: 7}, committed_of={FIRST: Committed(5, MARK)})
    await ground.assign(FIRST)
    assert ground.consumer.commits == [{FIRST: OffsetAndMetadata(7, MARK)}]


async def test_what_is_committed_already_is_not_committed_again() -> None:
    ground = Ground(watermark_of={0: 7}, committed_of={FIRST: Committed(7, MARK)})
    await ground.assign(FIRST)
    assert ground.consumer.commits == []


async def test_an_operators_reset_is_committed_as_the_replay_that_it_orders() -> None:
    ground = Ground(watermark_of={0: 7}, committed_of={FIRST: Committed(2, "")})
    await ground.assign(FIRST)
    assert ground.consumer.commits == [{FIRST: OffsetAndMetadata(2, f"{MARK}:replay<7")}]


async def test_the_commit_comes_before_the_first_record_is_fetched() -> None:
    ground = Ground()
    ground.consumer.commit_hangs = True
    await ground.assignment.on_partitions_assigned({FIRST})
    while not ground.assignment._commits:  # noqa: ASYNC110  # the commit has begun
        await asyncio.sleep(0)
    assert ground.consumer.paused == {FIRST}
    for commit in ground.assignment._commits:
        commit.reschedule(0)  # it ends without an answer
    await ground.opened()
    assert (ground.consumer.paused, ground.assignment.is_open) == (set(), True)


async def test_a_commit_under_way_ends_when_the_drain_is_given_up() -> None:
    ground = Ground(committed_of={FIRST: Committed(0, MARK)}, drain_timeout_s=0.01)
    await ground.assign(FIRST)
    ground.consumer.commit_hangs = True
    async with asyncio.timeout(60), ground.assignment.claim(ground.fetched(0)) as claim:
        committing = asyncio.create_task(claim.commit({place(): 1}, claim.first))
        await asyncio.sleep(0)
        assert not await ground.assignment.drain()
        await committing


async def test_records_that_an_operator_skipped_are_recorded_before_the_first_one_is_read() -> None:
    ground = Ground(watermark_of={0: 7}, committed_of={FIRST: Committed(20, "")})
    await ground.assign(FIRST)
    assert ground.moved == [(0, 7, 20, "SKIP_FORWARD: 13 offsets (operator)")]
    assert [owned.watermark for owned in ground.assignment.owned] == [20]
    assert [opening.start.case for opening in ground.openings] == ["SKIP_FORWARD"]


async def test_a_partition_whose_log_is_truncated_is_not_read_and_its_neighbours_are() -> None:
    ground = Ground(watermark_of={0: 70, 1: 30}, log_end=50)
    await ground.assign(FIRST, SECOND)
    assert ground.consumer.paused == {FIRST}
    assert [(each.partition.partition, each.cause) for each in ground.assignment.stopped] == [
        (0, "TRUNCATED")
    ]
    assert [owned.partition.partition for owned in ground.assignment.owned] == [1]
    assert ground.assignment.is_open
    assert ground.consumer.commits[0][FIRST] == OffsetAndMetadata(50, f"{MARK}:truncated@50")
    assert ground.moved == []


async def test_a_truncated_log_goes_on_at_its_end_when_that_is_the_policy() -> None:
    ground = Ground(watermark_of={0: 70}, log_end=50, on_truncation="continue")
    await ground.assign(FIRST)
    assert ground.moved == [(0, 70, 50, "TRUNCATED: 20 offsets (truncation)")]
    assert (ground.position, ground.assignment.stopped) == (50, [])


async def test_a_stopped_partition_is_told_once_and_goes_on_when_its_watermark_was_set_back() -> (
    None
):
    ground = Ground(watermark_of={0: 70}, log_end=50)
    await ground.assign(FIRST)
    ground.committed_of = {FIRST: Committed(50, f"{MARK}:truncated@50")}
    ground.log_end = 500
    await ground.assignment.check_topic_ids()
    await ground.opened()
    assert len(ground.openings) == len(ground.assignment.stopped) == 1
    ground.watermark_of[0] = 50
    await ground.assignment.check_topic_ids()
    await ground.opened()
    assert (ground.position, ground.assignment.stopped, ground.consumer.paused) == (50, [], set())


async def test_records_from_before_the_position_reopen_their_partition_and_are_not_processed() -> (
    None
):
    ground = Ground(watermark_of={0: 70})
    await ground.assign(FIRST, SECOND)
    ground.topic_id = OTHER_ID
    ground.watermark_of[0] = 0
    assert await claimed(
        ground, [*ground.fetched(*range(80)), *ground.fetched(4, partition=1)]
    ) == [4]
    await ground.opened()
    assert ground.openings[-1] == Opening(
        Partition(TOPIC, 0, OTHER_ID), None, Start("FIRST_START", 0, 0)
    )
    assert await claimed(ground, ground.fetched(0, 1)) == [0, 1]


async def test_a_jump_over_records_that_were_deleted_reopens_the_partition() -> None:
    ground = Ground(watermark_of={0: 10})
    await ground.assign(FIRST)
    ground.log_start = 30
    assert await claimed(ground, ground.fetched(30, 31)) == []
    await ground.opened()
    assert ground.openings[-1].start == Start("RETENTION_GAP", 30, 30, 0, 20, "retention")
    assert await claimed(ground, ground.fetched(30, 31)) == [30, 31]


async def test_a_jump_that_the_cluster_cannot_explain_now_reopens_the_partition() -> None:
    ground = Ground(watermark_of={0: 10})
    await ground.assign(FIRST)
    ground.failures = [TransientError("away"), TransientError("away")]
    assert await claimed(ground, ground.fetched(30, 31)) == []
    await ground.opened()
    assert (ground.position, ground.assignment.is_open) == (10, True)


async def test_nothing_is_claimed_or_opened_again_when_partitions_are_given_up_meanwhile() -> None:
    ground = Ground(watermark_of={0: 10})
    await ground.assign(FIRST)
    draining: list[asyncio.Task[bool]] = []

    async def log_starts(partitions: Iterable[TopicPartition]) -> ListedOffsets:
        draining.append(asyncio.create_task(ground.assignment.drain()))
        await asyncio.sleep(0)
        return ListedOffsets(dict.fromkeys(partitions, 30), {})

    ground.log_starts = log_starts  # type: ignore[method-assign]  # a rebalance begins while it is asked
    assert await claimed(ground, ground.fetched(30, 31)) == []
    assert await draining[0]
    assert not ground.assignment._openings


async def test_a_check_opens_nothing_again_while_partitions_are_given_up() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    ground.topic_id = OTHER_ID
    assert await ground.assignment.drain()
    await ground.assignment.check_topic_ids()
    assert not ground.assignment._openings


async def test_a_topic_that_was_created_again_unnoticed_is_found_by_its_id() -> None:
    ground = Ground(watermark_of={0: 10}, known_before=[KnownStart(TOPIC, TOPIC_ID, 0, 10)])
    await ground.assign(FIRST)
    await ground.assignment.check_topic_ids()
    assert not ground.assignment._openings
    ground.topic_id, ground.watermark_of[0] = OTHER_ID, 0
    await ground.assignment.check_topic_ids()
    await ground.opened()
    assert [opening.start.case for opening in ground.openings] == ["AFTER_CRASH", "RECREATED"]
    assert ground.position == 0


async def test_a_log_that_was_emptied_below_the_position_is_found_though_nothing_is_fetched() -> (
    None
):
    ground = Ground(watermark_of={0: 70})
    await ground.assign(FIRST)
    ground.log_end = 0
    await ground.assignment.check_topic_ids()
    await ground.opened()
    assert ["its log ended at 0," in each.sentence for each in ground.assignment.stopped] == [True]


async def test_records_that_were_deleted_with_none_behind_them_are_found() -> None:
    ground = Ground(watermark_of={0: 10})
    await ground.assign(FIRST)
    ground.log_start = 30
    await ground.assignment.check_topic_ids()
    assert not ground.assignment._openings, "what is fetched already may still be processed"
    ground.consumer.seek(FIRST, 30)  # what the client does by itself
    await ground.assignment.check_topic_ids()
    await ground.opened()
    assert ground.openings[-1].start == Start("RETENTION_GAP", 30, 30, 0, 20, "retention")


async def test_a_check_that_is_not_answered_is_left_to_the_next_one() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    ground.failures = [TransientError("away")]
    await ground.assignment.check_topic_ids()
    assert ground.assignment.is_open


async def test_a_topic_created_again_while_it_is_looked_up_is_looked_up_again() -> None:
    ground = Ground()
    ids = iter([TOPIC_ID, OTHER_ID, OTHER_ID, OTHER_ID])

    async def topic_ids(topics: Iterable[str]) -> dict[str, str]:
        return dict.fromkeys(topics, next(ids))

    ground.topic_ids = topic_ids  # type: ignore[method-assign]  # a topic that changes
    await ground.assign(FIRST)
    assert [owned.partition.topic_id for owned in ground.assignment.owned] == [OTHER_ID]
    assert ground.waited == [0]


async def test_a_replay_goes_as_far_as_another_worker_has_counted_meanwhile() -> None:
    ground = Ground(watermark_of={0: 3}, committed_of={FIRST: Committed(0, "")})
    await ground.assign(FIRST)
    for offset, found in [(2, 5), (4, 5), (5, 6)]:
        async with ground.assignment.claim(ground.fetched(offset)) as claim:
            claim.watermarks_are({place(): found})
            await claim.commit({place(): offset + 1}, claim.first)
    marks = [commit[FIRST].metadata for commit in ground.consumer.commits]
    assert marks == [f"{MARK}:replay<3", f"{MARK}:replay<5", MARK, MARK]


def test_without_a_started_consumer_there_is_none_to_ask() -> None:
    ground = Ground()
    ground.assignment.attach(lambda: cast("Any", None))
    with pytest.raises(RuntimeError, match="not started"):
        _ = ground.assignment.consumer


def unreadable(offset: int) -> UnreadableRecordsError:
    return UnreadableRecordsError(FIRST, offset, ValueError("unpacks to too much"))


async def test_an_unreadable_partition_is_stopped_alone_and_what_was_fetched_before_is_taken() -> (
    None
):
    ground = Ground()
    await ground.assign(FIRST, SECOND)
    ground.consumer.seek(FIRST, 2)
    ground.assignment.stop_unreadable(FIRST, unreadable(2))
    (stopped,) = ground.assignment.stopped
    assert (stopped.cause, "from offset 2 on" in stopped.sentence) == ("UNREADABLE", True)
    assert ground.consumer.paused == {FIRST}
    assert ground.assignment.is_open
    assert [owned.partition.partition for owned in ground.assignment.owned] == [1]
    async with ground.assignment.claim([FakeRecord(offset=0), FakeRecord(offset=1)]) as claimed:
        assert [record.offset for record in claimed.first] == [0, 1]


async def test_an_unreadable_place_that_is_read_elsewhere_by_now_stops_nothing() -> None:
    ground = Ground()
    await ground.assign(FIRST)
    ground.consumer.seek(FIRST, 9)
    ground.assignment.stop_unreadable(FIRST, unreadable(2))
    ground.assignment.stop_unreadable(SECOND, unreadable(9))
    assert ground.assignment.stopped == []


async def test_a_partition_that_the_brake_stopped_drops_what_was_fetched_and_commits_what_it_knew() -> (
    None
):
    ground = Ground()
    await ground.assign(FIRST, SECOND)
    ground.consumer.seek(FIRST, 3)
    at = Partition(TOPIC, 0, TOPIC_ID)
    async with ground.assignment.claim([FakeRecord(offset=0)]) as claimed:
        await claimed.commit({at: 1}, claimed.first)
        await claimed.stop(at, "too many", BrakeState(run_from=0, run=1, dead=1, window=1))
    assert ground.consumer.commits[-1][FIRST] == OffsetAndMetadata(1, f"{MARK}:brake@0/1/1/1")
    assert [stopped.cause for stopped in ground.assignment.stopped] == ["BRAKE"]
    async with ground.assignment.claim([FakeRecord(offset=1), FakeRecord(offset=2)]) as claimed:
        assert claimed.first == []
    assert ground.assignment.position_of(FIRST) == 1


async def test_the_next_owner_gets_what_the_brake_knew_once_and_leaves_the_commit_as_it_is() -> (
    None
):
    mark = f"{MARK}:brake@0/7/7/9"
    ground = Ground(watermark_of={0: 7}, committed_of={FIRST: Committed(7, mark)})
    await ground.assign(FIRST)
    assert FIRST not in (ground.consumer.commits or [{}])[-1]
    for expected in ({Partition(TOPIC, 0, TOPIC_ID): BrakeState(0, 7, 7, 9)}, {}):
        async with ground.assignment.claim([]) as claimed:
            assert claimed.taken_brakes() == expected


async def test_after_a_reset_what_the_brake_knew_is_forgotten() -> None:
    mark = f"{MARK}:brake@0/7/7/9"
    ground = Ground(watermark_of={0: 9}, committed_of={FIRST: Committed(7, mark)})
    await ground.assign(FIRST)
    async with ground.assignment.claim([]) as claimed:
        assert claimed.taken_brakes() == {}


async def test_a_stopped_partition_goes_on_when_retention_has_deleted_what_stopped_it() -> None:
    ground = Ground(watermark_of={0: 2})
    await ground.assign(FIRST)
    ground.assignment.stop_unreadable(FIRST, unreadable(2))
    assert ground.assignment.stopped
    ground.log_start = 5
    await ground.assignment.check_topic_ids()
    await ground.opened()
    assert ground.assignment.stopped == []
    assert ground.position == 5
    assert ground.consumer.paused == set()


async def until_not_opened(ground: Ground, *places: TopicPartition) -> None:
    """Wait until it is known that nobody answers for these partitions, and what else there is is open."""
    await ground.waits.wait()
    assert ground.assignment.not_opened.keys() == set(places)
    assert ground.assignment.is_settled


async def test_a_partition_without_a_leader_keeps_its_neighbour_from_nothing() -> None:
    ground = Ground(watermark_of={0: 7, 1: 8}, leaderless={SECOND})
    await ground.assignment.on_partitions_assigned({FIRST, SECOND})
    await until_not_opened(ground, SECOND)
    assert [owned.partition.partition for owned in ground.assignment.owned] == [0]
    assert ground.consumer.paused == {SECOND}
    assert await claimed(ground, ground.fetched(7, 8)) == [7, 8]
    assert ground.assignment.not_opened == {SECOND: NO_LEADER}
    assert not ground.assignment.is_open
    ground.leaderless.clear()
    await ground.opened()
    assert (ground.consumer.paused, ground.assignment.is_open) == (set(), True)
    assert ground.consumer.states[SECOND].position == 8
    assert ground.assignment.not_opened == {}
    assert [opening.place for opening in ground.openings] == [FIRST, SECOND], "each is opened once"


async def test_what_cannot_be_opened_is_tried_again_with_longer_pauses() -> None:
    ground = Ground(leaderless={SECOND})
    await ground.assignment.on_partitions_assigned({FIRST, SECOND})
    for _ in range(3):
        ground.waits.clear()
        await until_not_opened(ground, SECOND)
    assert ground.waited == [0, 1, 2]
    await ground.assignment.drain()


async def test_a_partition_without_a_leader_does_not_become_known_before_it_is_opened() -> None:
    known = [KnownStart(TOPIC, TOPIC_ID, 0, 10)]
    ground = Ground(watermark_of={0: 10}, known_before=known, leaderless={SECOND})
    asked: list[int] = []

    async def watermarks(partitions: Sequence[Partition]) -> dict[Partition, int]:
        asked.extend(at.partition for at in partitions)
        return {at: ground.watermark_of.get(at.partition, 0) for at in partitions}

    ground.watermarks = watermarks  # type: ignore[method-assign]  # asking for them makes partitions known
    await ground.assignment.on_partitions_assigned({FIRST, SECOND})
    await until_not_opened(ground, SECOND)
    assert asked == [0]
    ground.leaderless.clear()
    await ground.opened()
    assert asked == [0, 1]
    assert ground.openings[-1].start.case == "NEW_PARTITION"


async def test_a_partition_whose_leader_is_away_is_given_up_like_any_other() -> None:
    ground = Ground(leaderless={SECOND})
    await ground.assignment.on_partitions_assigned({FIRST, SECOND})
    await until_not_opened(ground, SECOND)
    await ground.assignment.on_partitions_revoked({FIRST, SECOND})
    assert (ground.assignment.not_opened, ground.assignment._openings) == ({}, {})


async def test_a_check_sees_to_the_others_of_a_partition_without_a_leader() -> None:
    ground = Ground(watermark_of={0: 70, 1: 70})
    await ground.assign(FIRST, SECOND)
    ground.leaderless, ground.log_end = {SECOND}, 0
    await ground.assignment.check_topic_ids()
    await ground.opened()
    stopped = [each.partition.partition for each in ground.assignment.stopped]
    assert stopped == [0], "of the other one it is not known where its log ends"
    assert [owned.partition.partition for owned in ground.assignment.owned] == [1]


async def test_a_jump_in_a_partition_that_lost_its_leader_opens_that_one_again() -> None:
    ground = Ground(watermark_of={0: 10, 1: 10})
    await ground.assign(FIRST, SECOND)
    ground.leaderless = {SECOND}
    records = [*ground.fetched(12, 13), *ground.fetched(12, 13, partition=1)]
    async with ground.assignment.claim(records) as claim:
        assert [(record.partition, record.offset) for record in claim.first] == [(0, 12), (0, 13)]
    await until_not_opened(ground, SECOND)
    ground.leaderless.clear()
    await ground.opened()
    assert ground.consumer.states[SECOND].position == 10
