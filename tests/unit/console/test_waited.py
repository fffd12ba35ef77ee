"""What nobody waits for any more is not worked out to its end."""

import asyncio
import threading
from collections.abc import Callable

import pytest
from starlette.requests import Request
from starlette.responses import Response

from worker.console.waited import NewestRequests, NotWaitedForError, in_thread

GENEROUS_S = 30


class Browser:
    """A request whose browser can leave."""

    def __init__(self) -> None:
        self.gone = asyncio.Event()
        scope = {"type": "http", "method": "POST", "path": "/edit/check", "headers": []}
        self.request = Request(scope | {"server": ("localhost", 80)}, self._receive)

    async def _receive(self) -> dict[str, str]:
        await self.gone.wait()
        return {"type": "http.disconnect"}


class Work:
    """A check that ends when it is let, and says whether it was cancelled."""

    def __init__(self) -> None:
        self.begun, self.may_end = asyncio.Event(), asyncio.Event()
        self.is_cancelled = False

    async def __call__(self) -> Response:
        self.begun.set()
        try:
            await self.may_end.wait()
        except asyncio.CancelledError:
            self.is_cancelled = True
            raise
        return Response("done")


async def test_a_check_is_answered() -> None:
    work = Work()
    work.may_end.set()
    answer = await NewestRequests().answer(Browser().request, "ada", "tab", work)
    assert answer.body == b"done"


async def test_a_check_whose_browser_is_gone_is_cancelled() -> None:
    browser, work = Browser(), Work()
    answered = asyncio.ensure_future(NewestRequests().answer(browser.request, "ada", "", work))
    await work.begun.wait()
    browser.gone.set()
    assert (await answered).status_code == 204
    assert work.is_cancelled


async def test_of_one_page_the_newest_check_alone_goes_on() -> None:
    newest, first, second, elsewhere = NewestRequests(), Work(), Work(), Work()
    asked = []
    for tab, work in (("one", first), ("another", elsewhere), ("one", second)):
        answer = newest.answer(Browser().request, "ada", tab, work)
        asked.append(asyncio.ensure_future(answer))
        await work.begun.wait()
    assert (await asked[0]).status_code == 204
    for work in (second, elsewhere):
        work.may_end.set()
    assert [(await one).status_code for one in asked[1:]] == [200, 200]
    assert (first.is_cancelled, second.is_cancelled, elsewhere.is_cancelled) == (True, False, False)


async def test_a_check_that_is_late_and_whose_browser_is_gone_ends_no_newer_one() -> None:
    newest, late, work = NewestRequests(), Browser(), Work()
    late.gone.set()
    asked = asyncio.ensure_future(newest.answer(Browser().request, "ada", "tab", work))
    await work.begun.wait()
    assert (await newest.answer(late.request, "ada", "tab", Work())).status_code == 204
    work.may_end.set()
    assert (await asked).status_code == 200


async def test_a_check_that_takes_its_change_back_is_not_interrupted() -> None:
    """The page has asked again and its browser has closed the connection: both end the check, once."""
    newest, browser = NewestRequests(), Browser()
    begun, cleaning, may_end = asyncio.Event(), asyncio.Event(), asyncio.Event()
    is_clean = asyncio.Event()

    async def check() -> Response:
        begun.set()
        try:
            await asyncio.Event().wait()
        finally:
            cleaning.set()
            await may_end.wait()
            is_clean.set()
        return Response()

    first = asyncio.ensure_future(newest.answer(browser.request, "ada", "tab", check))
    await begun.wait()
    second = Work()
    asked = asyncio.ensure_future(newest.answer(Browser().request, "ada", "tab", second))
    await cleaning.wait()
    browser.gone.set()
    assert (await first).status_code == 204
    may_end.set()
    await is_clean.wait()
    second.may_end.set()
    assert (await asked).status_code == 200


async def test_an_error_of_a_check_is_that_of_its_answer() -> None:
    async def fail() -> Response:
        raise LookupError

    with pytest.raises(LookupError):
        await NewestRequests().answer(Browser().request, "ada", "tab", fail)


async def test_a_thread_ends_after_its_step_when_its_caller_is_cancelled() -> None:
    is_begun, is_cancelled, has_ended = (threading.Event() for _ in range(3))

    def work(*, proceed: Callable[[], None]) -> None:
        is_begun.set()
        is_cancelled.wait(GENEROUS_S)
        try:
            proceed()
        except NotWaitedForError:
            has_ended.set()
            raise

    task = asyncio.ensure_future(in_thread(work))
    await asyncio.to_thread(is_begun.wait, GENEROUS_S)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    is_cancelled.set()
    assert await asyncio.to_thread(has_ended.wait, GENEROUS_S)
