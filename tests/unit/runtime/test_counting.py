import asyncio
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, cast

import orjson
import pytest
from structlog.testing import capture_logs

from tests.support.records import TOPIC_ID, place
from worker.domain.books.rows import ParsedRow, Selection
from worker.domain.errors import FatalError, TransientError
from worker.domain.misses import Sighting, Tally, tally
from worker.domain.resolve import Miss
from worker.ingest.handler import CountsRefusedError, WatermarksMovedError
from worker.ingest.partitions.opening import KnownStart
from worker.runtime.counting import LedgerWriter, Retried, miss_row
from worker.storage.errors import StorageFatal, StorageRefused, StorageUnavailable
from worker.storage.ledger import Counted, Ledger, MissRow, Overflow
from worker.storage.watermarks import KnownWatermark, WatermarkConflict, WatermarkKey, WatermarkMove

MOVES = [(place(0), 3, 7)]
ROW = ParsedRow("900001", "total=1.5", "Cards", [Selection("Yes", None, "1.5", True)])  # active


def sighting(minute: int, name: str | None = "Cards") -> Sighting:
    missed = Miss("900001", name, "UNKNOWN_MARKET", None, [ROW])
    return Sighting(
        "sportybet",
        (missed,),
        datetime(2026, 11, 22, 12, minute, tzinfo=UTC),
        7,
        ("t", 0, minute),
        event=1,
    )


COUNTS: Tally = tally([sighting(5), sighting(2)])


class Table:
    """A ledger that gives what the test put there, or raises it."""

    def __init__(self, *answers: int | Exception) -> None:
        self.answers = list(answers)
        self.overflows: tuple[Overflow, ...] = ()
        self.commits: list[tuple[Sequence[WatermarkMove], Sequence[MissRow]]] = []
        self.changes: list[tuple[str, int, int, str, str]] = []

    def _answer(self) -> int:
        answer = self.answers.pop(0)
        if isinstance(answer, Exception):
            raise answer
        return answer

    async def commit(self, moves: Sequence[WatermarkMove], misses: Sequence[MissRow]) -> Counted:
        self.commits.append((moves, misses))
        return Counted(self._answer(), self.overflows)

    async def known(self, topics: Sequence[str]) -> list[KnownWatermark]:
        offset = self._answer()
        return [KnownWatermark(topic, TOPIC_ID, 0, offset) for topic in topics]

    async def set_back(
        self, at: WatermarkKey, expected: int, next_offset: int, *, actor: str, reason: str
    ) -> None:
        self.changes.append(("set_back", expected, next_offset, actor, reason))
        self._answer()

    async def skip_to(
        self, at: WatermarkKey, expected: int, next_offset: int, *, actor: str, reason: str
    ) -> None:
        self.changes.append(("skip_to", expected, next_offset, actor, reason))
        self._answer()

    async def open_partitions(
        self, partitions: Sequence[WatermarkKey]
    ) -> dict[tuple[str, int], int]:
        offset = self._answer()
        return {(at.topic_id, at.partition): offset for at in partitions}


class Ground:
    def __init__(self, *answers: int | Exception) -> None:
        self.table = Table(*answers)
        self.waited: list[int] = []
        self.retried: list[str | None] = []
        self.blocked: list[str | None] = []
        self.first_sightings = 0
        self.overflowed: list[tuple[str, int]] = []
        self.counting = LedgerWriter(
            cast("Ledger", self.table),
            retry_delay=self.delay,
            report=self.report,
            on_first_sighting=self.seen,
        )

    def report(self, event: Retried | Overflow) -> None:
        if isinstance(event, Retried):
            self.retried.append(event.sqlstate)
        else:
            self.overflowed.append((event.source, event.occurrences))

    def delay(self, attempt: int) -> float:
        self.waited.append(attempt)
        self.blocked.append(self.counting.blocked_by)
        return 0

    def seen(self) -> None:
        self.first_sightings += 1


async def test_moves_and_counts_go_to_the_table_together() -> None:
    ground = Ground(0)
    await ground.counting.add(MOVES, COUNTS)
    ((moves, rows),) = ground.table.commits
    assert moves == [WatermarkMove(TOPIC_ID, "observations.sportybet", 0, 3, 7)]
    assert [(row.source, row.external_market_id, row.occurrence_count) for row in rows] == [
        ("sportybet", "900001", 2)
    ]


def test_a_row_tells_when_it_was_seen_first_and_last_and_shows_the_newest() -> None:
    newest_without_name = tally([sighting(2), sighting(5, name=None)])
    ((key, count),) = newest_without_name.items()
    row = miss_row(key, count)
    assert (row.first_seen_at.minute, row.last_seen_at.minute) == (2, 5)
    assert (row.market_name, row.reason, row.mapping_version) == (None, "UNKNOWN_MARKET", 7)
    assert orjson.loads(row.sample_outcomes) == [
        {"label": "Yes", "odds": 1.5, "qualifier": "total=1.5"}
    ]


@pytest.mark.parametrize(("first", "told"), [(0, 0), (3, 1)])
async def test_only_a_first_sighting_is_told(first: int, told: int) -> None:
    ground = Ground(first)
    await ground.counting.add(MOVES, COUNTS)
    assert ground.first_sightings == told


async def test_what_overflows_is_told_each_time_and_logged_once_an_hour() -> None:
    ground = Ground(0, 0, 0)
    noon = datetime(2026, 11, 22, 12, tzinfo=UTC)
    with capture_logs() as logs:
        for hour in (noon, noon, noon + timedelta(hours=1)):
            ground.table.overflows = (Overflow("sportybet", hour, 3),)
            await ground.counting.add(MOVES, COUNTS)
    assert ground.overflowed == [("sportybet", 3)] * 3
    assert [entry["event"] for entry in logs] == ["unmapped_overflow"] * 2


async def test_a_database_that_is_away_is_waited_for_and_told_meanwhile() -> None:
    ground = Ground(StorageUnavailable("no answer"), StorageUnavailable("full", "53300"), 0)
    await ground.counting.add(MOVES, COUNTS)
    assert len(ground.table.commits) == 3
    assert (ground.waited, ground.retried) == ([0, 1], [None, "53300"])
    assert ground.blocked == [
        "the database does not answer: no answer",
        "the database does not answer: full",
    ]
    assert ground.counting.blocked_by is None


async def test_a_watermark_that_stands_elsewhere_is_told_to_the_handler() -> None:
    ground = Ground(WatermarkConflict({(TOPIC_ID, 0): 5}))
    with pytest.raises(WatermarksMovedError) as moved:
        await ground.counting.add(MOVES, COUNTS)
    assert moved.value.current == {place(0): 5}
    assert len(ground.table.commits) == 1


async def test_a_conflict_after_an_outage_ends_the_outage() -> None:
    ground = Ground(StorageUnavailable("away"), WatermarkConflict({(TOPIC_ID, 0): 7}))
    with pytest.raises(WatermarksMovedError):
        await ground.counting.add(MOVES, COUNTS)
    assert ground.counting.blocked_by is None


async def test_a_watermark_that_has_vanished_is_fatal() -> None:
    with pytest.raises(FatalError, match="vanished"):
        await Ground(WatermarkConflict({})).counting.add(MOVES, COUNTS)


async def test_a_watermark_that_went_back_is_fatal() -> None:
    """What lies between is to be counted anew, and that begins with where the partition is taken up."""
    with pytest.raises(FatalError, match="went back"):
        await Ground(WatermarkConflict({(TOPIC_ID, 0): 2})).counting.add(MOVES, COUNTS)


@pytest.mark.parametrize(("next_offset", "direction"), [(3, "set_back"), (9, "skip_to")])
async def test_a_watermark_is_moved_with_who_and_why(next_offset: int, direction: str) -> None:
    ground = Ground(0)
    await ground.counting.move_watermark(place(0), 7, next_offset, "why")
    assert ground.table.changes == [(direction, 7, next_offset, "worker", "why")]


async def test_a_move_that_another_worker_forestalls_can_be_tried_again() -> None:
    ground = Ground(WatermarkConflict({(TOPIC_ID, 0): 8}))
    with pytest.raises(TransientError, match="another worker counts"):
        await ground.counting.move_watermark(place(0), 7, 9, "why")


async def test_what_is_known_is_told_and_an_absent_database_is_named() -> None:
    ground = Ground(StorageUnavailable("away"), 5)
    with pytest.raises(TransientError):
        await ground.counting.known(["observations.sportybet"])
    assert ground.counting.blocked_by == "the database does not answer: away"
    assert await ground.counting.known(["observations.sportybet"]) == [
        KnownStart("observations.sportybet", TOPIC_ID, 0, 5)
    ]
    assert ground.counting.blocked_by is None


async def test_what_neither_a_retry_nor_other_values_mend_is_fatal() -> None:
    ground = Ground(StorageFatal("no", "42P01"))
    with pytest.raises(FatalError, match="refuses the counts"):
        await ground.counting.add(MOVES, COUNTS)
    assert ground.waited == []


async def test_values_that_the_database_refuses_are_told_to_the_handler_with_the_sqlstate() -> None:
    ground = Ground(StorageUnavailable("away"), StorageRefused("integer out of range", "22003"))
    with pytest.raises(CountsRefusedError) as refused:
        await ground.counting.add(MOVES, COUNTS)
    assert refused.value.detail == "22003: integer out of range"
    assert ground.waited == [0]
    assert ground.counting.blocked_by is None


async def test_waiting_for_the_database_can_be_cancelled() -> None:
    ground = Ground(*[StorageUnavailable("away")] * 1000)
    retried = asyncio.Event()
    ground.counting._report = lambda _: retried.set()
    adding = asyncio.create_task(ground.counting.add(MOVES, COUNTS))
    await retried.wait()
    adding.cancel()
    with pytest.raises(asyncio.CancelledError):
        await adding


async def test_watermarks_are_read_by_partition() -> None:
    assert await Ground(9).counting.watermarks([place(0), place(1)]) == {place(0): 9, place(1): 9}


async def test_watermarks_of_a_database_that_is_away_can_be_asked_for_again() -> None:
    with pytest.raises(TransientError, match="does not answer"):
        await Ground(StorageUnavailable("away")).counting.watermarks([place()])


def test_nothing_counted_is_no_row() -> None:
    none: Any = tally([])
    assert none == {}
