"""An event loop whose clock stands still until it is told to move: every order of events can be chosen."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Coroutine
from typing import Any, TypeVar

_T = TypeVar("_T")


class SteppedLoop(asyncio.SelectorEventLoop):
    """Runs what can run, then gives control back; threads are run in place."""

    def __init__(self) -> None:
        self.now_s = 0.0
        self._started: set[asyncio.Task[None]] = (
            set()
        )  # the loop itself holds tasks by weak references
        super().__init__()
        # A killed worker leaves failures that nobody looks at. The collector would tell of them in another
        # test, and formatting a traceback breaks what parses code at that moment (CPython issue 106905).
        self.set_exception_handler(lambda *_: None)

    def time(self) -> float:
        return self.now_s

    def run_in_executor(  # type: ignore[override]  # the stubs bind the arguments to the function
        self, executor: Any, func: Callable[..., Any], *args: Any
    ) -> asyncio.Future[Any]:
        done: asyncio.Future[Any] = self.create_future()
        try:
            done.set_result(func(*args))
        except Exception as error:  # noqa: BLE001  # a thread hands over whatever was raised in it
            done.set_exception(error)
        return done

    def settle(self) -> None:
        """Run until every task waits for something that the world has not given yet."""
        self.run_until_complete(self._quiet())

    def advance(self, seconds: float) -> None:
        self.now_s += seconds
        self.settle()

    def start(self, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = self.create_task(work)
        self._started.add(task)
        return task

    def start_fetch(self, answer: asyncio.Future[_T]) -> asyncio.Task[_T]:
        """A task that has the answer once it is given."""

        async def answered() -> _T:
            return await answer

        return self.create_task(answered())

    def end(self) -> None:
        """Cancel everything that still waits, and close."""
        tasks = asyncio.all_tasks(self)
        try:
            self.run_until_complete(_cancelled(tasks))
        finally:
            self.close()

    async def _quiet(self) -> None:
        ready: Any = getattr(self, "_ready")  # noqa: B009  # the type stubs do not show what is runnable
        await asyncio.sleep(0)
        while ready:  # noqa: ASYNC110  # an event would be one more task to wait for
            await asyncio.sleep(0)


async def _cancelled(tasks: set[asyncio.Task[Any]]) -> None:
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
