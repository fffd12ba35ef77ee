"""What every page has at hand, and how a page is answered."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from functools import wraps
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import parse_qsl, urlencode

from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response

from worker.console.databases import Databases
from worker.console.faults import FormFault, RefusedForm
from worker.console.forms import SentForm
from worker.console.live import LiveChanges
from worker.console.metrics import ConsoleMetrics
from worker.console.notices import Notice, Notices
from worker.console.rendering import render
from worker.console.republisher import Republisher
from worker.console.sign_in.people import Permission, Viewer
from worker.console.totals import QueueTotals
from worker.console.waited import NewestRequests
from worker.settings.connected import DatabaseSettings
from worker.storage.errors import StorageError

Page = Callable[[Request], Awaitable[Response]]

# Longer than any path with the longest search in it; a sign-in keeps one.
_LONGEST_PATH: Final = 4000

# Where a request holds the form that is shown again because it was refused.
REFUSED: Final = "refused_form"
NAVIGATION: Final = (
    ("/", "Home"),
    ("/queue", "Queue"),
    ("/mappings", "Mappings"),
    ("/bulk", "Bulk"),
    ("/review", "Review"),
    ("/history", "History"),
    ("/alarms", "Alarms"),
    ("/events", "Events"),
    ("/explain", "Explain"),
    ("/dead-letters", "Dead letters"),
)


class Console:
    """The parts of the running console."""

    def __init__(
        self,
        settings: DatabaseSettings,
        databases: Databases,
        live: LiveChanges,
        metrics: ConsoleMetrics,
    ) -> None:
        self.settings = settings
        self.databases = databases
        self.live = live
        self.metrics = metrics
        self.notices = Notices()
        self.totals = QueueTotals(lambda: live.number)
        self.republisher = Republisher()
        self.newest = NewestRequests()


class RefusedError(Exception):
    """A page cannot be shown, or a decision not be made; the person is told so.

    ``lines`` say why; ``faults`` do so as well, and name the inputs of the form that was sent.
    """

    def __init__(
        self,
        sentence: str,
        status: int = HTTPStatus.BAD_REQUEST,
        *,
        lines: tuple[str, ...] = (),
        faults: Sequence[FormFault] = (),
    ) -> None:
        super().__init__(sentence)
        self.sentence = sentence
        self.status = status
        self.faults = (*faults, *map(FormFault, lines))

    def on_form(self, action: str, sent: SentForm) -> RefusedForm:
        """What a page shows of the form of this address, which was sent and refused."""
        return RefusedForm(action, sent, self.sentence, self.faults, self.status)

    @property
    def lines(self) -> tuple[str, ...]:
        """Why, without the inputs."""
        return tuple(one.words for one in self.faults)


def refused_input(
    name: str,
    words: str,
    sentence: str = "Nothing was changed.",
    status: int = HTTPStatus.BAD_REQUEST,
) -> RefusedError:
    """The refusal of what one input holds."""
    return RefusedError(sentence, status, faults=[FormFault(words, name)])


def not_answered(error: StorageError) -> RefusedError:
    """The refusal when the database is unavailable, refuses, or takes too long."""
    return RefusedError(
        "The database does not answer as it should. Nothing was changed.",
        HTTPStatus.SERVICE_UNAVAILABLE,
        lines=(str(error),),
    )


def without_reason() -> RefusedError:
    """The refusal of a decision that says no reason."""
    return refused_input("reason", "Say why: the reason is kept in the history.")


def console_of(request: Request) -> Console:
    found = request.app.state.console
    if not isinstance(found, Console):
        raise TypeError("the application has no console")
    return found


def viewer_of(request: Request) -> Viewer:
    """Return who looks at the page; the gate lets nobody else come here."""
    found = request.scope.get("viewer")
    if not isinstance(found, Viewer):
        raise TypeError("a page was asked for without a viewer")
    return found


def form_of(request: Request) -> SentForm:
    """Return the form, which the gate has read and checked."""
    found = request.scope.get("form")
    if not isinstance(found, SentForm):
        raise TypeError("there is no form")
    return found


def allowed(permission: Permission) -> Callable[[Page], Page]:
    """Refuse a page to those who may not do what it does."""

    def decorate(page: Page) -> Page:
        @wraps(page)
        async def guarded(request: Request) -> Response:
            viewer = viewer_of(request)
            if not viewer.may(permission):
                roles = ", ".join(viewer.roles) or "none"
                raise RefusedError(
                    "You may not do this.",
                    HTTPStatus.FORBIDDEN,
                    lines=(f"It needs the right to {permission}. Your roles: {roles}.",),
                )
            return await page(request)

        return guarded

    return decorate


def here_of(request: Request) -> str:
    """The address of the page that is shown: of a form that was sent, that of the page it is on."""
    form = request.scope.get("form")
    if request.method == "POST" and isinstance(form, SentForm):
        return local_path(form.get("here"))
    kept = [pair for pair in request.query_params.multi_items() if pair[0] != "said"]
    return request.url.path + (f"?{urlencode(kept)}" if kept else "")


def page(
    request: Request,
    template: str,
    *,
    status: int = HTTPStatus.OK,
    refused: RefusedForm | None = None,
    **values: Any,
) -> HTMLResponse:
    """Answer with a page: with the notice that its address names, and with what is wrong with its form."""
    viewer = request.scope.get("viewer")
    refused = refused or request.scope.get(REFUSED)
    if refused is not None:
        status = refused.status
    console = console_of(request)
    notice: Notice | None = None
    if isinstance(viewer, Viewer):
        notice = console.notices.find(request.query_params.get("said"), viewer.name)
    common: dict[str, Any] = {
        "viewer": viewer,
        "path": request.url.path,
        "here": here_of(request),
        "refused": refused,
        "navigation": NAVIGATION,
        "notice": notice,
        "live": request.scope.get("live"),
        "sign_in": console.settings.console_sign_in,
    }
    return HTMLResponse(render(template, **common | values), status_code=status)


def part_or_page(request: Request, part: str, whole: str, **values: Any) -> HTMLResponse:
    """Answer with the part of a page that asked for it; with a whole page to a browser without scripts."""
    if request.headers.get("hx-request"):
        return HTMLResponse(render(part, **values))
    return page(request, whole, **values)


def said(request: Request, where: str, notice: Notice) -> RedirectResponse:
    """Go to a page that says this."""
    identifier = console_of(request).notices.add(notice)
    path, _, query = where.partition("?")
    kept = [(name, value) for name, value in parse_qsl(query) if name != "said"]
    return RedirectResponse(
        f"{path}?{urlencode([*kept, ('said', identifier)])}", HTTPStatus.SEE_OTHER
    )


def local_path(wanted: str | None) -> str:
    """Return a path of this console; anything that could lead elsewhere becomes the first page."""
    if not wanted or not wanted.startswith("/") or wanted.startswith("//"):
        return "/"
    if (
        len(wanted) > _LONGEST_PATH
        or "\\" in wanted
        or not wanted.isprintable()
        or wanted.startswith("/sign-")
    ):
        return "/"
    return wanted
