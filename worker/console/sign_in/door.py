"""Who a request comes from, by the form of sign-in that the settings choose."""

from __future__ import annotations

import getpass
import hashlib
import hmac
import os
import secrets
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

import structlog
from starlette.requests import Request
from starlette.responses import Response

from worker.console.sign_in.addresses import client_address, is_among
from worker.console.sign_in.attempts import Attempts
from worker.console.sign_in.oidc import OidcProvider, OidcSignIn
from worker.console.sign_in.people import Viewer
from worker.console.sign_in.sessions import SignInSessions
from worker.console.sign_in.users import UserDirectory
from worker.domain.errors import FatalError
from worker.settings.console_access import (
    CONSOLE_ROLES,
    ConsoleRole,
    SignInForm,
    fault_of_sign_in,
    parse_networks,
    parse_role_names,
)
from worker.settings.console_users import LONGEST_NAME, UsersFileError, is_name, ordered_roles
from worker.settings.settings import Settings

log = structlog.get_logger()

_SESSION: Final = "marketmap_session"
_ATTEMPT: Final = "marketmap_sign_in"
_ATTEMPT_S: Final = 3600


class Door:
    """Knows the viewer of each request; begins and ends sessions."""

    def __init__(
        self, settings: Settings, clock: Callable[[], float], *, name_of_nobody: str | None = None
    ) -> None:
        self.form: SignInForm = settings.console_sign_in
        self.is_secure = (settings.console_public_url or "").startswith("https://")
        self.sessions = SignInSessions(
            clock, length_s=settings.console_session_s, idle_s=settings.console_idle_s
        )
        self.attempts = Attempts(clock)
        self.users: UserDirectory | None = None
        self.oidc: OidcSignIn | None = None
        self._proxies = parse_networks(settings.console_proxy_addresses)
        self._role_names: Mapping[str, ConsoleRole] = parse_role_names(settings.console_roles)
        self._name_header = settings.console_proxy_name_header
        self._groups_header = settings.console_proxy_groups_header
        self._secret = secrets.token_bytes(32)
        self._nobody = name_of_nobody or local_name()
        if settings.console_users_file is not None and self.form == "users":
            self.users = UserDirectory(Path(settings.console_users_file))
        if self.form == "oidc":
            self.oidc = _oidc(settings, clock)

    def viewer(self, request: Request) -> Viewer | None:
        """Return who is signed in, None if nobody is."""
        if self.form == "none":
            return Viewer(self._nobody, CONSOLE_ROLES, self._token(f"viewer {self._nobody}"))
        if self.form == "proxy":
            return self._named_by_proxy(request)
        identifier = request.cookies.get(self._cookie(_SESSION))
        viewer = self.sessions.find(identifier, is_use=not _asks_by_itself(request))
        if viewer is None or self.users is None:
            return viewer
        return viewer if self._is_still_a_user(viewer, identifier) else None

    def roles_of(self, groups: tuple[str, ...]) -> tuple[ConsoleRole, ...]:
        return ordered_roles(
            self._role_names[group] for group in groups if group in self._role_names
        )

    def begin(
        self, request: Request, response: Response, name: str, roles: tuple[ConsoleRole, ...]
    ) -> None:
        """Sign somebody in: with a fresh session, whatever the browser had before."""
        self.end(request, response)
        identifier = self.sessions.begin(name, roles)
        response.set_cookie(
            self._cookie(_SESSION),
            identifier,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )
        response.delete_cookie(self._cookie(_ATTEMPT), path="/", secure=self.is_secure)

    def end(self, request: Request, response: Response) -> None:
        self.sessions.end(request.cookies.get(self._cookie(_SESSION)))
        response.delete_cookie(
            self._cookie(_SESSION),
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )

    def attempt(self, request: Request) -> str | None:
        """Return the identifier of the sign-in that this browser has begun."""
        return request.cookies.get(self._cookie(_ATTEMPT))

    def set_attempt(self, response: Response, identifier: str) -> None:
        response.set_cookie(
            self._cookie(_ATTEMPT),
            identifier,
            max_age=_ATTEMPT_S,
            path="/",
            secure=self.is_secure,
            httponly=True,
            samesite="lax",
        )

    def form_token(self, request: Request) -> str:
        """Return the token of a sign-in form; empty for a browser that was never given the form."""
        attempt = self.attempt(request)
        return "" if attempt is None else self.token_of_attempt(attempt)

    def token_of_attempt(self, attempt: str) -> str:
        return self._token(f"attempt {attempt}")

    def address(self, request: Request) -> str:
        """Return the address of the browser, as far as it can be trusted."""
        peer = request.client.host if request.client is not None else ""
        # A proxy may add a line of its own below that of the browser.
        forwarded = ",".join(request.headers.getlist("x-forwarded-for"))
        return client_address(peer, forwarded, self._proxies)

    def _is_still_a_user(self, viewer: Viewer, identifier: str | None) -> bool:
        """Return whether the file of users has the person as they signed in; end the session if not."""
        if self.users is None:
            return True
        try:
            user = self.users.load().get(viewer.name)
        except UsersFileError as error:
            # Nobody is let in while the file cannot be read; the session goes on when it can be.
            log.warning("console_users_not_read", error=str(error))
            return False
        if user is None or user.roles != viewer.roles:
            self.sessions.end(identifier)
            return False
        return True

    def _named_by_proxy(self, request: Request) -> Viewer | None:
        peer = request.client.host if request.client is not None else ""
        if not is_among(peer, self._proxies):
            return None
        names = request.headers.getlist(self._name_header)
        if len(names) != 1 or not is_name(names[0]):
            return None
        groups = ",".join(request.headers.getlist(self._groups_header)).split(",")
        roles = self.roles_of(tuple(group.strip() for group in groups))
        return Viewer(names[0], roles, self._token(f"viewer {names[0]}"))

    def _cookie(self, name: str) -> str:
        """The name of a cookie; the prefix makes browsers insist on https, this host and no domain."""
        return f"__Host-{name}" if self.is_secure else name

    def _token(self, subject: str) -> str:
        return hmac.new(self._secret, subject.encode(), hashlib.sha256).hexdigest()


def require_safe_settings(settings: Settings) -> None:
    """Raise FatalError for settings under which people would be signed in unsafely."""
    fault = fault_of_sign_in(settings)
    if fault is not None:
        raise FatalError(fault)


def local_name() -> str:
    """The name that decisions are signed with where nobody signs in: MARKETMAP_ACTOR, else the user's."""
    given = os.environ.get("MARKETMAP_ACTOR", "").strip()
    if is_name(given):
        return given
    try:
        return getpass.getuser()[:LONGEST_NAME]
    except (KeyError, OSError):
        return "local"


def _asks_by_itself(request: Request) -> bool:
    """Return whether an open page asks without a person: for changes, or for its list after one."""
    return request.url.path == "/live" or "x-live" in request.headers


def _oidc(settings: Settings, clock: Callable[[], float]) -> OidcSignIn:
    provider = OidcProvider(
        settings.console_oidc_issuer or "",
        settings.console_oidc_client_id or "",
        settings.console_oidc_client_secret,
        settings.console_oidc_name_claim,
        settings.console_oidc_groups_claim,
    )
    return OidcSignIn(provider, f"{settings.console_public_url}/sign-in/answer", clock)
