"""The sessions of signed-in people, kept in the process.

Theory of operation. A cookie holds a random identifier and nothing else. What it stands for is here: the
name, the roles, the token of the forms, and when it ends. So a session can be ended from this side, a cookie
says nothing to whoever steals a backup, and a changed cookie is an unknown one.

- An identifier is never taken from a browser: each sign-in gets a fresh one, and the one that the browser had
  before is ended. An identifier that was planted in a browser is therefore worth nothing (session fixation).
- A session ends a fixed time after the sign-in, or when it was not used for a while, whichever comes first.
- Only the hash of an identifier is kept, so that a dump of the memory's objects holds no usable cookie.

A restart of the process ends all sessions: people sign in again.
"""

from __future__ import annotations

import hashlib
import secrets
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

from worker.console.sign_in.people import Viewer
from worker.settings.console_access import ConsoleRole

MOST_SESSIONS: Final = 5000


@dataclass(slots=True)
class Session:
    """One sign-in. Times are seconds of the clock that the store was given."""

    viewer: Viewer
    began_at_s: float
    used_at_s: float


class SignInSessions:
    """All sessions of this process; of more than ``most``, the one unused for longest ends."""

    def __init__(
        self,
        clock: Callable[[], float],
        *,
        length_s: float,
        idle_s: float,
        most: int = MOST_SESSIONS,
    ) -> None:
        self._clock = clock
        self._length_s = length_s
        self._idle_s = idle_s
        self._most = most
        self._sessions: OrderedDict[str, Session] = OrderedDict()

    def __len__(self) -> int:
        return len(self._sessions)

    def begin(self, name: str, roles: tuple[ConsoleRole, ...]) -> str:
        """Begin a session; return its identifier, for the cookie."""
        now_s = self._clock()
        self._drop_ended(now_s)
        identifier = secrets.token_urlsafe(32)
        viewer = Viewer(name, roles, secrets.token_urlsafe(32))
        self._sessions[_key(identifier)] = Session(viewer, now_s, now_s)
        while len(self._sessions) > self._most:
            self._sessions.popitem(last=False)
        return identifier

    def find(self, identifier: str | None, *, is_use: bool = True) -> Viewer | None:
        """Return whose session it is; None if there is none, or it has ended.

        ``is_use`` says whether a person asks: what an open page asks by itself does not prolong a session.
        """
        if not identifier:
            return None
        key, now_s = _key(identifier), self._clock()
        session = self._sessions.get(key)
        if session is None:
            return None
        if self._has_ended(session, now_s):
            del self._sessions[key]
            return None
        if is_use:
            session.used_at_s = now_s
            self._sessions.move_to_end(key)
        return session.viewer

    def end(self, identifier: str | None) -> None:
        if identifier:
            self._sessions.pop(_key(identifier), None)

    def _has_ended(self, session: Session, now_s: float) -> bool:
        return (
            now_s - session.began_at_s >= self._length_s
            or now_s - session.used_at_s >= self._idle_s
        )

    def _drop_ended(self, now_s: float) -> None:
        ended = [key for key, one in self._sessions.items() if self._has_ended(one, now_s)]
        for key in ended:
            del self._sessions[key]


def _key(identifier: str) -> str:
    return hashlib.sha256(identifier.encode()).hexdigest()
