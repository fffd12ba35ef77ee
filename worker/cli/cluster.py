"""How a command asks Kafka, and what it says when Kafka does not answer."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka.errors import KafkaError

from worker.cli.console import fail
from worker.domain.errors import FatalError, TransientError

Result = TypeVar("Result")


def run_on_kafka(call: Coroutine[Any, Any, Result], hint: str = "") -> Result:
    """Run to the end; an error of Kafka ends the command, with ``hint`` when a retry may help."""
    try:
        return asyncio.run(_quietly(call))
    except TransientError as error:
        fail(f"{error}.{hint}")
    except FatalError as error:
        fail(str(error))


async def _quietly(call: Coroutine[Any, Any, Result]) -> Result:
    """Keep asyncio from printing one report for each record of a batch that failed: one error is enough."""
    asyncio.get_running_loop().set_exception_handler(_report_unless_kafka)
    return await call


def _report_unless_kafka(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), KafkaError):
        loop.default_exception_handler(context)
