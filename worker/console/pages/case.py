"""A case: one missed market with its labels, events with other bookmakers' prices, and what it may be."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime
from hashlib import sha256
from typing import Any, Final, NamedTuple
from urllib.parse import parse_qsl

from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from worker.console.context import (
    RefusedError,
    allowed,
    console_of,
    form_of,
    page,
    said,
    viewer_of,
    without_reason,
)
from worker.console.pages.following import case_path, following_case, key_of, next_path
from worker.console.pages.queue import DEFAULT_REASONS, mark, notice_of
from worker.console.pages.sparkline import spark_bars
from worker.domain.books.platforms import is_platform
from worker.domain.books.registry import BOOKS
from worker.domain.bounded_json import objects_in
from worker.insight.not_confident import in_words
from worker.operations.evidence.tables import not_confident
from worker.operations.unmapped.case import MissCase, read_case
from worker.operations.unmapped.view import view_of
from worker.storage.changes.drafts import drafts_for
from worker.storage.changes.sets import OPEN_STATES
from worker.storage.insight.evidence import StoredSample, StoredSuggestion
from worker.storage.misses import UnknownMiss

_EVENTS: Final = 5
_MOST_LABELS: Final = 200


class PricesElsewhere(NamedTuple):
    """One market of another bookmaker on an event, with its prices by outcome."""

    platform: str
    canonical_id: str
    line: str | None
    prices: Sequence[tuple[str, float]]


class ExampleEvent(NamedTuple):
    """A recent event: what the bookmaker sells there, next to what others sell."""

    event: StoredSample
    here: Sequence[Mapping[str, Any]]
    elsewhere: Sequence[PricesElsewhere]


def example_of(sample: StoredSample) -> ExampleEvent:
    """Arrange an example for people. What cannot be read is left out: anybody may have written it."""
    here = [one for one in objects_in(sample.prices) if isinstance(one.get("label"), str)]
    by_market: dict[tuple[str, str, str | None], list[tuple[str, float]]] = {}
    for one in objects_in(sample.others):
        platform, name, odds = one.get("platform"), one.get("canonical_id"), one.get("odds")
        line = one.get("line")
        if isinstance(platform, str) and isinstance(name, str) and isinstance(odds, int | float):
            key = (platform, name, None if line is None else str(line))
            by_market.setdefault(key, []).append((str(one.get("outcome")), float(odds)))
    elsewhere = [PricesElsewhere(*key, prices) for key, prices in by_market.items()]
    return ExampleEvent(sample, here, elsewhere)


def labels_of(
    samples: Sequence[Mapping[str, Any]], examples: Sequence[ExampleEvent]
) -> list[Mapping[str, Any]]:
    """The sampled labels, then those of the examples that were not sampled, each with each line once."""
    found: dict[tuple[str, str], Mapping[str, Any]] = {}
    for one in (*samples, *(price for example in examples for price in example.here)):
        found.setdefault((str(one.get("label")), str(one.get("qualifier") or "")), one)
    return list(found.values())[:_MOST_LABELS]


def content_of(suggested: StoredSuggestion) -> str:
    """A short text that is the same for suggestions that say the same, whenever they were made."""
    said_by_it = (suggested.canonical_id, suggested.line_kind, suggested.outcomes)
    return sha256(json.dumps(said_by_it, sort_keys=True).encode()).hexdigest()[:16]


def known_of(case: MissCase) -> dict[str, Any]:
    """What is known of a missed market, for a page: labels, lines, recent events and suggestions."""
    examples = [example_of(one) for one in case.odds.samples[:_EVENTS]]
    labels = labels_of(objects_in(case.miss.sample_outcomes), examples)
    return {
        "examples": examples,
        "labels": labels,
        "lines": sorted({str(one["qualifier"]) for one in labels if one.get("qualifier")}),
        "coverage": case.found,
        "suggestions": case.odds.suggestions,
        "why_not": lambda one: in_words(not_confident(one)),
    }


@allowed("read")
async def show(request: Request) -> Response:
    key, view = key_of(request.query_params), view_of(request.query_params)
    try:
        async with console_of(request).databases.reading() as connection:
            case = await read_case(connection, key)
            totals, name = console_of(request).totals, viewer_of(request).name
            following = await following_case(connection, totals, view, key, name)
            waiting = await drafts_for(connection, key, OPEN_STATES)
    except UnknownMiss as error:
        raise RefusedError("This market was never missed.", 404, lines=(f"{error}.",)) from error
    now = datetime.now(UTC)
    values: dict[str, Any] = {
        "miss": case.miss,
        "claimants": case.claimants,
        "switched_off": case.switched_off,
        "content_of": content_of,
        "evidence": case.odds.evidence,
        "drafts": waiting,
        "view": view,
        "decisions": parse_qsl(view.query(source=key[0], market=key[1])),
        "back": f"/queue?{view.query(place=None)}",
        "next_case": None if following is None else following.path,
        "work": case.work,
        "week": spark_bars(case.spans, now),
        "sells_players": is_platform(key[0]) and BOOKS[key[0]].participant_ids is not None,
        "now": now,
        **known_of(case),
    }
    return page(request, "case.html", **values)


@allowed("edit")
async def decide(request: Request) -> Response:
    """Take, release, ignore, snooze or reopen this market; go on to the next one if it is out of the way."""
    form, viewer = form_of(request), viewer_of(request).name
    values = dict(form)
    key, view = key_of(values), view_of(values)
    decision = form.get("decision")
    reason = form.get("reason") or DEFAULT_REASONS.get(decision, "")
    if decision in {"ignore", "snooze"} and not reason:
        raise without_reason()
    changed = await mark(request, [key], decision, reason, hours=form.get("hours"))
    here = case_path(view, key)
    notice = notice_of(viewer, decision, changed, here)
    if decision not in {"ignore", "snooze"}:
        return said(request, here, notice)
    return said(request, await next_path(request, view, key), notice)


async def redirect(request: Request) -> Response:
    """Go on without a decision: the next place of the view."""
    view = view_of(request.query_params)
    moved = view._replace(place=view.place + 1)
    return RedirectResponse(await next_path(request, moved, key_of(request.query_params)), 303)


ROUTES: Final = [
    Route("/case", show, methods=["GET"]),
    Route("/case/next", allowed("read")(redirect), methods=["GET"]),
    Route("/case/decide", decide, methods=["POST"]),
]
