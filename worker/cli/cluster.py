"""How a command asks Kafka, and what it says when Kafka does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from contextlib import AbstractContextManager, nullcontext
from typing import Any, NoReturn, TypeVar

from aiokafka.errors import KafkaError

from worker.cli.console import err, fail
from worker.cli.database import fail_by_database
from worker.domain.errors import FatalError, TransientError
from worker.kafka.reachable import UnreachableError, require_listener
from worker.settings.connected import KafkaSettings
from worker.storage.errors import StorageError

Result = TypeVar("Result")


def run_on_kafka(
    settings: KafkaSettings,
    call: Coroutine[Any, Any, Result],
    *,
    waiting: str | None = None,
    hint: str = "",
) -> Result:
    """Run to the end, with ``waiting`` next to a spinner; an error of a server ends the command.

    ``hint`` is said when the same command may be run again.
    """
    shown: AbstractContextManager[Any] = nullcontext() if waiting is None else err.status(waiting)
    try:
        with shown:
            return asyncio.run(_run(settings, call))
    except TransientError as error:
        fail(f"{error}.", hint=hint, kind="NO_ANSWER")
    except FatalError as error:
        fail_by_kafka(error)
    except StorageError as error:
        fail_by_database(error)


def require_kafka(settings: KafkaSettings) -> None:
    """End the command at once when nothing listens at the brokers' addresses."""
    try:
        asyncio.run(require_listener(settings.kafka_bootstrap_servers))
    except FatalError as error:
        fail_by_kafka(error)


def fail_by_kafka(error: FatalError) -> NoReturn:
    fail(str(error), kind="NO_ANSWER" if isinstance(error, UnreachableError) else "REFUSED")


async def _run(settings: KafkaSettings, call: Coroutine[Any, Any, Result]) -> Result:
    asyncio.get_running_loop().set_exception_handler(_report_unless_kafka)
    try:
        await require_listener(settings.kafka_bootstrap_servers)
    except FatalError:
        call.close()
        raise
    return await call


def _report_unless_kafka(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    """Keep asyncio from reporting each record of a batch that failed: one error is enough."""
    if not isinstance(context.get("exception"), KafkaError):
        loop.default_exception_handler(context)
