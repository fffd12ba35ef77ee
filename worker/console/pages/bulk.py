"""Bulk: a group of missed markets as a grid that goes to a spreadsheet and back, as one change set."""

from __future__ import annotations

import csv
from collections.abc import Iterable, Mapping, Sequence
from http import HTTPStatus
from io import StringIO
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.cli.spreadsheet import cell
from worker.cli.words import number_of
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
from worker.console.faults import FormFault
from worker.console.notices import Notice
from worker.console.together import missed, read_markets
from worker.domain.books.platforms import PLATFORMS
from worker.operations.drafts.drafting import propose, save_drafts
from worker.operations.drafts.grid import COLUMNS, GridError, GridFault, read_decisions, read_rows
from worker.operations.drafts.grid_drafts import grid_of, proposals_of
from worker.storage.engine import transaction
from worker.storage.errors import StorageRefused
from worker.storage.misses import MissFilters, QueuedMiss

_MOST: Final = 50
_LONGEST: Final = 500_000


@allowed("edit")
async def show(request: Request) -> Response:
    """The grid of the misses that are named or match, to be filled in here or in a spreadsheet."""
    query = request.query_params
    containing = query.get("q", "").strip()[:200].replace("\0", "")
    platform = query.get("platform")
    chosen = platform if platform in PLATFORMS else None
    filters: MissFilters = {"containing": containing, "source": chosen}
    keys = read_markets(query.getlist("m"))
    async with console_of(request).databases.reading() as connection:
        if keys:
            found: Sequence[QueuedMiss] = await missed(connection, keys)
        else:
            found = await console_of(request).totals.rows(connection, filters, limit=_MOST)
        rows = await grid_of(connection, found)
    return _grid_page(request, _as_text(rows), containing=containing, platform=chosen)


@allowed("edit")
async def save(request: Request) -> Response:
    """Make drafts of the grid, all in one proposed change set, or none; every fault is named."""
    console, form, viewer = console_of(request), form_of(request), viewer_of(request).name
    grid = form.raw("grid")
    if len(grid) > _LONGEST:
        raise RefusedError(
            f"A grid has at most {_LONGEST} characters. Nothing was saved: paste it in parts.",
            HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        )
    name, reason = (form.get("name") or "").strip(), (form.get("reason") or "").strip()
    is_saved = form.get("decision") == "save"
    faults: list[FormFault] = []
    number = 0
    if is_saved and not reason:
        faults += without_reason().faults
    try:
        decisions = read_decisions(_rows(grid))
        if not decisions:
            words = "The grid decides nothing: fill in canonical_id and outcome."
            faults.append(FormFault(words, "grid"))
        async with transaction(console.databases.deciding("edit")) as connection:
            proposals = await proposals_of(connection, decisions)
            if is_saved and not faults:
                number, _ = await save_drafts(
                    connection, proposals, actor=viewer, reason=reason, name=name
                )
                await propose(connection, number, actor=viewer)
    except GridError as error:
        faults += [FormFault(f"{one}.", "grid") for one in error.faults]
    except StorageRefused as error:
        refused = RefusedError("Nothing was changed.", 409, lines=(f"{error}.",))
        return _grid_page(request, grid, refused=refused.on_form("/bulk", form))
    if faults:
        refused = RefusedError("Nothing was saved.", faults=faults)
        return _grid_page(request, grid, refused=refused.on_form("/bulk", form))
    if not is_saved:
        checked = _summary(proposals)
        return _grid_page(request, grid, name=name, reason=reason, checked=checked)
    console.metrics.decided()
    await console.live.changed_here()
    words = f"Change set {number} is proposed: {_summary(proposals)}"
    return said(request, f"/change-set?id={number}", Notice(viewer, words))


def _summary(proposals: Iterable[Any]) -> str:
    listed = list(proposals)
    markets = sum(len(one.misses) for one in listed)
    return f"{number_of(markets, 'market')} in {number_of(len(listed), 'mapping')}."


def _grid_page(request: Request, grid: str, **values: Any) -> Response:
    common: dict[str, Any] = {
        "containing": "",
        "platform": None,
        "name": "",
        "reason": "",
        "checked": "",
    }
    return page(request, "bulk.html", grid=grid, **common | values)


def _as_text(rows: Iterable[Mapping[str, Any]]) -> str:
    """The grid with tabs between the cells: what spreadsheets copy and paste."""
    text = StringIO(newline="")
    writer = csv.writer(text, delimiter="\t", lineterminator="\n")
    writer.writerow(COLUMNS)
    for row in rows:
        writer.writerow([cell(row[name]) for name in COLUMNS])
    return text.getvalue()


def _rows(grid: str) -> list[dict[str, str | None]]:
    try:
        return read_rows(grid)
    except csv.Error as error:
        raise GridError([GridFault(0, f"the grid cannot be read: {error}")]) from error


ROUTES: Final = [
    Route("/bulk", show, methods=["GET"]),
    Route("/bulk", save, methods=["POST"]),
]
