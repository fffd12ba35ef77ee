"""A worker of which one part is stuck: `python -m tests.support.services.stuck_worker run worker`.

It is the product's command with a method replaced; the environment variable STUCK_IN says which.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Callable
from typing import Any

from aiokafka import AIOKafkaConsumer
from faststream import FastStream

from worker.cli.main import main
from worker.kafka.producer import Outputs
from worker.runtime.coordinates import PartitionLookup


async def never_ends(*_: Any) -> None:
    while True:
        try:
            await asyncio.Event().wait()
        except asyncio.CancelledError:  # a client library that holds its cancellation up
            continue


async def blocks_the_loop(*_: Any) -> None:
    time.sleep(3600)  # noqa: ASYNC251  # that is the fault


async def gives_nothing(*_: Any, **__: Any) -> dict[Any, Any]:
    await asyncio.sleep(0.05)
    return {}


async def raises(*_: Any, **__: Any) -> None:
    raise RuntimeError("this fetch went wrong")


def stick(owner: type, method: str, stuck: Callable[..., Any]) -> None:
    assert hasattr(owner, method)
    setattr(owner, method, stuck)


PARTS: dict[str, tuple[type, str, Callable[..., Any]]] = {
    "batch": (Outputs, "send", never_ends),
    "loop": (Outputs, "send", blocks_the_loop),
    "fetch": (AIOKafkaConsumer, "getmany", gives_nothing),
    "fetch error": (AIOKafkaConsumer, "getmany", raises),
    "opening": (PartitionLookup, "topic_ids", never_ends),
    "shutdown": (FastStream, "stop", never_ends),
    "loop at shutdown": (FastStream, "stop", blocks_the_loop),
}

if __name__ == "__main__":
    stick(*PARTS[os.environ["STUCK_IN"]])
    main()
