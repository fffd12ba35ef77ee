"""Fetching ahead: what is begun while a batch is in hand is handed over next, filled up if it is little."""

from __future__ import annotations

import asyncio
from typing import Any, cast

import pytest

from tests.support.records import FakeRecord
from worker.ingest.consumer import FetchAhead, Fetching

CONSUMER = cast("Any", object())
FETCHING = Fetching(
    max_records=10,
    max_partition_bytes=100,
    max_bytes=1000,
    wait_ms=50,
    session_timeout_ms=6000,
    rebalance_timeout_ms=6000,
    member_name=None,
)


def records(*offsets: int, size: int = 1) -> tuple[Any, ...]:
    return tuple(FakeRecord(offset=offset, value=b"x" * size) for offset in offsets)


class Log:
    """What can be fetched, poll by poll; ``asked`` tells for how many records and how long."""

    def __init__(self, *polls: tuple[Any, ...]) -> None:
        self.polls = list(polls)
        self.asked: list[tuple[int, int]] = []

    async def fetch(self, consumer: Any, max_records: int, wait_ms: int) -> tuple[Any, ...]:
        assert consumer is CONSUMER
        self.asked.append((max_records, wait_ms))
        return self.polls.pop(0)

    def ahead(self) -> FetchAhead:
        return FetchAhead(self.fetch, FETCHING)


async def test_without_a_look_ahead_a_poll_is_handed_over_as_it_is() -> None:
    log = Log(records(1), records(2))
    assert await log.ahead().next(CONSUMER) == records(1)
    assert log.asked == [(10, 50)]


async def test_what_was_fetched_ahead_comes_first_and_what_came_since_along_with_it() -> None:
    log = Log(records(1), records(2, 3), records(4))
    ahead = log.ahead()
    await ahead.next(CONSUMER)
    fetched = await ahead.begin()
    handed_over = await ahead.next(CONSUMER)
    assert handed_over == records(2, 3, 4)
    assert handed_over[0] is fetched[0]
    assert log.asked == [(10, 50), (10, 50), (8, 0)]


async def test_one_fetch_is_under_way_at_a_time() -> None:
    log = Log(records(1), records(2), records(3), records(4))
    ahead = log.ahead()
    await ahead.next(CONSUMER)
    assert ahead.begin() is ahead.begin()
    assert await ahead.next(CONSUMER) == records(2, 3)
    assert await ahead.next(CONSUMER) == records(4)


async def test_a_poll_that_a_batch_takes_in_is_not_handed_over() -> None:
    log = Log(records(1), records(2), records(3))
    ahead = log.ahead()
    await ahead.next(CONSUMER)
    assert await ahead.begin() == records(2)
    ahead.take()
    assert await ahead.next(CONSUMER) == records(3)


@pytest.mark.parametrize(
    ("fetched", "is_filled_up"),
    [
        (records(*range(10)), False),
        (records(*range(9)), True),
        (records(1, size=500), False),
        (records(1, size=499), True),
        ((), True),
    ],
)
async def test_a_batch_is_filled_up_within_its_bounds(
    fetched: tuple[Any, ...], *, is_filled_up: bool
) -> None:
    log = Log((), fetched, records(99))
    ahead = log.ahead()
    await ahead.next(CONSUMER)
    ahead.begin()
    assert await ahead.next(CONSUMER) == fetched + (records(99) if is_filled_up else ())


async def test_where_the_consumer_was_set_back_no_record_comes_twice() -> None:
    log = Log((), records(4, 5, 6), records(4, 5))
    ahead = log.ahead()
    await ahead.next(CONSUMER)
    ahead.begin()
    assert await ahead.next(CONSUMER) == records(4, 5)


async def test_after_a_fetch_that_failed_another_is_begun() -> None:
    log = Log(records(1))
    ahead = log.ahead()
    await ahead.next(CONSUMER)
    ahead.begin()
    with pytest.raises(IndexError):
        await ahead.next(CONSUMER)
    log.polls = [records(2)]
    assert await ahead.next(CONSUMER) == records(2)


async def test_nothing_can_be_fetched_ahead_of_the_first_batch() -> None:
    with pytest.raises(RuntimeError, match="nothing was fetched yet"):
        Log().ahead().begin()


async def test_a_fetch_that_nobody_asks_for_any_more_is_not_complained_of() -> None:
    told: list[Any] = []
    asyncio.get_running_loop().set_exception_handler(lambda _, context: told.append(context))
    log = Log(())
    ahead = log.ahead()
    await ahead.next(CONSUMER)
    await asyncio.wait([ahead.begin()])
    del ahead
    await asyncio.to_thread(lambda: None)
    assert told == []
