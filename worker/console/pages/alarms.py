"""Alarms: mappings that the odds contradict, and what is decided about them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, Final

from starlette.requests import Request
from starlette.responses import Response
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
from worker.console.notices import Notice
from worker.console.pages.case import example_of
from worker.console.pages.repairing import REPAIRS, alarm_number, reason_of
from worker.domain.books.platforms import PLATFORMS
from worker.storage import mappings
from worker.storage.engine import transaction
from worker.storage.errors import StorageRefused
from worker.storage.insight import alarms, evidence
from worker.storage.insight.alarms import STATUSES, UNDECIDED, AlarmStatus, UnknownAlarm
from worker.storage.insight.evidence import StoredSample

_MOST: Final = 100
_DECISIONS: Final[dict[str, AlarmStatus]] = {"acknowledge": "ACKNOWLEDGED", "close": "CLOSED"}


@allowed("read")
async def list_(request: Request) -> Response:
    query = request.query_params
    status, platform = query.get("status"), query.get("platform")
    containing = query.get("q", "").strip()[:200].replace("\0", "")
    async with console_of(request).databases.reading() as connection:
        rows, found = await alarms.list_alarms(
            connection,
            statuses=[status] if status in STATUSES else UNDECIDED,
            platform=platform if platform in PLATFORMS else None,
            containing=containing,
            limit=_MOST,
        )
    return page(
        request,
        "alarms.html",
        rows=rows,
        found=found,
        chosen=status if status in STATUSES else None,
        platform=platform if platform in PLATFORMS else None,
        containing=containing,
        statuses=STATUSES,
    )


@allowed("read")
async def show(request: Request) -> Response:
    number = alarm_number(request.query_params.get("id"))
    try:
        async with console_of(request).databases.reading() as connection:
            (alarm,) = await alarms.get_alarms(connection, [number])
            samples: Sequence[StoredSample] = ()
            row = None
            if alarm.canonical_id is not None:
                key = (alarm.platform, alarm.canonical_id)
                samples = await evidence.read_samples(connection, "alarm", key)
                row = await mappings.get(connection, alarm.canonical_id)
    except UnknownAlarm as error:
        raise RefusedError("There is no such alarm.", 404) from error
    outcomes = alarm.outcomes_instead if isinstance(alarm.outcomes_instead, dict) else {}
    values: dict[str, Any] = {
        "alarm": alarm,
        "row": row,
        "repair": REPAIRS.get(alarm.kind),
        "reason": reason_of(alarm),
        "outcomes": outcomes,
        "examples": [example_of(one) for one in samples[:5]],
    }
    return page(request, "alarm.html", **values)


@allowed("edit")
async def decide(request: Request) -> Response:
    """Acknowledge or close an alarm, by the operation that `marketmap alarms` uses."""
    console, form, viewer = console_of(request), form_of(request), viewer_of(request).name
    number, status = alarm_number(form.get("id")), _DECISIONS.get(form.get("decision"))
    reason = form.get("reason")
    if status is None:
        raise RefusedError("There is no such decision.")
    if not reason:
        raise without_reason()
    try:
        async with transaction(console.databases.deciding("edit")) as connection:
            changed = await alarms.change_alarms(
                connection, [number], status, actor=viewer, reason=reason
            )
    except UnknownAlarm as error:
        raise RefusedError("There is no such alarm.", 404) from error
    except StorageRefused as error:
        raise RefusedError("Nothing was changed.", 409, lines=(f"{error}.",)) from error
    console.metrics.decided()
    await console.live.changed_here()
    words = {"ACKNOWLEDGED": "acknowledged", "CLOSED": "closed"}
    already = "" if changed else "already "
    notice = Notice(viewer, f"Alarm {number} is {already}{words[status]}.")
    return said(request, "/alarms" if status == "CLOSED" else f"/alarm?id={number}", notice)


ROUTES: Final = [
    Route("/alarms", list_, methods=["GET"]),
    Route("/alarm", show, methods=["GET"]),
    Route("/alarm/decide", decide, methods=["POST"]),
]
