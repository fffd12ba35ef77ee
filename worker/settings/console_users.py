"""The file of users of the console: a line a person, with name, roles and the hash of the password.

ada:editor,approver:$argon2id$v=19$m=65536,t=3,p=4$...
"""

from __future__ import annotations

import os
import stat
import tempfile
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final, NamedTuple

from worker.settings.console_access import CONSOLE_ROLES, ConsoleRole

# Of a name, as the audit keeps it.
LONGEST_NAME: Final = 100
_PREFIX: Final = "$argon2id$"
_FIELDS: Final = 3


class ConsoleUser(NamedTuple):
    """A person in the file."""

    name: str
    roles: tuple[ConsoleRole, ...]
    password_hash: str


class UsersFileError(Exception):
    """The file of users cannot be used."""


def parse_users(text: str) -> dict[str, ConsoleUser]:
    """Read the lines of the file. Raises UsersFileError with the number of the line, and without its hash."""
    users: dict[str, ConsoleUser] = {}
    for number, line in enumerate(text.splitlines(), start=1):
        if not line.strip() or line.startswith("#"):
            continue
        user = _parse_line(line, number)
        if user.name in users:
            raise UsersFileError(f"line {number}: {user.name} is there twice")
        users[user.name] = user
    return users


def _parse_line(line: str, number: int) -> ConsoleUser:
    fields = line.strip().split(":", _FIELDS - 1)
    if len(fields) != _FIELDS:
        raise UsersFileError(f"line {number}: must be NAME:ROLES:HASH")
    name, written, password_hash = fields
    given = written.split(",")
    roles = ordered_roles(given)
    if not is_name(name) or ":" in name:
        raise UsersFileError(f"line {number}: a name has 1 to 100 printable characters")
    if len(roles) != len(given):
        raise UsersFileError(f"line {number}: the roles are {', '.join(CONSOLE_ROLES)}")
    if not password_hash.startswith(_PREFIX):
        raise UsersFileError(f"line {number}: the hash must begin with {_PREFIX}")
    return ConsoleUser(name, roles, password_hash)


def read_users(file: Path) -> dict[str, ConsoleUser]:
    """Read the file. Raises UsersFileError."""
    try:
        return parse_users(file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        reason = error.strerror if isinstance(error, OSError) else "not a text file"
        raise UsersFileError(f"{file}: {reason}") from error
    except UsersFileError as error:
        raise UsersFileError(f"{file}: {error}") from error


def write_users(file: Path, users: Mapping[str, ConsoleUser]) -> None:
    """Replace the file by one that only its owner can read. Raises UsersFileError."""
    lines = [
        f"{one.name}:{','.join(one.roles)}:{one.password_hash}\n"
        for _, one in sorted(users.items())
    ]
    try:
        with tempfile.NamedTemporaryFile(
            "w", dir=file.parent, prefix=f".{file.name}.", encoding="utf-8", delete=False
        ) as written:
            written.writelines(lines)
        mode = stat.S_IMODE(file.stat().st_mode) if file.exists() else 0o600
        Path(written.name).chmod(mode)
        os.replace(written.name, file)  # noqa: PTH105  (the name of a temporary file is a text)
    except OSError as error:
        raise UsersFileError(f"{file}: {error.strerror or error}") from error


def ordered_roles(roles: Iterable[str]) -> tuple[ConsoleRole, ...]:
    """Return the known ones of these roles, in their usual order."""
    given = set(roles)
    return tuple(role for role in CONSOLE_ROLES if role in given)


def is_name(name: str) -> bool:
    """Return whether somebody can be called this: printable, and as long as the audit keeps it."""
    return 0 < len(name) <= LONGEST_NAME and name.isprintable() and name == name.strip()
