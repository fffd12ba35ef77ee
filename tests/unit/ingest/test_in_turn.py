"""Work in the background, in turn."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from functools import partial

import pytest

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


async def test_when_the_block_fails_the_piece_is_cancelled_and_the_error_is_that_of_the_block() -> (
    None
):
    work, turn = Work(), InTurn()

    async def failing_block() -> None:
        async with turn:
            await turn.take(work.piece("first"))
            await asyncio.sleep(0)
            raise KeyError

    with pytest.raises(KeyError):
        await failing_block()
    assert work.steps == ["first begins"]
    assert turn.has_failed
