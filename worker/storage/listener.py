"""Notifications of changes of mappings, through a connection that does nothing else."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Any, Final

import asyncpg

from worker.storage.audit_sql import CHANNEL
from worker.storage.engine import driver_url
from worker.storage.errors import StorageUnavailable, driver_errors_translated

# A server that vanished is noticed after this; a closed connection is noticed at once.
PROBE_S: Final = 5.0
_CONNECT_S: Final = 10.0


async def listen(
    url: str,
    *,
    on_listening: Callable[[], None],
    on_version: Callable[[int], None],
    probe_s: float = PROBE_S,
) -> None:
    """Call ``on_version`` with the mapping version of every commit after ``on_listening``.

    Notifications that are sent while nobody listens are lost: read the log when listening begins. Runs until
    it is cancelled. Raises StorageUnavailable when the connection is lost, and any StorageError if it cannot
    connect.
    """
    with driver_errors_translated():
        connection = await asyncpg.connect(
            driver_url(url),
            timeout=_CONNECT_S,
            server_settings={"application_name": "marketmap-listener"},
        )
    try:
        ended = asyncio.Event()
        connection.add_termination_listener(lambda _: ended.set())
        with driver_errors_translated():
            await connection.add_listener(CHANNEL, _receiver(on_version))
        on_listening()
        await _until_lost(connection, ended, probe_s)
    finally:
        connection.terminate()
    raise StorageUnavailable("the listening connection is lost")


async def _until_lost(connection: Any, ended: asyncio.Event, probe_s: float) -> None:
    while not connection.is_closed():
        try:
            async with asyncio.timeout(probe_s):
                await ended.wait()
        except TimeoutError:
            with driver_errors_translated():
                await connection.execute("SELECT", timeout=probe_s)


def _receiver(on_version: Callable[[int], None]) -> Callable[[Any, int, str, str], None]:
    def receive(_connection: Any, _pid: int, _channel: str, payload: str) -> None:
        # Any login may notify: a payload that is no version only says that something may have happened.
        on_version(
            int(payload) if payload.isascii() and payload.isdigit() and len(payload) < 20 else 0
        )

    return receive
