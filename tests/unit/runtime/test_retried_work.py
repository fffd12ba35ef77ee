"""Work that is begun again: what is said of it, and when it should move."""

import asyncio
from contextlib import suppress

import pytest

from worker.domain.errors import FatalError, TransientError
from worker.runtime.retried_work import RetriedWork
from worker.storage.errors import StorageUnavailable

NOT_BEGUN = "the work has not begun"


class Work(RetriedWork):
    """Does what the test says, step by step: None goes on, an error is raised."""

    name = "work"
    stuck = "the work is stuck"
    not_begun = NOT_BEGUN

    def __init__(self, *steps: Exception | None) -> None:
        super().__init__(lambda _: 0)
        self.steps = list(steps)
        self.attempts: list[tuple[str, int]] = []
        self.waits = asyncio.Event()

    async def _work(self) -> None:
        while self.steps:
            step = self.steps.pop(0)
            if step is not None:
                raise step
            self._goes_on()
        self.waits.set()
        await asyncio.Event().wait()

    def _gave_up(self, error: str, attempt: int) -> None:
        assert self.failed == error
        self.attempts.append((error, attempt))


async def done(work: Work) -> Work:
    """The work after its last step."""
    running = asyncio.create_task(work.run())
    await work.waits.wait()
    running.cancel()
    with suppress(asyncio.CancelledError):
        await running
    return work


async def test_attempts_are_counted_until_it_goes_on() -> None:
    errors = [TransientError("no broker"), StorageUnavailable("no database"), TransientError("x")]
    work = await done(Work(errors[0], errors[1], None, errors[2], None))
    assert work.attempts == [("no broker", 0), ("no database", 1), ("x", 0)]
    assert (work.failed, work.not_ready()) == (None, [])


async def test_it_has_begun_once_it_went_on_whatever_happens_later() -> None:
    work = await done(Work(TransientError("no broker")))
    assert work.not_started() == [NOT_BEGUN, "no broker"]
    work = await done(Work(None, TransientError("no broker")))
    assert (work.not_started(), work.not_ready()) == ([], ["no broker"])


async def test_it_should_move_while_it_works_and_not_before_it_runs_or_while_it_waits() -> None:
    work = Work(TransientError("no broker"))
    assert work.standings() == []
    running = asyncio.create_task(work.run())
    await work.waits.wait()
    ((name, before, _),) = work.standings()
    work.moved()
    ((_, after, sentence),) = work.standings()
    assert (name, sentence) == ("work", "the work is stuck")
    assert before != after
    waiting = asyncio.create_task(work._rest(asyncio.Event().wait()))  # type: ignore[arg-type]
    await asyncio.sleep(0)
    assert work.standings() == []
    for task in (waiting, running):
        task.cancel()
    await asyncio.wait({waiting, running})


async def test_another_error_ends_it() -> None:
    with pytest.raises(FatalError, match="refused"):
        await Work(FatalError("refused")).run()
