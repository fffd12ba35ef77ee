"""Asking again what the cluster cannot answer yet: a new group's coordinator takes a moment to be found."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import TypeVar

from worker.domain.errors import TransientError
from worker.kafka.retrying import jittered_backoff

T = TypeVar("T")


async def patiently(ask: Callable[[], Awaitable[T]], *, patience_s: float) -> T:
    """Ask until there is an answer; after ``patience_s`` the last TransientError is raised."""
    delay, attempt, since = jittered_backoff(longest_s=2.0), 0, time.monotonic()
    while True:
        try:
            return await ask()
        except TransientError:
            if time.monotonic() - since > patience_s:
                raise
        await asyncio.sleep(delay(attempt))
        attempt += 1
