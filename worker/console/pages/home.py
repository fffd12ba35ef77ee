"""The first page: how much is covered, what waits for a decision, and what has changed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Final

from sqlalchemy.ext.asyncio import AsyncConnection
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.context import allowed, console_of, page, viewer_of
from worker.console.pages.queue import case_query
from worker.console.pages.sparkline import HEIGHT, WIDTH, sparkline
from worker.console.rendering import count
from worker.domain.books.platforms import PLATFORMS
from worker.operations.evidence.coverage_hours import read_coverage
from worker.operations.unmapped.view import ME, NOBODY, QueueView
from worker.storage import audit, misses
from worker.storage.changes import cases, effects
from worker.storage.changes.cases import ListedCase, ListedCases
from worker.storage.insight import alarms, evidence
from worker.storage.insight.evidence import StoredSuggestion
from worker.storage.misses import QueuedMiss, QueueKey

_MOST: Final = 8
# More than these are not counted.
_MOST_COUNTED: Final = 200
# Markets that are done keep their case, any number of them: no more of the newest cases are looked at.
_MOST_LOOKED_AT: Final = 1000
_DAYS: Final = 7
# Each list is the beginning of a view of the queue, so that a decision leads to the next one of its list.
URGENT: Final = QueueView(owner=NOBODY)
SUREST: Final = QueueView(order="confidence")
MINE: Final = QueueView(owner=ME, snoozed="with")
AGAIN: Final = QueueView(regressed=True, snoozed="with")


@allowed("read")
async def show(request: Request) -> Response:
    name, totals = viewer_of(request).name, console_of(request).totals
    now = datetime.now(UTC)
    async with console_of(request).databases.reading() as connection:
        missed = await totals.by_source(connection, PLATFORMS)
        hours = await read_coverage(connection, list(PLATFORMS), _DAYS)
        by_platform = [
            {
                "platform": platform,
                "mapped": await totals.mapped(connection, platform=platform, is_active=True),
                "missed": missed[platform],
                "coverage": sparkline([one for one in hours if one.platform == platform], now),
            }
            for platform in PLATFORMS
        ]
        open_alarms, alarm_count = await alarms.list_alarms(connection, limit=_MOST)
        suggestion_count = await totals.confident(connection)
        surest = await totals.rows(
            connection, SUREST.filters(name), order=SUREST.order, limit=_MOST
        )
        suggestions = await evidence.first_suggestions(connection, [one.key for one in surest])
        taken = await cases.list_cases(
            connection, owner=name, limit=_MOST_COUNTED, among=_MOST_LOOKED_AT
        )
        regressed = await cases.list_cases(
            connection, regressed=True, limit=_MOST_COUNTED, among=_MOST_LOOKED_AT
        )
        scores = await _scores(connection, [*taken.rows, *regressed.rows])
        urgent = await totals.rows(connection, URGENT.filters(name), limit=_MOST)
        changes = await audit.newest(connection, _MOST_COUNTED)
        unlocked = await effects.unlocked_since(connection, now)
    confident = [one for one in surest if _is_confident(suggestions.get(one.key))]
    today = [one for one in changes if one.created_at >= now - timedelta(days=1)]
    values: dict[str, Any] = {
        "by_platform": by_platform,
        "alarms": open_alarms,
        "alarm_count": alarm_count,
        "surest": confident,
        "suggestions": suggestions,
        "suggestion_count": suggestion_count,
        "taken": _most_urgent(taken.rows, scores),
        "taken_count": _words_of(taken),
        "regressed": _most_urgent(regressed.rows, scores),
        "regressed_count": _words_of(regressed),
        "most_counted": _MOST_COUNTED,
        "taken_cut": taken.is_cut,
        "regressed_cut": regressed.is_cut,
        "urgent": urgent,
        "unlocked": unlocked,
        "urgent_unlock": _comparisons(urgent),
        "surest_unlock": _comparisons(confident),
        "views": {"urgent": URGENT, "surest": SUREST, "mine": MINE, "again": AGAIN},
        "case_query": case_query,
        "changes": changes[:_MOST],
        "changed_today": len(today),
        "people_today": len({one.created_by for one in today}),
        "width": WIDTH,
        "height": HEIGHT,
    }
    return page(request, "home.html", **values)


def _comparisons(rows: Sequence[QueuedMiss]) -> float | None:
    """How many comparisons a day mappings of these would unlock; None if that is known of none of them."""
    known = [one.comparisons_per_day for one in rows if one.comparisons_per_day is not None]
    return sum(known) if known else None


def _is_confident(suggestion: StoredSuggestion | None) -> bool:
    return suggestion is not None and suggestion.is_confident


async def _scores(
    connection: AsyncConnection, listed: Sequence[ListedCase]
) -> dict[QueueKey, float]:
    """Return the scores by which the queue orders these misses."""
    keys = list(dict.fromkeys(one.case.key for one in listed))
    found = await misses.get_misses(connection, keys) if keys else []
    return {one.key: one.score for one in found}


def _words_of(listed: ListedCases) -> str:
    """How many there are, as far as that was looked at."""
    number = len(listed.rows)
    if listed.is_cut:
        return f"{number} of the newest {count(_MOST_LOOKED_AT)} cases"
    return f"{number} or more" if number == _MOST_COUNTED else str(number)


def _most_urgent(
    listed: Sequence[ListedCase], scores: Mapping[QueueKey, float]
) -> Sequence[ListedCase]:
    """The first of these cases in the order of the queue."""
    return sorted(listed, key=lambda one: -scores.get(one.case.key, 0.0))[:_MOST]


ROUTES: Final = [Route("/", show, methods=["GET"])]
