"""What commands on the cluster have in common."""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine
from typing import Any, TypeVar

from aiokafka.errors import KafkaError

from worker.cli.console import fail
from worker.domain.errors import FatalError, TransientError

Result = TypeVar("Result")


def run_on_kafka(call: Coroutine[Any, Any, Result], hint: str = "") -> Result:
    """Run to the end; what Kafka has against it is the command's failure."""
    try:
        return asyncio.run(_quietly(call))
    except TransientError as error:
        fail(f"{error}.{hint}")
    except FatalError as error:
        fail(str(error))


async def _quietly(call: Coroutine[Any, Any, Result]) -> Result:
    """Of a batch that fails one error is enough: asyncio would report each of its records at length."""
    asyncio.get_running_loop().set_exception_handler(_report_unless_kafka)
    return await call


def _report_unless_kafka(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
    if not isinstance(context.get("exception"), KafkaError):
        loop.default_exception_handler(context)
