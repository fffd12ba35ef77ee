"""What takes long is done for a few people at a time, and the others are told so."""

import asyncio

import pytest
from starlette.requests import Request

from worker.console.bounded import BoundedWork
from worker.console.context import RefusedError
from worker.console.forms import SentForm
from worker.console.pages import explain
from worker.console.sign_in.people import Viewer


async def test_no_more_than_the_places_are_taken_and_each_is_given_back() -> None:
    work = BoundedWork(2, patience_s=60)
    running = most = 0

    async def one() -> None:
        nonlocal running, most
        async with work.place():
            running += 1
            most = max(most, running)
            await asyncio.sleep(0)
            running -= 1

    await asyncio.gather(*(one() for _ in range(20)))
    assert most == 2


async def test_a_place_is_given_back_when_the_work_fails() -> None:
    work = BoundedWork(1, patience_s=60)
    with pytest.raises(ValueError, match="a defect"):
        async with work.place():
            raise ValueError("a defect")
    async with work.place():
        pass


async def test_whoever_waits_too_long_is_refused_in_words() -> None:
    work = BoundedWork(1, patience_s=0)
    async with work.place():
        with pytest.raises(RefusedError, match="busy") as refused:
            async with work.place():
                pass
    assert refused.value.status == 503


async def test_a_market_is_explained_only_while_a_place_is_free(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """Nothing is read while all places are taken: this request knows no database."""
    work = BoundedWork(1, patience_s=0)
    monkeypatch.setattr(explain, "explaining", work)
    scope = {
        "type": "http",
        "viewer": Viewer("ada", ("reader",), "token"),
        "form": SentForm([("text", "{}"), ("market", "29")]),
    }
    async with work.place():
        with pytest.raises(RefusedError, match="busy"):
            await explain.answer(Request(scope))
