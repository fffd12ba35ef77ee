from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager, suppress

import pytest
from structlog.testing import capture_logs

from worker.domain.errors import FatalError
from worker.runtime.process import Stop, background, end_in_order, ended, until_done


async def returns() -> None:
    await asyncio.sleep(0)


async def raises() -> None:
    raise ValueError("no")


async def holds_its_cancellation_up() -> None:
    """The first one; the second, at the end of the test's event loop, ends it."""
    with suppress(asyncio.CancelledError):
        await asyncio.Event().wait()
    await asyncio.Event().wait()


@contextmanager
def not_stopped() -> Iterator[list[str]]:
    """The parts of which the log says that they did not stop."""
    parts: list[str] = []
    with capture_logs() as logs:
        yield parts
    parts += [line["part"] for line in logs if line["event"] == "not_stopped"]


async def test_work_that_ends_in_time_has_ended() -> None:
    with not_stopped() as parts:
        assert await ended("part", returns(), 60)
    assert parts == []


async def test_work_that_raises_or_hangs_is_named_and_not_waited_for() -> None:
    with not_stopped() as parts:
        assert not await ended("raising", raises(), 60)
        assert not await ended("hanging", holds_its_cancellation_up(), 0.01)
        assert not await ended("out of time", holds_its_cancellation_up(), -1)
    assert parts == ["raising", "hanging", "out of time"]


async def test_a_part_that_hangs_leaves_time_for_the_others() -> None:
    seen: list[str] = []

    async def ends() -> None:
        seen.append("ended")

    with not_stopped() as parts:
        await end_in_order(
            {"first": holds_its_cancellation_up, "second": raises, "third": ends}, 0.3
        )
    assert (seen, parts) == (["ended"], ["first", "second"])


async def test_work_that_fails_is_tried_again_and_the_log_says_why() -> None:
    attempts: list[int] = []

    async def work() -> None:
        if len(attempts) < 2:
            raise ConnectionError("away")

    def delay(attempt: int) -> float:
        attempts.append(attempt)
        return 0.0

    with capture_logs() as logs:
        await until_done(work, ConnectionError, delay, "topics_not_found")
    assert attempts == [0, 1]
    assert [(line["event"], line["error"]) for line in logs] == [("topics_not_found", "away")] * 2


async def test_another_failure_is_not_tried_again() -> None:
    with pytest.raises(ValueError, match="no"):
        await until_done(raises, ConnectionError, lambda _: 0.0, "topics_not_found")


async def test_what_is_done_before_there_is_a_reason_to_stop_comes_first() -> None:
    assert await Stop().comes_after(returns())


async def test_a_reason_to_stop_cancels_what_is_not_done() -> None:
    stop = Stop()
    cancelled = asyncio.Event()

    async def work() -> None:
        try:
            stop.ask()
            await asyncio.Event().wait()
        finally:
            cancelled.set()

    assert not await stop.comes_after(work())
    assert cancelled.is_set()


async def test_what_fails_before_there_is_a_reason_to_stop_is_raised() -> None:
    with pytest.raises(ValueError, match="no"):
        await Stop().comes_after(raises())


async def test_the_first_reason_to_stop_counts() -> None:
    stop = Stop()
    stop.fail(ValueError("first"))
    stop.fail(ValueError("second"))
    stop.ask()
    assert str(stop.error) == "first"
    asked = Stop()
    asked.ask()
    asked.fail(ValueError("late"))
    assert asked.error is None


def test_only_what_nobody_foresaw_is_logged_with_where_it_came_from() -> None:
    with capture_logs() as lines:
        Stop().fail(FatalError("the port is taken"))
        Stop().fail(error := ValueError("a bug"))
    assert [line["exc_info"] for line in lines] == [None, error]


async def test_an_error_of_work_beside_is_handed_over() -> None:
    errors: list[BaseException] = []
    handed_over = asyncio.Event()

    def take(error: BaseException) -> None:
        errors.append(error)
        handed_over.set()

    async with background(raises, take), asyncio.timeout(60):
        await handed_over.wait()
    assert [str(error) for error in errors] == ["no"]


async def test_work_beside_ends_with_its_block() -> None:
    ends = asyncio.Event()

    async def work() -> None:
        try:
            await asyncio.Event().wait()
        finally:
            ends.set()

    async with background(work, lambda _: None):
        await asyncio.sleep(0)
    assert ends.is_set()
