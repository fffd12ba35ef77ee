"""The application: every page of the console behind one gate."""

from __future__ import annotations

import secrets
from http import HTTPStatus

import structlog
from starlette.applications import Starlette
from starlette.exceptions import HTTPException
from starlette.middleware import Middleware
from starlette.requests import Request
from starlette.responses import HTMLResponse, Response, StreamingResponse
from starlette.routing import Match, Mount, Route
from starlette.staticfiles import StaticFiles
from starlette.types import Receive, Scope, Send

from worker.console.context import (
    REFUSED,
    Console,
    RefusedError,
    allowed,
    console_of,
    local_path,
    not_answered,
    page,
    viewer_of,
)
from worker.console.forms import SentForm
from worker.console.gate import Gate
from worker.console.live import LiveChanges
from worker.console.pages import (
    alarms,
    bulk,
    case,
    dead_letters,
    deciding,
    editor,
    events,
    explain,
    home,
    impact,
    judging,
    mappings,
    queue,
    redriving,
    replays,
    review,
    signing_in,
    what_if,
)
from worker.console.rendering import STATIC
from worker.console.sign_in.door import Door
from worker.storage.errors import StorageError

log = structlog.get_logger()


def make_app(console: Console, door: Door) -> Starlette:
    pages = [
        *home.ROUTES,
        *queue.ROUTES,
        *case.ROUTES,
        *editor.ROUTES,
        *deciding.ROUTES,
        *mappings.ROUTES,
        *impact.ROUTES,
        *review.ROUTES,
        *replays.ROUTES,
        *bulk.ROUTES,
        *alarms.ROUTES,
        *events.ROUTES,
        *explain.ROUTES,
        *dead_letters.ROUTES,
        *redriving.ROUTES,
        *signing_in.ROUTES,
        *what_if.ROUTES,
        *judging.ROUTES,
    ]
    app = Starlette(
        routes=[
            *pages,
            Route("/live", _live),
            Mount("/static", StaticFiles(directory=STATIC), name="static"),
        ],
        middleware=[Middleware(Gate, console=console, door=door, failed=_failed)],
        exception_handlers={
            RefusedError: _refused,
            StorageError: _not_answered,
            HTTPException: _http_error,
        },
    )
    app.state.console = console
    app.state.door = door
    app.state.pages = pages
    return app


class _LiveStream(StreamingResponse):
    """A stream that is counted from the request to its end, however it ends."""

    def __init__(self, live: LiveChanges, person: str, since: int | None) -> None:
        super().__init__(live.events(since), media_type="text/event-stream")
        self._live = live
        self._person = person

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._live.leave(self._person)


@allowed("read")
async def _live(request: Request) -> Response:
    live, person = console_of(request).live, viewer_of(request).name
    if not live.join(person):
        return Response(status_code=HTTPStatus.SERVICE_UNAVAILABLE, headers={"retry-after": "30"})
    # A stream that is opened again says itself how far it came.
    named = request.headers.get("last-event-id") or request.query_params.get("since", "")
    return _LiveStream(live, person, deciding.whole(named))


async def _refused(request: Request, error: Exception) -> Response:
    if not isinstance(error, RefusedError):
        raise error
    again = await _page_again(request, error)
    return again or _error_page(request, error.status, error.sentence, error.lines)


async def _page_again(request: Request, error: RefusedError) -> Response | None:
    """The page that the form of a request is on, with what was sent and what is wrong with it.

    None if the request sent no form, or if that page cannot be shown: the market may be gone, too.
    """
    form = request.scope.get("form")
    is_part = "hx-request" in request.headers
    if not isinstance(form, SentForm) or not form.get("here") or is_part:
        return None
    path, _, query = local_path(form.get("here")).partition("?")
    scope = {
        **request.scope,
        "method": "GET",
        "path": path,
        "raw_path": path.encode(),
        "query_string": query.encode(),
        REFUSED: error.on_form(request.url.path, form),
    }
    for route in request.app.state.pages:
        match, found = route.matches(scope)
        if match is Match.FULL:
            try:
                answer = await route.endpoint(Request({**scope, **found}))
            except (RefusedError, StorageError):
                return None
            return answer if isinstance(answer, HTMLResponse) else None
    return None


async def _not_answered(request: Request, error: Exception) -> Response:
    """The database is unavailable, refuses, or takes too long: nothing was changed."""
    if not isinstance(error, StorageError):
        raise error
    log.warning("console_page_failed", path=request.url.path, error=str(error))
    return await _refused(request, not_answered(error))


async def _http_error(request: Request, error: Exception) -> Response:
    if not isinstance(error, HTTPException):
        raise error
    sentence = "There is no such page." if error.status_code == 404 else error.detail
    return _error_page(request, error.status_code, sentence, ())


async def _failed(request: Request, error: Exception) -> Response:
    """A defect. The person gets a mark by which the log can be searched, and nothing of what happened."""
    mark = secrets.token_hex(4)
    log.error("console_page_failed", path=request.url.path, mark=mark, exc_info=error)
    return _error_page(
        request,
        HTTPStatus.INTERNAL_SERVER_ERROR,
        "The console failed to make this page.",
        (f"Its log says why, at the mark {mark}.",),
    )


def _error_page(request: Request, status: int, sentence: str, lines: tuple[str, ...]) -> Response:
    return page(
        request,
        "error.html",
        status=status,
        title="Not possible",
        sentence=sentence,
        lines=lines,
        asks_to_sign_in=False,
    )
