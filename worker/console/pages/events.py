"""Watched events, and one of them with the prices of all bookmakers side by side."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from http import HTTPStatus
from typing import Any, Final, NamedTuple

from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from worker.console.bounded import BoundedWork
from worker.console.context import RefusedError, allowed, console_of, page, viewer_of
from worker.console.waited import in_thread
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.operations.evidence.event_prices import (
    DISAGREES,
    EventPrices,
    NotReadableError,
    OutcomeFilter,
    PricedMarket,
    SoldEvent,
    UnknownEvent,
    arranged,
    read_sold,
)
from worker.operations.evidence.event_proofs import proofs_on
from worker.storage.insight import evidence

PAGE_MARKETS: Final = 60
_MOST_EVENTS: Final = 200
# Arranges all prices of an event, which takes seconds for a large one.
_arranging = BoundedWork(1, patience_s=20.0)
# Fits the goals of each bookmaker for seconds.
_proving = BoundedWork(1, patience_s=20.0)
_MOST_MARKETS: Final = 100_000
FILTERS: Final[Mapping[OutcomeFilter, str]] = {
    "compared": "sold by two or more",
    "disagreeing": "that disagree",
    "all": "all",
}


class _ShownPrices(NamedTuple):
    """An event, the markets that were asked for, and how many of all are compared and disagree."""

    event: EventPrices
    markets: Sequence[PricedMarket]
    compared: int
    disagreeing: int


@allowed("read")
async def list_(request: Request) -> Response:
    containing = _text(request.query_params.get("q"))
    async with console_of(request).databases.reading() as connection:
        rows, found = await evidence.list_events(
            connection, containing=containing, limit=_MOST_EVENTS
        )
    template = "events_rows.html" if request.headers.get("hx-request") else "events.html"
    return page(request, template, rows=rows, found=found, containing=containing)


@allowed("read")
async def show(request: Request) -> Response:
    """One event by its key, which is in the address: a link to it can be shared while it is watched."""
    console, query, event = console_of(request), request.query_params, _key(request)
    containing, wanted = _text(query.get("q")), query.get("show")
    chosen: OutcomeFilter = next((one for one in FILTERS if one == wanted), "compared")
    platform = next((one for one in PLATFORMS if one == query.get("platform")), None)
    place = _place(query.get("place", ""))

    async def answer() -> Response:
        async with _arranging.place():
            with _refusals():
                async with console.databases.reading() as connection:
                    sold = await read_sold(connection, event)
            shown = await in_thread(
                partial(
                    _shown_prices, sold, chosen=chosen, containing=containing, platform=platform
                )
            )
        values: dict[str, Any] = {
            "event": shown.event,
            "compared": shown.compared,
            "disagreeing": shown.disagreeing,
            "markets": shown.markets[place : place + PAGE_MARKETS],
            "found": len(shown.markets),
            "place": place,
            "page_markets": PAGE_MARKETS,
            "chosen": chosen,
            "containing": containing,
            "platform": platform,
            "filters": FILTERS,
            "disagrees": DISAGREES,
        }
        return page(request, "event.html", **values)

    return await console.newest.answer(request, viewer_of(request).name, "", answer)


def _shown_prices(
    sold: SoldEvent,
    *,
    chosen: OutcomeFilter,
    containing: str,
    platform: Platform | None,
    proceed: Callable[[], None],
) -> _ShownPrices:
    event = arranged(sold, proceed=proceed)
    proceed()
    markets = event.chosen(chosen, containing, platform)
    return _ShownPrices(event, markets, event.compared, event.disagreeing)


@allowed("read")
async def show_proofs(request: Request) -> Response:
    """What the prices of each bookmaker on one event contradict by themselves."""
    console, event = console_of(request), _key(request)

    async def answer() -> Response:
        async with _proving.place():
            with _refusals():
                async with console.databases.reading() as connection:
                    found = await read_sold(connection, event)
            proofs = await in_thread(partial(proofs_on, found))
        return page(request, "event_proofs.html", event=found.event, proofs=proofs)

    return await console.newest.answer(request, viewer_of(request).name, "", answer)


@contextmanager
def _refusals() -> Iterator[None]:
    try:
        yield
    except UnknownEvent as error:
        raise RefusedError(
            "This event is not watched, or no longer.",
            HTTPStatus.NOT_FOUND,
            lines=(f"{error}.", "The page Events lists those that are watched now."),
        ) from error
    except NotReadableError as error:
        raise RefusedError(
            "The prices of this event cannot be read.",
            HTTPStatus.SERVICE_UNAVAILABLE,
            lines=(f"{error}.",),
        ) from error


def _key(request: Request) -> str:
    return request.query_params.get("id", "")[:1000].replace("\0", "")


def _text(given: str | None) -> str:
    return (given or "").strip()[:200].replace("\0", "")


def _place(text: str) -> int:
    is_number = text.isascii() and text.isdigit() and len(text) < 8
    return min(int(text), _MOST_MARKETS) if is_number else 0


ROUTES: Final = [
    Route("/events", list_, methods=["GET"]),
    Route("/event", show, methods=["GET"]),
    Route("/event/proofs", show_proofs, methods=["GET"]),
]
