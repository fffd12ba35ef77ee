"""What a reviewer decides with: what the prices say about each draft of a change set, and what it would map.

It is what approving compares, found by reading alone, whoever looks. Comparing prices takes seconds, so a
part of the drafts is judged at a time, the others when somebody asks for them.
"""

from __future__ import annotations

from functools import partial
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.bounded import BoundedWork
from worker.console.changing import refusals
from worker.console.context import (
    Console,
    RefusedError,
    allowed,
    console_of,
    part_or_page,
    viewer_of,
)
from worker.console.pages.deciding import whole
from worker.console.waited import in_thread
from worker.operations.drafts.effect import ProposedEffect, effect_of, proposal_of_draft
from worker.operations.mappings.price_verdicts import (
    MOST_EVENTS,
    PriceComparison,
    PriceVerdict,
    compare_prices,
)
from worker.storage.changes import drafts, sets
from worker.storage.insight import evidence

AT_ONCE: Final = 20
# What becomes of missed markets: more than these are counted.
_MOST_LISTED: Final = 50
# Each reads all mappings, and compares prices for seconds.
_judging = BoundedWork(1, patience_s=20.0)


class JudgedDraft(NamedTuple):
    """A mapping as a draft leaves it, and the verdicts on it; None where it would not be in force."""

    canonical_id: str
    verdicts: list[PriceVerdict] | None


class JudgedDrafts(NamedTuple):
    """Some drafts of a change set with their verdicts; the effect is that of all of its drafts together.

    ``missing`` is why prices were not compared.
    """

    judged: list[JudgedDraft]
    first: int
    in_all: int
    effect: ProposedEffect
    missing: str | None

    @property
    def left(self) -> int:
        return max(0, self.in_all - self.first - len(self.judged))


@allowed("read")
async def of_change_set(request: Request) -> Response:
    """Of up to twenty drafts of a change set, from the place that is asked for."""
    console, query = console_of(request), request.query_params
    number, first = whole(query.get("id", "")), whole(query.get("from", "0"))
    if number is None or first is None:
        raise RefusedError("There is no such change set.", 404)

    async def answer() -> Response:
        values: dict[str, Any] = {"number": number, "found": None, "fault": None, "lines": ()}
        try:
            values["found"] = await judge_drafts(console, number, first)
        except RefusedError as error:
            if error.status == 404:
                raise
            values |= {"fault": error.sentence, "lines": error.lines}
        values |= {"most": _MOST_LISTED, "at_once": AT_ONCE}
        return part_or_page(request, "judged.html", "judged_page.html", **values)

    return await console.newest.answer(request, viewer_of(request).name, "", answer)


async def judge_drafts(console: Console, number: int, first: int) -> JudgedDrafts:
    """Judge the drafts of a change set from one place on. Raises RefusedError."""
    async with _judging.place():
        with refusals():
            async with console.databases.reading() as connection:
                await sets.get_change_set(connection, number)
                held = await drafts.drafts_of(connection, number)
                proposals = [proposal_of_draft(one) for one in held]
                effect = await effect_of(connection, proposals)
                events = await evidence.read_events(connection, MOST_EVENTS)
        names = [
            one.canonical_id if one.mapping is None else one.mapping.canonical_id
            for one in proposals[first : first + AT_ONCE]
        ]
        active = dict(effect.draft.after)
        judged = {name for name in names if name in active}
        prices = PriceComparison(missing=None if events else "no event is watched")
        if events and judged:
            prices = await in_thread(
                partial(compare_prices, events, effect.draft.before, active, judged)
            )
    listed = [
        JudgedDraft(
            name,
            [one for one in prices.verdicts if one.canonical_id == name]
            if name in active
            else None,
        )
        for name in names
    ]
    return JudgedDrafts(listed, first, len(proposals), effect, prices.missing)


ROUTES: Final = [Route("/change-set/evidence", of_change_set, methods=["GET"])]
