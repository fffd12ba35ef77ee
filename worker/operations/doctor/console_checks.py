"""What is asked for a console, beyond what every part that reads the database is asked for."""

from __future__ import annotations

import asyncio
import stat
from collections.abc import Sequence
from pathlib import Path
from typing import Final

from worker.operations.doctor.check import Check
from worker.operations.doctor.console_verdicts import (
    ConsoleLogin,
    ConsoleLogins,
    UsersFileFacts,
    judge_logins,
    judge_sign_in,
)
from worker.operations.doctor.database_checks import opened_connection
from worker.operations.doctor.findings import Finding
from worker.operations.doctor.parts import Part
from worker.settings.connected import DatabaseSettings, with_database
from worker.settings.console_access import fault_of_sign_in
from worker.settings.console_users import UsersFileError, read_users
from worker.settings.settings import Settings, variable
from worker.storage.access.roles import memberships
from worker.storage.errors import StorageError
from worker.storage.inspection import (
    EDITOR_NEEDS,
    READER_NEEDS,
    Needs,
    lacking_privileges,
    read_server,
)

_WRITES: Final[Needs] = {"user_market_mappings": ("UPDATE",)}


async def _sign_in(settings: Settings) -> Sequence[Finding]:
    users = None
    if settings.console_sign_in == "users" and settings.console_users_file is not None:
        users = await asyncio.to_thread(_users, Path(settings.console_users_file))
    return judge_sign_in(settings, fault_of_sign_in(settings), users)


def _users(file: Path) -> UsersFileFacts:
    try:
        users = list(read_users(file).values())
        others_read = bool(file.stat().st_mode & stat.S_IROTH)
    except UsersFileError as error:
        return UsersFileFacts(file.name, (), others_read=False, fault=str(error))
    except OSError as error:
        return UsersFileFacts(file.name, (), others_read=False, fault=f"{file}: {error.strerror}")
    return UsersFileFacts(file.name, users, others_read)


async def _logins(settings: Settings) -> Sequence[Finding]:
    """Ask as each login of the console. One that is refused hides nothing of the others."""
    connected = with_database(settings)
    if connected is None:
        return ()
    reader, editor, approver = (
        settings.console_reader_database_url,
        settings.console_editor_database_url,
        settings.console_approver_database_url,
    )
    read, decided, approved = await asyncio.gather(
        _login(connected, "console_reader_database_url", reader, READER_NEEDS),
        _login(connected, "console_editor_database_url", editor, EDITOR_NEEDS),
        _login(connected, "console_approver_database_url", approver or editor, EDITOR_NEEDS),
    )
    return judge_logins(ConsoleLogins(read, decided, approved))


async def _login(
    settings: DatabaseSettings, name: str, url: str | None, needs: Needs
) -> ConsoleLogin:
    setting, is_own = variable(name), getattr(settings, name) is not None
    asked = settings.model_copy(update={"database_url": url or settings.database_url})
    try:
        async with opened_connection(asked) as connection:
            groups = await memberships(connection)
            return ConsoleLogin(
                setting,
                is_own,
                (await read_server(connection)).login,
                await lacking_privileges(connection, needs),
                may_write=not await lacking_privileges(connection, _WRITES),
                may_approve="marketmap_approver" in groups,
            )
    except StorageError as error:
        return ConsoleLogin(setting, is_own, fault=str(error))


def checks_of(part: Part) -> Sequence[Check]:
    """What is to be asked for the console; nothing for any other part."""
    if part.name != "console":
        return ()
    return (
        Check("sign-in", (), _sign_in, "docs/console.md, Sign-in"),
        Check("logins", ("database",), _logins, "see the server's log"),
    )
