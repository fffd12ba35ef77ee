"""The queue: missed markets, the most urgent first, to be decided about one by one or together."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final
from urllib.parse import urlencode

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from worker.cli.words import noun_of, number_of
from worker.console.context import (
    RefusedError,
    allowed,
    console_of,
    form_of,
    local_path,
    page,
    refused_input,
    said,
    viewer_of,
    without_reason,
)
from worker.console.notices import Notice, UndoStep
from worker.console.pages.sparkline import spark_bars
from worker.console.together import MOST_MAPPED, grid_path, together_path
from worker.console.totals import MOST_LISTED, QueueTotals
from worker.operations.unmapped.families import GroupBy, MissFamily, families, ordered
from worker.operations.unmapped.missed_days import spans_of
from worker.operations.unmapped.view import ME, NOBODY, SNOOZED, QueueView, view_of, view_of_query
from worker.storage import misses
from worker.storage.changes import cases, views
from worker.storage.changes.cases import CaseTaken
from worker.storage.changes.views import TooManyViews
from worker.storage.engine import transaction
from worker.storage.errors import StorageRefused
from worker.storage.insight import evidence, miss_days
from worker.storage.misses import MissFilters, QueueKey, QueueOrder, UnknownMiss

PAGE_ROWS: Final = 50
ORDER_WORDS: Final[Mapping[QueueOrder, str]] = {
    "priority": "most urgent",
    "occurrences": "missed most",
    "last_seen": "seen last",
    "first_seen": "seen first",
    "confidence": "surest suggestion",
}
# Of more markets than these the first ones are grouped.
MOST_GROUPED: Final = 1000
# A group is decided about together; of a larger one the first members are.
MOST_TOGETHER: Final = 200
GROUP_WORDS: Final[Mapping[GroupBy, str]] = {
    "name": "the same name but for numbers",
    "labels": "the same labels",
    "candidate": "the same suggestion",
}
# What is missed: a market, a parameter of a mapped one, or a label of a mapped one.
KINDS: Final[Mapping[str, str]] = {
    "UNKNOWN_MARKET": "market",
    "UNKNOWN_PARAM_MARKET": "parameter",
    "NO_MATCHING_OUTCOMES": "label",
}
# Views that many want, each a link; any other one can be kept as a bookmark or shared as well.
PRESETS: Final[Mapping[str, Mapping[str, str]]] = {
    "All open": {},
    "Mine": {"owner": ME},
    "Nobody's": {"owner": NOBODY},
    "Missed again": {"regressed": "yes"},
    "Snoozed": {"snoozed": "only"},
    "Unknown labels": {"why": "NO_MATCHING_OUTCOMES"},
    "Groups": {"group": "name"},
    "By suggestion": {"group": "candidate"},
}
DEFAULT_REASONS: Final = {
    "take": "looked at in the console",
    "take-over": "taken over in the console",
    "release": "let go in the console",
    "wake": "taken up again in the console",
    "reopen": "decided again",
}
_WORDS: Final = {
    "take": "taken",
    "take-over": "taken over",
    "release": "released",
    "ignore": "ignored",
    "snooze": "snoozed",
    "wake": "awake",
    "reopen": "open again",
}
# What takes a decision back.
_BACK: Final = {
    "take": "release",
    "take-over": "release",
    "ignore": "reopen",
    "snooze": "wake",
}


@allowed("read")
async def show(request: Request) -> Response:
    view = view_of(request.query_params)
    view = view._replace(place=min(view.place, MOST_LISTED - PAGE_ROWS))
    filters = view.filters(viewer_of(request).name)
    async with console_of(request).databases.reading() as connection:
        totals = console_of(request).totals
        if view.group is None:
            shown = await _rows(connection, totals, view, filters)
        else:
            shown = await _groups(connection, totals, view, view.group, filters)
        if view.status is None:  # after the rows: what was read for them need not be read again
            found, everything = await totals.share_of(connection, filters, view.order)
        else:
            found = await totals.of(connection, filters)
            everything = await totals.of(connection, {})
        saved = await views.list_views(connection, viewer_of(request).name)
    values: dict[str, Any] = {
        "view": view,
        "found": found.markets,
        "per_hour": found.per_hour,
        "all_per_hour": everything.per_hour,
        "orders": ORDER_WORDS,
        "kinds": KINDS,
        "statuses": misses.STATUSES,
        "snooze_words": SNOOZED,
        "group_words": GROUP_WORDS,
        "presets": {name: urlencode(one) for name, one in PRESETS.items()},
        "filtered": view.query(place=None, order=None),
        "saved": saved,
        "whole": view.query(place=None),
        "longest_name": views.LONGEST_NAME,
        "page_rows": PAGE_ROWS,
        "most_listed": MOST_LISTED,
        "case_query": case_query,
        **shown,
    }
    template = "queue_rows.html" if request.headers.get("hx-request") else "queue.html"
    return page(request, template, **values)


async def _rows(
    connection: AsyncConnection, totals: QueueTotals, view: QueueView, filters: MissFilters
) -> dict[str, Any]:
    """A part of the list, with what each market may be and who works on it."""
    rows = await totals.rows(
        connection, filters, order=view.order, limit=PAGE_ROWS, offset=view.place
    )
    keys, now = [row.key for row in rows], datetime.now(UTC)
    taken = await miss_days.read_counts(connection, [row.id for row in rows])
    weeks = {row.key: spark_bars(spans_of(row, taken[row.id], now), now) for row in rows}
    return {
        "rows": rows,
        "weeks": weeks,
        "suggestions": await evidence.first_suggestions(connection, keys),
        "cases": await cases.read_cases(connection, keys),
        "now": now,
    }


async def _groups(
    connection: AsyncConnection,
    totals: QueueTotals,
    view: QueueView,
    by: GroupBy,
    filters: MissFilters,
) -> dict[str, Any]:
    """Groups of the first markets of the view; each can be decided about as one."""
    rows = await totals.rows(connection, filters, order=view.order, limit=MOST_GROUPED)
    found = ordered(families(rows, by), view.order)
    return {
        "groups": found[view.place : view.place + PAGE_ROWS],
        "group_count": len(found),
        "grouped": len(rows),
        "together": lambda group: json.dumps([one.key for one in group.members[:MOST_TOGETHER]]),
        "most_together": MOST_TOGETHER,
        "grid_of": lambda group: grid_path([one.key for one in group.members[:MOST_MAPPED]]),
        "mapped_by": lambda group: together_path(view, _everywhere(group, found)[:MOST_MAPPED]),
    }


def _everywhere(group: MissFamily, found: Sequence[MissFamily]) -> list[QueueKey]:
    """The markets of a group, and those that have the same in common at other bookmakers."""
    others = [
        one
        for one in found
        if one.key.pattern == group.key.pattern and one.key.source != group.key.source
    ]
    return [member.key for one in (group, *others) for member in one.members]


def case_query(view: QueueView, key: QueueKey, place: int) -> str:
    """The query string of a miss's case: with the view that it was found in, for the one after it.

    ``place`` is that in the list as it is shown; with groups, that in its group.
    """
    at = place if view.group else view.place + place
    source, market = key
    return view.query(source=source, market=market, place=at or None)


@allowed("edit")
async def decide(request: Request) -> Response:
    """Take, ignore, snooze or reopen the markets that are selected: all of them, or none."""
    form = form_of(request)
    alone = [_key(one) for one in form.all("market")]
    together = [key for group in form.all("markets") for key in _keys(group)]
    keys = list(dict.fromkeys([*alone, *together]))
    if not keys:
        name = "market" if view_of_query(form.get("query")).group is None else "markets"
        raise refused_input(name, "Select at least one market.")
    decision = form.get("decision")
    if decision == "map":
        return RedirectResponse(together_path(view_of_query(form.get("query")), keys), 303)
    if decision == "grid":
        return RedirectResponse(grid_path(keys), 303)
    back = local_path(form.get("back") or "/queue")
    reason = form.get("reason") or DEFAULT_REASONS.get(decision, "")
    if decision in {"ignore", "snooze"} and not reason:
        raise without_reason()
    changed = await mark(request, keys, decision, reason, hours=form.get("hours"))
    return said(request, back, notice_of(viewer_of(request).name, decision, changed, back))


def notice_of(viewer: str, decision: str, changed: Sequence[QueueKey], back: str) -> Notice:
    """What is said after the status of markets was set, with the way back."""
    names = tuple(" ".join(key) for key in changed[:5])
    what = names[0] if len(changed) == 1 else number_of(len(changed), "market")
    are = noun_of(len(changed), "is", "are")
    if not changed:
        return Notice(viewer, f"Nothing to change: already {_WORDS[decision]}.")
    fields = tuple(("market", "|".join(key)) for key in changed)
    undo = None
    if decision in _BACK:
        undo = UndoStep("/queue/decide", (*fields, ("decision", _BACK[decision]), ("back", back)))
    return Notice(viewer, f"{what} {are} {_WORDS[decision]}.", names[1:], undo)


async def mark(
    request: Request, keys: Sequence[QueueKey], decision: str, reason: str, *, hours: str = ""
) -> Sequence[QueueKey]:
    """Set the status of markets by the operations that `marketmap unmapped` uses."""
    console, actor = console_of(request), viewer_of(request).name
    try:
        async with transaction(console.databases.deciding("edit")) as connection:
            match decision:
                case "take" | "take-over":
                    force = decision == "take-over"
                    changed = await cases.take(
                        connection, keys, actor=actor, reason=reason, force=force
                    )
                case "release":
                    changed = await cases.release(connection, keys, actor=actor, reason=reason)
                case "ignore":
                    changed = await misses.ignore(connection, keys, actor=actor, notes=reason)
                case "snooze":
                    until = datetime.now(UTC) + timedelta(hours=_hours(hours))
                    changed = await cases.snooze(
                        connection, keys, until, actor=actor, reason=reason
                    )
                case "wake":
                    changed = await cases.snooze(connection, keys, None, actor=actor, reason=reason)
                case "reopen":
                    changed = await misses.reopen(connection, keys, actor=actor, notes=reason)
                case _:
                    raise RefusedError("There is no such decision.")
    except UnknownMiss as error:
        raise RefusedError("Nothing was changed.", 404, lines=(f"{error}.",)) from error
    except CaseTaken as error:
        lines = tuple(f"{error}".split("; "))
        raise RefusedError(
            "Somebody else was first. Nothing was changed.", 409, lines=lines
        ) from error
    except StorageRefused as error:
        raise RefusedError("Nothing was changed.", 409, lines=(f"{error}.",)) from error
    console.metrics.decided()
    await console.live.changed_here()
    return changed


def _hours(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) <= 4
    if not is_number or not 1 <= int(text) <= 24 * 365:
        raise refused_input("hours", "Snooze for 1 hour to 1 year.")
    return int(text)


def _key(text: str) -> QueueKey:
    source, _, market_id = text.partition("|")
    return source, market_id


def _keys(text: str) -> list[QueueKey]:
    """The markets of a group, as its checkbox has them."""
    try:
        listed = json.loads(text)
        pairs = [(source, market_id) for source, market_id in listed[:MOST_TOGETHER]]
        for one in (part for pair in pairs for part in pair):
            one.encode()  # half of a surrogate pair is no text for Postgres
    except (AttributeError, KeyError, RecursionError, TypeError, ValueError) as error:
        raise RefusedError("The selected group cannot be read.") from error
    return [(source.replace("\0", ""), market_id.replace("\0", "")) for source, market_id in pairs]


@allowed("edit")
async def keep_view(request: Request) -> Response:
    """Keep the view that is open under a name, or remove one, as `marketmap unmapped views` does."""
    console, form, viewer = console_of(request), form_of(request), viewer_of(request).name
    kept = view_of_query(form.get("query")).query()
    name = form.get("name").strip()
    if not name or len(name) > views.LONGEST_NAME:
        words = f"A view has a name of 1 to {views.LONGEST_NAME} characters."
        raise refused_input("name", words)
    try:
        async with transaction(console.databases.deciding("edit")) as connection:
            if form.get("decision") == "remove":
                was_there = await views.delete_view(connection, name, actor=viewer)
                words = f"The view {name} is removed." if was_there else f"There is no view {name}."
            else:
                await views.save_view(connection, name, kept, actor=viewer)
                words = f"The view is kept as {name}."
    except (StorageRefused, TooManyViews) as error:
        raise RefusedError("Nothing was changed.", 409, lines=(f"{error}.",)) from error
    return said(request, f"/queue?{kept}", Notice(viewer, words))


ROUTES: Final = [
    Route("/queue", show, methods=["GET"]),
    Route("/queue/view", keep_view, methods=["POST"]),
    Route("/queue/decide", decide, methods=["POST"]),
]
