"""Work in the background, in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest
from structlog.testing import capture_logs

from worker.ingest.in_turn import InTurn


class Work:
    """Notes when it begins and ends; each piece waits until it may end."""

    def __init__(self) -> None:
        self.steps: list[str] = []
        self.may_end = {name: asyncio.Event() for name in ("first", "second")}

    def piece(self, name: str) -> Callable[[], Awaitable[None]]:
        return partial(self._do, name)

    async def _do(self, name: str) -> None:
        self.steps.append(f"{name} begins")
        await self.may_end[name].wait()
        self.steps.append(f"{name} ends")


async def test_the_next_piece_begins_when_the_one_before_it_has_ended() -> None:
    work = Work()
    async with InTurn() as turn:
        await turn.take(work.piece("first"))
        assert turn.under_way is not None
        second = asyncio.create_task(turn.take(work.piece("second")))
        await asyncio.sleep(0)
        assert work.steps == ["first begins"]
        for each in work.may_end.values():
            each.set()
        await second
    assert work.steps == ["first begins", "first ends", "second begins", "second ends"]
    assert not turn.has_failed


async def test_an_error_is_seen_at_once_and_raised_by_whoever_waits_next() -> None:
    async def fails() -> None:
        raise ValueError("no")

    turn = InTurn()
    await turn.take(fails)
    assert turn.under_way is not None
    await asyncio.wait([turn.under_way])
    assert turn.has_failed
    with pytest.raises(ValueError, match="no"):
        await turn.take(fails)
    with pytest.raises(ValueError, match="no"):
        async with turn:
            pass


async def failing_with(turn: InTurn, work: Callable[[], Awaitable[None]]) -> None:
    async with turn:
        await turn.take(work)
        await asyncio.sleep(0)
        raise KeyError("of the block")


async def test_when_the_block_fails_the_work_may_end() -> None:
    work, turn = Work(), InTurn()
    work.may_end["first"].set()
    with pytest.raises(KeyError):
        await failing_with(turn, work.piece("first"))
    assert work.steps == ["first begins", "first ends"]


async def test_work_that_does_not_end_is_cancelled_and_nobody_waits_for_it() -> None:
    is_cancelled, may_end = asyncio.Event(), asyncio.Event()

    async def stubborn() -> None:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:
            is_cancelled.set()
            await may_end.wait()

    turn = InTurn(left_s=0)
    with pytest.raises(KeyError):
        await failing_with(turn, stubborn)
    await is_cancelled.wait()
    assert turn.under_way is not None
    may_end.set()
    await asyncio.wait([turn.under_way])


async def test_what_fails_next_to_the_block_is_logged_and_the_error_is_that_of_the_block() -> None:
    async def fails() -> None:
        raise ValueError("of the work")

    with capture_logs() as lines, pytest.raises(KeyError, match="of the block"):
        await failing_with(InTurn(), fails)
    assert [(line["event"], line["error"]) for line in lines] == [
        ("failed_as_well", "ValueError('of the work')")
    ]


async def test_the_error_of_the_work_that_ends_the_block_is_not_logged_as_another_one() -> None:
    async def fails() -> None:
        raise ValueError("of the work")

    async def block() -> None:
        async with InTurn() as turn:
            await turn.take(fails)
            await turn.take(fails)

    with capture_logs() as lines, pytest.raises(ValueError, match="of the work"):
        await block()
    assert lines == []
