"""A reason is read with its bound: a longer one never reaches the database."""

from urllib.parse import urlencode

import pytest
from starlette.requests import Request
from starlette.types import Message

from worker.console.forms import FormRefusedError, SentForm, read_form
from worker.storage.changes.sets import LONGEST_TEXT


async def read(**fields: str) -> SentForm:
    async def receive() -> Message:
        return {"type": "http.request", "body": urlencode(fields).encode(), "more_body": False}

    headers = [(b"content-type", b"application/x-www-form-urlencoded")]
    return await read_form(Request({"type": "http", "headers": headers}, receive))


async def test_one_as_long_as_the_database_takes_it_is_read() -> None:
    assert (await read(reason="x" * LONGEST_TEXT)).get("reason") == "x" * LONGEST_TEXT


async def test_a_longer_one_is_refused_and_other_fields_may_be_long() -> None:
    assert (await read(grid="x" * 100_000)).get("grid") == "x" * 100_000
    with pytest.raises(FormRefusedError, match="a reason has at most 2,000 characters"):
        await read(reason="x" * (LONGEST_TEXT + 1))
