"""Explain: why one market of a pasted observation, or of a bookmaker's own reply, resolves as it does."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.raw_reply import UnknownReplyError, observation_from_reply
from schemas.refusal import describe_faults
from worker.console.bounded import BoundedWork
from worker.console.context import allowed, console_of, form_of, page
from worker.console.forms import LARGEST_FORM
from worker.domain.explain import Explanation, explain
from worker.domain.index import MappingIndex
from worker.ingest.reading.decode import UnreadableRecord, decode
from worker.operations.payloads.resolve import split_market
from worker.runtime.index.live import build_index
from worker.storage.mappings import load_index_rows

# Each reads all mappings and makes an index of them: no more than this at the same time.
explaining = BoundedWork(2, patience_s=30.0)
_EMPTY: Final[dict[str, Any]] = {"text": "", "market": "", "fault": None, "explained": None}


class ExplainedEvent(NamedTuple):
    """The event that was pasted, and what is said of its market."""

    envelope: dict[str, Any]
    explanation: Explanation


@allowed("read")
async def show(request: Request) -> Response:
    return page(request, "explain.html", **_EMPTY)


@allowed("read")
async def answer(request: Request) -> Response:
    form = form_of(request)
    text, market = form.raw("text"), form.get("market")
    values = {**_EMPTY, "text": text, "market": market}
    if not text.strip() or not market:
        return page(request, "explain.html", status=400, **values | {"fault": "Give both."})
    async with explaining.place():
        async with console_of(request).databases.reading() as connection:
            version, rows = await load_index_rows(connection)
        explained = await asyncio.to_thread(explain_text, text, market, version, rows)
    if isinstance(explained, str):
        return page(request, "explain.html", status=400, **values | {"fault": explained})
    return page(request, "explain.html", **values | {"explained": explained})


def explain_text(
    text: str, market: str, version: int, rows: list[dict[str, Any]]
) -> ExplainedEvent | str:
    """Explain a market of an observation or of a reply; a sentence says why that cannot be done."""
    record = observation_text(text)
    if isinstance(record, str):
        return record
    decoded = decode(record, max_bytes=LARGEST_FORM)
    if isinstance(decoded, UnreadableRecord):
        return f"A worker would not read it: {decoded.reason}: {decoded.detail}"
    index: MappingIndex = build_index(version, rows)
    explanation = explain(decoded.observation, index, *split_market(market))
    if not explanation.found:
        return f"It has no market {market}."
    return ExplainedEvent(decoded.envelope, explanation)


def observation_text(text: str) -> bytes | str:
    """Return an observation as it is on Kafka, made of a reply if need be; a sentence says why not."""
    try:
        document = orjson.loads(text)
    except orjson.JSONDecodeError as error:
        return f"This is not JSON: {error}."
    if isinstance(document, dict) and "platform" in document and "event" in document:
        return orjson.dumps(document)
    try:
        observation = observation_from_reply(document, datetime.now(UTC))
    except UnknownReplyError as error:
        return f"{error}."
    except ValidationError as error:
        return f"The observation would be refused: {'; '.join(describe_faults(error))}."
    return observation.model_dump_json(exclude_none=True).encode()


ROUTES: Final = [
    Route("/explain", show, methods=["GET"]),
    Route("/explain", answer, methods=["POST"]),
]
