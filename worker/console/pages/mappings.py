"""Mappings: found by any id or name, shown with their evidence and their history."""

from __future__ import annotations

from typing import Any, Final, NamedTuple

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.context import RefusedError, allowed, console_of, page
from worker.domain.books.platforms import PLATFORMS
from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS
from worker.domain.bounded_json import objects_in
from worker.domain.diff import FieldChange, diff
from worker.domain.scope import FOOTBALL, external_id, marks_of
from worker.insight.graded import read_graded, read_graded_of
from worker.operations.mappings.editing import NoSuchStateError, state_at
from worker.operations.mappings.tables import (
    SampledUse,
    grade_words,
    grades_of,
    ids_at,
    use_words,
    uses_at,
)
from worker.storage import audit, mappings
from worker.storage.insight import mapping_hours
from worker.storage.mappings import StoredMapping

_MOST: Final = 100
_CHANGES: Final = 100


class ListedMapping(NamedTuple):
    """A mapping, and its ids and use at each bookmaker; a bookmaker without an id is a hole."""

    row: StoredMapping
    ids: dict[str, list[str]]
    uses: dict[str, SampledUse]


@allowed("read")
async def list_(request: Request) -> Response:
    query = request.query_params
    containing = query.get("q", "").strip()[:200].replace("\0", "")
    platform = query.get("platform")
    state = query.get("state")
    filters: dict[str, Any] = {
        "containing": containing,
        "label": query.get("label", "").strip()[:200].replace("\0", ""),
        "platform": platform if platform in PLATFORMS else None,
        "lacks": [one for one in PLATFORMS if one in query.getlist("lacks")],
        "is_active": {"active": True, "off": False}.get(state or ""),
    }
    async with console_of(request).databases.reading() as connection:
        found, ids = await console_of(request).totals.mapping_ids(connection, _MOST, **filters)
        by_id = await mappings.get_all(connection, ids)
        grades = grades_of(await read_graded_of(connection, ids))
        uses = await mapping_hours.read_uses(connection, ids)
    template = "mappings_rows.html" if request.headers.get("hx-request") else "mappings.html"
    return page(
        request,
        template,
        rows=[
            ListedMapping(row, ids_at(row), uses_at(row, uses))
            for row in (by_id[one] for one in ids if one in by_id)
        ],
        use_words=use_words,
        grades={name: grade_words(of) for name, of in grades.items()},
        found=found,
        containing=containing,
        label=filters["label"],
        platform=filters["platform"],
        lacks=filters["lacks"],
        state=state,
    )


@allowed("read")
async def show(request: Request) -> Response:
    """One mapping as it is, or as it was at a version; its evidence and its changes."""
    query = request.query_params
    canonical_id = query.get("id", "").replace("\0", "")
    async with console_of(request).databases.reading() as connection:
        row = await mappings.get(connection, canonical_id)
        changes = await audit.last_changes(connection, canonical_id, _CHANGES)
        change_count = await audit.count(connection, canonical_id)
        graded = await read_graded(connection, canonical_id=canonical_id)
        uses = await mapping_hours.read_uses(connection, [canonical_id])
        older, newer = _version(query.get("from")), _version(query.get("to"))
        compared = None
        if changes and older is not None and newer is not None:
            compared = await _compared(connection, canonical_id, older, newer)
    if row is None and not changes:
        raise RefusedError(f"There is no mapping {canonical_id}.", 404)
    listed = [
        (
            one,
            []
            if one.old_value is None or one.new_value is None
            else diff(one.old_value, one.new_value),
        )
        for one in reversed(changes)
    ]
    values: dict[str, Any] = {
        "canonical_id": canonical_id,
        "row": row,
        "changes": listed,
        "change_count": change_count,
        "graded": graded,
        "uses": {}
        if row is None
        else {one: use_words(*use) for one, use in uses_at(row, uses).items()},
        "columns": ID_COLUMNS,
        "labels": LABEL_COLUMNS,
        "mark": "" if row is None else external_id("", marks_of(_sport_of(row))),
        "outcomes": objects_in(None if row is None else row.outcome_mapping),
        "also": objects_in(None if row is None else row.also),
        "older": older,
        "newer": newer,
        "compared": compared,
    }
    return page(request, "mapping.html", **values)


async def _compared(
    connection: AsyncConnection, canonical_id: str, older: int, newer: int
) -> list[FieldChange]:
    try:
        return diff(
            await state_at(connection, canonical_id, older),
            await state_at(connection, canonical_id, newer),
        )
    except NoSuchStateError as error:
        raise RefusedError("These versions cannot be compared.", lines=(f"{error}.",)) from error


def _sport_of(row: StoredMapping) -> str:
    sport = row.scope.get("sport") if isinstance(row.scope, dict) else None
    return sport if isinstance(sport, str) else FOOTBALL


def _version(text: str | None) -> int | None:
    return int(text) if text and text.isascii() and text.isdigit() and len(text) < 16 else None


ROUTES: Final = [
    Route("/mappings", list_, methods=["GET"]),
    Route("/mapping", show, methods=["GET"]),
]
