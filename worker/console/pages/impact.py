"""What would be missed without a mapping, for whoever is to switch it off or delete it. Only read."""

from __future__ import annotations

import asyncio
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.bounded import BoundedWork
from worker.console.changing import refusals
from worker.console.context import Console, RefusedError, allowed, console_of, part_or_page
from worker.operations.drafts.effect import effect_of
from worker.runtime.index.covering import markets_of
from worker.storage.changes.drafts import Proposal
from worker.storage.misses import QueueKey

_MOST_LISTED: Final = 50
# Each reads all mappings.
_looking = BoundedWork(1, patience_s=20.0)


class Impact(NamedTuple):
    """Ids that nothing would read any more, and markets of the queue that would be open again."""

    unread: list[QueueKey]
    reopened: list[QueueKey]


@allowed("read")
async def show(request: Request) -> Response:
    """The part of the page of a mapping that asks for it; a page to a browser without scripts."""
    canonical_id = request.query_params.get("id", "").replace("\0", "")
    values: dict[str, Any] = {
        "canonical_id": canonical_id,
        "impact": await impact_of(console_of(request), canonical_id),
        "most": _MOST_LISTED,
    }
    return part_or_page(request, "impact.html", "impact_page.html", **values)


async def impact_of(console: Console, canonical_id: str) -> Impact:
    """Say what would become of the markets of an active mapping. Raises RefusedError."""
    proposal = Proposal(canonical_id, "DEACTIVATE", None, None, None, [])
    async with _looking.place():
        with refusals():
            async with console.databases.reading() as connection:
                effect = await effect_of(connection, [proposal])
    mapping = effect.draft.before.get(canonical_id)
    if mapping is None:
        raise RefusedError(f"There is no active mapping {canonical_id}.", 404)
    others = set(await asyncio.to_thread(markets_of, effect.draft.after.values()))
    unread = [one for one in markets_of([mapping]) if one not in others]
    return Impact(unread, list(effect.reopened))


ROUTES: Final = [Route("/mapping/impact", show, methods=["GET"])]
