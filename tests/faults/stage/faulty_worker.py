"""A worker, a snapshot process or an insight process that dies or freezes where a test wants it to.

It is the product's command with its classes wrapped. Without the environment variables it is the product.
"""

from __future__ import annotations

import asyncio
import functools
import os
import sys
from collections.abc import Awaitable, Callable, Coroutine, Mapping, Sequence
from contextlib import suppress
from contextvars import ContextVar
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import ModuleType
from typing import Any

from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from asyncpg.prepared_stmt import PreparedStatement
from asyncpg.transaction import Transaction
from sqlalchemy import Engine, event

from tests.faults.stage.switchboard import FOLDER_VARIABLE, PROCESS_VARIABLE, Points
from tests.faults.stage.weakened import WEAKNESS_VARIABLE, WEAKNESSES
from worker.cli.main import main
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.partitions.claim import PartitionClaim
from worker.insight.watching import following, turns
from worker.kafka.producer import Outputs
from worker.kafka.record import Outgoing, Partition, Record
from worker.runtime.announcer import Announcer
from worker.runtime.snapshot import partition
from worker.storage.insight import alarms, evidence, evidence_sql, shapes
from worker.storage.insight.shapes import StoredHour
from worker.storage.ledger import Counted, Ledger, MissRow
from worker.storage.watermarks import WatermarkMove

_announcing: ContextVar[bool] = ContextVar("announcing", default=False)
_counting: ContextVar[bool] = ContextVar("counting", default=False)
_saving: ContextVar[bool] = ContextVar("saving", default=False)
_NEXT_BATCH_S = 5.0
AnyCoroutine = Callable[..., Coroutine[Any, Any, Any]]


def instrument(points: Points) -> None:
    """Put a point before, in and after every step of the road of a batch."""
    _publishing(points)
    _counting_step(points)
    _committing(points)
    _assignment(points)


def instrument_snapshot(points: Points) -> None:
    """Put a point at every step of opening a partition of the newest odds, and of a batch."""
    _wrap(
        partition,
        "_read_back",
        before=lambda: points.passing("latest.fenced"),
        after=lambda: points.passing("latest.restored"),
    )
    _wrap(
        partition.LatestPartition,
        "take",
        before=lambda: points.passing("latest.read"),
        after=lambda: points.passing("latest.written"),
    )
    _wrap(AIOKafkaProducer, "begin_transaction", after=lambda: points.passing("latest.begun"))
    _wrap(
        AIOKafkaProducer,
        "commit_transaction",
        before=lambda: points.passing("latest.sent"),
        underway=lambda _: points.is_due("latest.committing"),
        then=lambda: points.strike("latest.committing"),
    )
    _wrap(
        AIOKafkaConsumer,
        "commit",
        underway=lambda _: points.is_due("latest.committing_offset"),
        then=lambda: points.strike("latest.committing_offset"),
        after=lambda: points.passing("latest.done"),
    )


def instrument_insight(points: Points) -> None:
    """Put a point at every step of a turn of the insight process."""
    _wrap(
        following.Insight,
        "_restored",
        before=lambda: points.passing("insight.led"),
        after=lambda: points.passing("insight.restored"),
    )
    _wrap(turns.Judging, "_store_events", after=lambda: points.passing("insight.committed"))
    _wrap(
        evidence,
        "save_event",
        before=lambda: points.passing("insight.taken"),
        after=lambda: points.passing("insight.stored"),
    )
    _wrap(evidence, "keep_events", after=lambda: points.passing("insight.kept"))
    _wrap(
        AIOKafkaConsumer,
        "commit",
        underway=lambda _: points.is_due("insight.committing"),
        then=lambda: points.strike("insight.committing"),
    )
    save = evidence.save_evidence

    async def save_with_points(*arguments: Any) -> None:
        points.passing("insight.compared")
        with _set(_saving):
            await save(*arguments)

    evidence.save_evidence = save_with_points  # type: ignore[assignment]  # it is meant
    _wrap(
        PreparedStatement,
        "fetch",
        underway=lambda _: _saving.get() and points.is_due("insight.saving"),
        then=lambda: points.strike("insight.saving"),
    )
    save_hour = shapes.save_hour

    async def save_hour_with_points(connection: Any, hour: StoredHour) -> None:
        # Of a day of hours nearly all are empty; the newest is counted again and again.
        if hour.observations or hour.hour > datetime.now(UTC) - timedelta(hours=1):
            points.passing("insight.counted")
        await save_hour(connection, hour)

    shapes.save_hour = save_hour_with_points  # it is meant
    run_statement = evidence._run
    after = {
        evidence_sql.SAVE_EVIDENCE: "insight.saved",
        evidence_sql.DROP_SUGGESTIONS: "insight.dropped",
        evidence_sql.SAVE_SUGGESTIONS: "insight.suggested",
    }

    async def run_with_points(connection: Any, statement: Any, **parameters: Any) -> None:
        await run_statement(connection, statement, **parameters)
        if point := after.get(statement):
            points.passing(point)

    evidence._run = run_with_points  # it is meant
    _wrap(alarms, "raise_alarm", after=lambda: points.passing("insight.raised"))
    _wrap(AIOKafkaProducer, "commit_transaction", before=lambda: points.passing("insight.grading"))
    _wrap(turns.Judging, "_turn", after=lambda: points.passing("insight.turned"))


_INSTRUMENTS: dict[str, Callable[[Points], None]] = {
    "worker": instrument,
    "snapshot": instrument_snapshot,
    "insight": instrument_insight,
}


def _publishing(points: Points) -> None:
    send = Outputs.send

    async def send_with_points(self: Outputs, outputs: Sequence[Outgoing]) -> None:
        if _announcing.get():
            return await _around("announce", points, send(self, outputs)) if outputs else None
        points.passing("publish.before")
        points.in_flight += len(outputs)
        if points.is_due("publish.middle"):
            half = len(outputs) // 2
            await send(self, outputs[:half])
            points.strike("publish.middle")
            outputs = outputs[half:]  # it was frozen, and goes on
        await send(self, outputs)
        if ahead := _published_ahead.get(points):
            points.passing("publish.ahead")
            ahead.set()
        return points.passing("publish.after")

    Outputs.send = send_with_points  # type: ignore[method-assign]  # it is meant
    _wrap(AIOKafkaProducer, "send_batch", after=lambda: points.passing("publish.unacknowledged"))
    announce = Announcer._announce_some

    async def marked(self: Announcer) -> int:
        with _set(_announcing):
            return await announce(self)

    Announcer._announce_some = marked  # type: ignore[method-assign]  # it is meant


async def _around(step: str, points: Points, work: Awaitable[None]) -> None:
    points.passing(f"{step}.before")
    await work
    points.passing(f"{step}.after")


def _counting_step(points: Points) -> None:
    commit = Ledger.commit

    async def commit_with_points(
        self: Ledger, moves: Sequence[WatermarkMove], misses: Sequence[MissRow]
    ) -> Counted:
        if points.is_armed("publish.ahead"):
            await _until_the_next_is_published(points)
        with _set(_counting):
            counted = await commit(self, moves, misses)
        moved = sum(move.next_offset - move.expected for move in moves)
        points.in_flight -= moved
        points.counted += moved
        points.passing("count.committed")
        return counted

    Ledger.commit = commit_with_points  # type: ignore[method-assign]  # it is meant
    _transaction(points)


# Set when something is published while a batch is to be counted.
_published_ahead: dict[Points, asyncio.Event] = {}


async def _until_the_next_is_published(points: Points) -> None:
    """Hold D until the next batch has published something; not for ever: none may come."""
    ahead = _published_ahead[points] = asyncio.Event()
    with suppress(TimeoutError):
        async with asyncio.timeout(_NEXT_BATCH_S):
            await ahead.wait()
    del _published_ahead[points]


def _transaction(points: Points) -> None:
    def when_counting(point: str) -> None:
        if _counting.get():
            points.passing(point)

    def executed(_connection: Any, _cursor: Any, statement: str, *_: Any) -> None:
        if "UPDATE ingest_watermark" in statement and "INSERT INTO" not in statement:
            when_counting("count.moved")

    event.listen(Engine, "after_cursor_execute", executed)
    _wrap(
        PreparedStatement,
        "fetch",
        underway=lambda statement: (
            _counting.get()
            and not statement._connection.is_in_transaction()
            and points.is_due("count.sent")
        ),
        then=lambda: points.strike("count.sent"),
    )
    _wrap(Transaction, "start", after=lambda: when_counting("count.begun"))
    _wrap(
        Transaction,
        "commit",
        before=lambda: when_counting("count.added"),
        underway=lambda _: _counting.get() and points.is_due("count.committing"),
        then=lambda: points.strike("count.committing"),
    )


def _committing(points: Points) -> None:
    commit = PartitionClaim.commit

    async def commit_with_points(
        self: PartitionClaim, ends: Mapping[Partition, int], records: Sequence[Record]
    ) -> None:
        # A replay publishes what is counted already, and leaves the watermark where it is.
        points.in_flight -= len(records) - points.counted
        points.counted = 0
        points.passing("commit.before")
        await commit(self, ends, records)
        points.passing("commit.after")

    PartitionClaim.commit = commit_with_points  # type: ignore[method-assign]  # it is meant
    _wrap(
        AIOKafkaConsumer,
        "commit",
        underway=lambda _: points.is_due("commit.sent"),
        then=lambda: points.strike("commit.sent"),
    )


def _assignment(points: Points) -> None:
    _wrap(Assignment, "on_partitions_assigned", before=lambda: points.passing("open.before"))
    _wrap(Ledger, "open_partitions", after=lambda: points.passing("open.looked_up"))
    _wrap(
        Assignment,
        "drain",
        before=lambda: points.passing("drain.before"),
        after=lambda: points.passing("drain.after"),
    )
    resume = AIOKafkaConsumer.resume

    def resume_with_point(self: AIOKafkaConsumer, *partitions: Any) -> None:
        resume(self, *partitions)  # type: ignore[no-untyped-call]  # it has no types
        points.passing("open.resumed")

    AIOKafkaConsumer.resume = resume_with_point  # type: ignore[method-assign]  # it is meant


def _wrap(
    kind: type | ModuleType,
    method: str,
    *,
    before: Callable[[], object] = lambda: None,
    underway: Callable[[Any], bool] = lambda _: False,
    then: Callable[[], object] = lambda: None,
    after: Callable[[], object] = lambda: None,
) -> None:
    """Call ``before`` and ``after`` around a coroutine method or function; when ``underway``, ``then`` as it
    waits.
    """
    original: AnyCoroutine = getattr(kind, method)

    @functools.wraps(original)
    async def wrapped(self: Any, *arguments: Any, **named: Any) -> Any:
        before()
        work = original(self, *arguments, **named)
        if underway(self):
            task = asyncio.create_task(work)
            await asyncio.sleep(0)  # it writes to its socket, and waits for the answer
            then()
            work = task  # type: ignore[assignment]  # it was frozen, and goes on
        answer = await work
        after()
        return answer

    setattr(kind, method, wrapped)


class _set:  # noqa: N801  # a context manager reads as a verb
    def __init__(self, variable: ContextVar[bool]) -> None:
        self._variable = variable

    def __enter__(self) -> None:
        self._token = self._variable.set(True)

    def __exit__(self, *_: object) -> None:
        self._variable.reset(self._token)


def run() -> None:
    """`marketmap run worker`, snapshot or insight, with what the environment asks for."""
    process = os.environ.get(PROCESS_VARIABLE, "worker")
    weakness = os.environ.get(WEAKNESS_VARIABLE)
    if weakness:
        WEAKNESSES[weakness]()
    folder = os.environ.get(FOLDER_VARIABLE)
    if folder:
        _INSTRUMENTS[process](Points(Path(folder)))
    sys.argv = ["marketmap", "run", process]
    main()


if __name__ == "__main__":
    run()
