"""The console's connections: a login for reading, one for the decisions of editors, one for approvers.

A page is read through the login that can only read, whoever looks at it, in transactions that only read:
without a login of its own as well. A decision is made through the login
of the permission that it needs, so a fault in a page cannot write, and the audit shows the login as well as
the person.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import Final

from sqlalchemy.ext.asyncio import AsyncConnection, AsyncEngine

from worker.console.sign_in.people import Permission
from worker.settings.connected import DatabaseSettings
from worker.storage.engine import create_engine, transaction

APPLICATION: Final = "marketmap-console"
_READING: Final = 5
_DECIDING: Final = 2
# A page that takes longer is given up; the person is told so.
_PAGE_S: Final = 10.0


class Databases:
    """Connects on first use; ``close`` ends all connections."""

    def __init__(self, settings: DatabaseSettings) -> None:
        url = settings.database_url
        reader = settings.console_reader_database_url or url
        self._reader = _reading_engine(reader, _READING)
        self._looker = _reading_engine(reader, 1)
        editor = settings.console_editor_database_url or url
        approver = settings.console_approver_database_url or editor
        self._editor = _engine(editor, _DECIDING)
        self._approver = _engine(approver, _DECIDING)

    @asynccontextmanager
    async def reading(self) -> AsyncIterator[AsyncConnection]:
        """A connection that reads; nothing is committed. Raises a StorageError."""
        async with transaction(self._reader) as connection:
            yield connection

    @asynccontextmanager
    async def looking(self) -> AsyncIterator[AsyncConnection]:
        """A connection for the look at what has changed: it waits for no page. Raises a StorageError."""
        async with transaction(self._looker) as connection:
            yield connection

    def deciding(self, permission: Permission) -> AsyncEngine:
        """The engine for decisions that need this permission."""
        return self._approver if permission == "approve" else self._editor

    async def close(self) -> None:
        for engine in (self._reader, self._looker, self._editor, self._approver):
            await engine.dispose()


def _reading_engine(url: str, pool_size: int) -> AsyncEngine:
    return create_engine(
        url,
        application_name=APPLICATION,
        pool_size=pool_size,
        statement_timeout_s=_PAGE_S,
        read_only=True,
        custom_plans=True,
    )


def _engine(url: str, pool_size: int) -> AsyncEngine:
    return create_engine(url, application_name=APPLICATION, pool_size=pool_size)
