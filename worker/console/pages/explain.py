"""Explain: why one market resolves as it does.

It is one of a pasted observation, of a bookmaker's own reply, or of what is stored of it.
"""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime
from http import HTTPStatus
from typing import Any, Final, NamedTuple

import orjson
from pydantic import ValidationError
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from schemas.raw_reply import UnknownReplyError, observation_from_reply
from schemas.refusal import describe_faults
from worker.console.bounded import BoundedWork
from worker.console.context import (
    RefusedError,
    allowed,
    console_of,
    form_of,
    page,
    refused_input,
)
from worker.console.faults import FormFault
from worker.console.forms import LARGEST_FORM, SentForm
from worker.domain.books.platforms import Platform, is_platform
from worker.domain.explain import Explanation, explain
from worker.domain.index import MappingIndex
from worker.ingest.reading.decode import UnreadableRecord, decode
from worker.operations.payloads.resolve import split_market
from worker.operations.payloads.stored_samples import (
    asked_market,
    explain_sample,
    find_sample,
    read_stored_market,
)
from worker.runtime.index.live import build_index
from worker.storage.mappings import load_index_rows

# Each reads all mappings and makes an index of them: no more than this at the same time.
explaining = BoundedWork(2, patience_s=30.0)
_NOT_EXPLAINED: Final = "It cannot be explained."
_EMPTY: Final[dict[str, Any]] = {
    "pasted": "",
    "market": "",
    "platform": "",
    "explained": None,
    "sample": None,
}


class ExplainedEvent(NamedTuple):
    """The teams of an event, as far as they are known, and what is said of its market."""

    home: str | None
    away: str | None
    explanation: Explanation


@allowed("read")
async def show(request: Request) -> Response:
    """The form, or what is stored of the market in the address."""
    query = request.query_params
    platform, market = query.get("platform"), query.get("market", "").replace("\0", "").strip()
    if not is_platform(platform) or not market:
        return page(request, "explain.html", **_EMPTY)
    return await _stored(request, platform, market)


async def _stored(request: Request, platform: Platform, market: str) -> Response:
    """Explain the newest that is stored of a market."""
    values = {**_EMPTY, "market": market, "platform": platform}
    asked = asked_market(platform, market)
    async with explaining.place():
        async with console_of(request).databases.reading() as connection:
            stored = await read_stored_market(connection, asked)
            version, rows = await load_index_rows(connection)
        sample = await asyncio.to_thread(find_sample, asked, stored)
        if sample is None:
            words = (
                f"Nothing is stored of market {market} at {platform}: none of the newest watched events"
                " sells it, and it was never missed. Paste an observation that holds it."
            )
            refused = refused_input("market", words, _NOT_EXPLAINED, HTTPStatus.NOT_FOUND)
            sent = SentForm([("platform", platform), ("market", market)])
            return _shown_again(request, sent, refused, values)
        index = await asyncio.to_thread(build_index, version, rows)
        explanation = await asyncio.to_thread(explain_sample, asked, sample, index)
    explained = ExplainedEvent(sample.home, sample.away, explanation)
    return page(request, "explain.html", **values | {"explained": explained, "sample": sample})


@allowed("read")
async def answer(request: Request) -> Response:
    form = form_of(request)
    text, market, platform = form.raw("text"), form.get("market"), form.get("platform")
    values = {**_EMPTY, "pasted": text, "market": market, "platform": platform}
    if market and not text.strip() and is_platform(platform):
        return await _stored(request, platform, market)
    if not text.strip() or not market:
        words = "Give a market, and an observation or the bookmaker."
        refused = refused_input("text" if market else "market", words, _NOT_EXPLAINED)
        return _shown_again(request, form, refused, values)
    async with explaining.place():
        async with console_of(request).databases.reading() as connection:
            version, rows = await load_index_rows(connection)
        explained = await asyncio.to_thread(explain_text, text, market, version, rows)
    if isinstance(explained, FormFault):
        refused = RefusedError(_NOT_EXPLAINED, faults=[explained])
        return _shown_again(request, form, refused, values)
    return page(request, "explain.html", **values | {"explained": explained})


def _shown_again(
    request: Request, sent: SentForm, error: RefusedError, values: dict[str, Any]
) -> Response:
    return page(request, "explain.html", refused=error.on_form("/explain", sent), **values)


def explain_text(
    text: str, market: str, version: int, rows: list[dict[str, Any]]
) -> ExplainedEvent | FormFault:
    """Explain a market of an observation or of a reply; a fault says why that cannot be done."""
    record = observation_text(text)
    if isinstance(record, str):
        return FormFault(record, "text")
    decoded = decode(record, max_bytes=LARGEST_FORM)
    if isinstance(decoded, UnreadableRecord):
        words = f"A worker would not read it: {decoded.reason}: {decoded.detail}"
        return FormFault(words, "text")
    index: MappingIndex = build_index(version, rows)
    explanation = explain(decoded.observation, index, *split_market(market))
    if not explanation.found:
        return FormFault(f"It has no market {market}.", "market")
    event = decoded.envelope["event"]
    return ExplainedEvent(event.get("home"), event.get("away"), explanation)


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
