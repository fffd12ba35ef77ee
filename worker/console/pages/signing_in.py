"""Signing in and out."""

from __future__ import annotations

import asyncio
import secrets
from http import HTTPStatus
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import RedirectResponse, Response
from starlette.routing import Route

from worker.console.context import RefusedError, console_of, form_of, local_path, page
from worker.console.faults import FormFault
from worker.console.sign_in.door import Door
from worker.console.sign_in.oidc import OidcError
from worker.console.sign_in.users import LONGEST_PASSWORD
from worker.settings.console_users import LONGEST_NAME, UsersFileError

log = structlog.get_logger()

# Each comparison of a password takes 64 MiB and some CPU: no more than this at the same time.
_AT_ONCE: Final = 2
_comparing = asyncio.Semaphore(_AT_ONCE)


def door_of(request: Request) -> Door:
    found = request.app.state.door
    if not isinstance(found, Door):
        raise TypeError("the application has no door")
    return found


async def show(request: Request) -> Response:
    """The form of the sign-in, or the way to the provider."""
    door = door_of(request)
    where = local_path(request.query_params.get("next"))
    if door.form in {"none", "proxy"} or door.viewer(request) is not None:
        return RedirectResponse(where, HTTPStatus.SEE_OTHER)
    attempt = door.attempt(request) or secrets.token_urlsafe(24)
    return _form(request, attempt, where=where)


async def sign_in(request: Request) -> Response:
    """Compare name and password; begin a session."""
    door, form = door_of(request), form_of(request)
    metrics = console_of(request).metrics
    if door.users is None:
        raise RefusedError("Nobody signs in with a password here.", HTTPStatus.NOT_FOUND)
    where = local_path(form.get("next"))
    name, password = form.get("name")[:LONGEST_NAME], form.raw("password")[:LONGEST_PASSWORD]
    attempt, address = door.attempt(request) or "", door.address(request)
    wait_s = door.attempts.wait_s(name, address)
    if wait_s > 0:
        metrics.signed_in("limited")
        answer = _form(
            request,
            attempt,
            where=where,
            refused=RefusedError(
                f"Too many attempts. Try again in {wait_s / 60:.0f} minutes.",
                HTTPStatus.TOO_MANY_REQUESTS,
            ),
        )
        answer.headers["retry-after"] = str(round(wait_s) + 1)
        return answer
    # Counted before the comparison, which takes a while: attempts at the same time count as well.
    door.attempts.failed(name, address)
    try:
        async with _comparing:
            user = await asyncio.to_thread(door.users.verify, name, password)
    except UsersFileError as error:
        log.warning("console_users_not_read", error=str(error))
        raise RefusedError(
            "The file of users cannot be read.", HTTPStatus.SERVICE_UNAVAILABLE
        ) from error
    if user is None:
        metrics.signed_in("refused")
        log.warning("console_sign_in_refused", address=address)
        return _form(
            request,
            attempt,
            where=where,
            refused=RefusedError(
                "You are not signed in.",
                HTTPStatus.UNAUTHORIZED,
                faults=[FormFault("Name or password is wrong.", "name")],
            ),
        )
    door.attempts.succeeded(name, address)
    metrics.signed_in("ok")
    answer = RedirectResponse(where, HTTPStatus.SEE_OTHER)
    door.begin(request, answer, user.name, user.roles)
    return answer


async def to_provider(request: Request) -> Response:
    """Send the browser to the provider of OpenID Connect."""
    door = door_of(request)
    if door.oidc is None:
        raise RefusedError("There is no provider to sign in at.", HTTPStatus.NOT_FOUND)
    try:
        attempt, address = await door.oidc.begin(
            local_path(request.query_params.get("next")), door.address(request)
        )
    except OidcError as error:
        raise _refused_by_provider(request, error) from error
    answer = RedirectResponse(address, HTTPStatus.SEE_OTHER)
    door.set_attempt(answer, attempt)
    return answer


async def from_provider(request: Request) -> Response:
    """Begin a session for whom the provider names."""
    door = door_of(request)
    if door.oidc is None:
        raise RefusedError("There is no provider to sign in at.", HTTPStatus.NOT_FOUND)
    query = request.query_params
    try:
        person, where = await door.oidc.finish(
            door.attempt(request), query.get("state"), query.get("code")
        )
    except OidcError as error:
        raise _refused_by_provider(request, error) from error
    console_of(request).metrics.signed_in("ok")
    answer = RedirectResponse(where, HTTPStatus.SEE_OTHER)
    door.begin(request, answer, person.name, door.roles_of(person.groups))
    return answer


async def sign_out(request: Request) -> Response:
    answer = RedirectResponse("/sign-in", HTTPStatus.SEE_OTHER)
    door_of(request).end(request, answer)
    return answer


def _refused_by_provider(request: Request, error: OidcError) -> RefusedError:
    console_of(request).metrics.signed_in("refused")
    log.warning("console_sign_in_refused", error=str(error))
    return RefusedError(
        "You are not signed in.", HTTPStatus.UNAUTHORIZED, lines=(f"{error}.", "Try it again.")
    )


def _form(
    request: Request,
    attempt: str,
    *,
    where: str,
    refused: RefusedError | None = None,
) -> Response:
    door = door_of(request)
    answer = page(
        request,
        "sign_in.html",
        refused=None if refused is None else refused.on_form("/sign-in", form_of(request)),
        token=door.token_of_attempt(attempt),
        where=where,
        by=door.form,
    )
    door.set_attempt(answer, attempt)
    return answer


ROUTES: Final = [
    Route("/sign-in", show, methods=["GET"]),
    Route("/sign-in", sign_in, methods=["POST"]),
    Route("/sign-in/provider", to_provider, methods=["GET"]),
    Route("/sign-in/answer", from_provider, methods=["GET"]),
    Route("/sign-out", sign_out, methods=["POST"]),
]
