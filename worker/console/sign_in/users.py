"""Passwords of the users in the file, which is read again when it has changed.

A person who is removed from it cannot sign in any more.
"""

from __future__ import annotations

from pathlib import Path
from typing import Final

from argon2 import PasswordHasher
from argon2.exceptions import InvalidHashError, VerificationError

from worker.settings.console_users import ConsoleUser, UsersFileError, read_users

LEAST_PASSWORD: Final = 12
# A hash is made of the whole text: a very long one would only cost time.
LONGEST_PASSWORD: Final = 1000


def hash_password(password: str) -> str:
    """Return the argon2id hash of a password. Raises ValueError for one that is too short or too long."""
    if not LEAST_PASSWORD <= len(password) <= LONGEST_PASSWORD:
        raise ValueError(f"a password has {LEAST_PASSWORD} to {LONGEST_PASSWORD} characters")
    return PasswordHasher().hash(password)


class UserDirectory:
    """The users of a file, as it is now."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._read_at: tuple[int, int] | None = None
        self._users: dict[str, ConsoleUser] = {}
        self._hasher = PasswordHasher()
        # Whoever is not there takes as long to refuse as whoever is.
        self._nobody = self._hasher.hash("nobody has this password")

    def load(self) -> dict[str, ConsoleUser]:
        """Return the users, read again if the file has changed. Raises UsersFileError."""
        try:
            about = self._file.stat()
        except OSError as error:
            raise UsersFileError(f"{self._file}: {error.strerror or error}") from error
        seen = (about.st_mtime_ns, about.st_ino)
        if seen != self._read_at:
            self._users = read_users(self._file)
            self._read_at = seen
        return self._users

    def verify(self, name: str, password: str) -> ConsoleUser | None:
        """Return the user if the password is theirs. Takes tens of milliseconds of CPU on purpose.

        Raises UsersFileError.
        """
        user = self.load().get(name)
        try:
            self._hasher.verify(self._nobody if user is None else user.password_hash, password)
        except (VerificationError, InvalidHashError):
            return None
        return user
