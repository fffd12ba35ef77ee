"""What every request passes before a page sees it, and every answer on its way out.

Theory of operation. In this order:

1. **Host.** If nobody signs in, a name that an attacker owns could lead to 127.0.0.1 (DNS rebinding), and its
   pages would be of the same origin as ours. So the host must be this machine, or the public address. And a
   request that a proxy passed on does not come from this machine.
2. **Origin.** A request that changes something must come from a page of this console: browsers say so in
   `Origin` and `Sec-Fetch-Site`.
3. **Viewer.** Who it is, by the form of sign-in. Without anybody a page leads to the sign-in; anything else
   is refused.
4. **Form and token.** The body is read up to a limit, and its token must be that of the viewer's session. A
   form of another session, of an ended one or of another site does not have it.

Every answer gets the headers that keep a browser from doing more than our pages ask for: no script but our
file, no frame, no copy in a cache.
"""

from __future__ import annotations

import hmac
import time
from collections.abc import Awaitable, Callable
from http import HTTPStatus
from typing import Any, Final
from urllib.parse import quote, urlsplit

import structlog
from starlette.datastructures import MutableHeaders
from starlette.requests import Request
from starlette.responses import HTMLResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from worker.console.context import Console
from worker.console.forms import LARGEST_FORM, LARGEST_SIGN_IN, FormRefusedError, read_form
from worker.console.rendering import render
from worker.console.sign_in.door import Door
from worker.console.sign_in.people import Viewer
from worker.settings.console_access import is_loopback

log = structlog.get_logger()

HEADERS: Final = {
    "content-security-policy": (
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "cross-origin-opener-policy": "same-origin",
    "cross-origin-resource-policy": "same-origin",
    "permissions-policy": "camera=(), geolocation=(), microphone=()",
    "referrer-policy": "same-origin",
    "x-content-type-options": "nosniff",
    "x-frame-options": "DENY",
}
_SAFE: Final = {"GET", "HEAD"}
# A file that there is, and one that has not changed since.
_KEPT: Final = {HTTPStatus.OK, HTTPStatus.NOT_MODIFIED}
# What a proxy adds, whether or not it means to be trusted.
_OF_A_PROXY: Final = (
    "forwarded",
    "x-forwarded-for",
    "x-forwarded-host",
    "x-forwarded-proto",
    "x-real-ip",
)
_PUBLIC: Final = ("/sign-in", "/static/")


class Gate:
    """The outermost part of the application."""

    def __init__(
        self,
        app: ASGIApp,
        *,
        console: Console,
        door: Door,
        failed: Callable[[Request, Exception], Awaitable[Response]],
    ) -> None:
        self._app = app
        self._console = console
        self._door = door
        self._failed = failed
        public = console.settings.console_public_url
        self._public = None if public is None else urlsplit(public)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        begun_s = time.perf_counter()
        status = HTTPStatus.INTERNAL_SERVER_ERROR
        has_begun = is_stream = False

        async def send_guarded(message: Message) -> None:
            nonlocal status, has_begun, is_stream
            if message["type"] == "http.response.start":
                status = message["status"]
                has_begun = True
                headers = MutableHeaders(scope=message)
                is_stream = headers.get("content-type", "").startswith("text/event-stream")
                self._add_headers(scope["path"], status, headers)
            await send(message)

        request = Request(scope, receive)
        # Before anything is read: what changes after it, a page is told of.
        scope["live"] = self._console.live.number
        try:
            refusal = await self._refusal(request)
            if refusal is not None:
                await refusal(scope, receive, send_guarded)
            else:
                await self._app(scope, receive, send_guarded)
        except Exception as error:
            if has_begun:
                raise
            # Here, and not outside of the gate: its page needs the headers of every other one.
            answer = await self._failed(request, error)
            await answer(scope, receive, send_guarded)
        finally:
            if not is_stream:
                self._console.metrics.answered(status, time.perf_counter() - begun_s)

    def _add_headers(self, path: str, status: int, headers: MutableHeaders) -> None:
        for name, value in HEADERS.items():
            headers[name] = value
        if path.startswith("/static/") and status in _KEPT:
            headers["cache-control"] = "public, max-age=31536000, immutable"
        else:
            headers["cache-control"] = "no-store"
        if self._public is not None and self._public.scheme == "https":
            headers["strict-transport-security"] = "max-age=31536000"

    async def _refusal(self, request: Request) -> Response | None:
        """Return the answer to a request that goes no further; note the viewer and the form otherwise."""
        if not self._is_our_host(request.headers.get("host", "")):
            return self._plain(request, "This is not an address of the console.", 421)
        if self._door.form == "none" and any(name in request.headers for name in _OF_A_PROXY):
            return self._plain(
                request, "Without a sign-in the console is for this machine alone.", 403
            )
        is_safe = request.method in _SAFE
        if not is_safe and not self._comes_from_here(request):
            return self._plain(request, "The form comes from another site.", 403)
        viewer = self._door.viewer(request)
        request.scope["viewer"] = viewer
        if is_safe:
            return None if viewer is not None else self._to_sign_in(request)
        return await self._refusal_of_form(request, viewer)

    async def _refusal_of_form(self, request: Request, viewer: Viewer | None) -> Response | None:
        is_sign_in = request.url.path.startswith(_PUBLIC)
        if viewer is None and not is_sign_in:
            return self._ended(request)
        try:
            form = await read_form(request, LARGEST_SIGN_IN if is_sign_in else LARGEST_FORM)
        except FormRefusedError as error:
            return self._plain(request, f"{error}.", error.status)
        token = form.get("csrf")
        expected = self._door.form_token(request) if viewer is None or is_sign_in else viewer.csrf
        if not expected or not hmac.compare_digest(token.encode(), expected.encode()):
            log.warning("console_form_refused", path=request.url.path)
            return self._plain(
                request,
                "This form is out of date: it belongs to another session. Load the page again.",
                403,
            )
        request.scope["form"] = form
        return None

    def _to_sign_in(self, request: Request) -> Response | None:
        path = request.url.path
        if path.startswith(_PUBLIC):
            return None
        if self._door.form == "proxy":
            return self._plain(
                request,
                "The proxy in front of the console has not signed you in, or is not a trusted one.",
                401,
            )
        if request.headers.get("hx-request") or path == "/live":
            return self._ended(request)
        wanted = path + (f"?{request.url.query}" if request.url.query else "")
        return RedirectResponse(f"/sign-in?next={quote(wanted, safe='')}", HTTPStatus.SEE_OTHER)

    def _ended(self, request: Request) -> Response:
        answer = self._plain(request, "Your session has ended. Sign in again.", 401)
        if request.headers.get("hx-request"):
            answer.headers["hx-redirect"] = "/sign-in"
        return answer

    def _is_our_host(self, host: str) -> bool:
        try:
            name = urlsplit(f"//{host}").hostname or ""
        except ValueError:
            return False
        if self._public is not None and name == self._public.hostname:
            return True
        if is_loopback(name):
            return True
        return self._door.form != "none" and self._public is None

    def _comes_from_here(self, request: Request) -> bool:
        site = request.headers.get("sec-fetch-site")
        if site is not None and site not in {"same-origin", "none"}:
            return False
        origin = request.headers.get("origin")
        if origin is None:
            return True
        found = urlsplit(origin)
        host = request.headers.get("host", "")
        allowed = {("http", host), ("https", host)}
        if self._public is not None:
            allowed.add((self._public.scheme, self._public.netloc))
        return (found.scheme, found.netloc) in allowed

    def _plain(self, request: Request, sentence: str, status: int) -> HTMLResponse:
        values: dict[str, Any] = {
            "viewer": None,
            "path": request.url.path,
            "here": "",
            "refused": None,
            "navigation": (),
            "notice": None,
            "sign_in": self._door.form,
            "title": "Not possible",
            "sentence": sentence,
            "lines": (),
            "asks_to_sign_in": status == HTTPStatus.UNAUTHORIZED and self._door.form != "proxy",
        }
        return HTMLResponse(render("error.html", **values), status_code=status)
