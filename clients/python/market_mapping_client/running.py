"""Runs a program that uses the kit: what a person can act on ends it with a sentence, not a traceback."""

from __future__ import annotations

import asyncio
import inspect
import logging
import os
import select
import sys
from collections.abc import Coroutine
from pathlib import Path
from typing import Any, Final, TypeVar

from .errors import ClientError
from .messages.raw_reply import UnknownReplyError

T = TypeVar("T")

_CLOSING_S: Final = 10.0


def run(program: Coroutine[Any, Any, T]) -> T:
    """Run a program to its end, as ``asyncio.run`` does, and return its result.

    A ClientError and an UnknownReplyError end the process with exit code 1 and one sentence on stderr, Ctrl-C
    with 130. If nobody reads the output any more (`| head`), it ends with 1. Every other error keeps its
    traceback: it is a fault of the program.
    """
    logging.getLogger("aiokafka").setLevel(logging.CRITICAL)  # what it says is said in one sentence
    try:
        return asyncio.run(_with_its_iterations_closed(program))
    except (ClientError, UnknownReplyError) as error:
        sys.exit(f"{Path(sys.argv[0]).stem}: {error}")
    except BrokenPipeError:
        if not _is_output_closed():
            raise
        os.dup2(
            os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno()
        )  # for what Python has not written
        sys.exit(1)
    except KeyboardInterrupt:
        sys.exit(130)


async def _with_its_iterations_closed(program: Coroutine[Any, Any, T]) -> T:
    """Let an ``async for`` that an error has ended close its client before the loop ends.

    asyncio closes it in a task of its own, which the end of the loop would cancel half-way, with a warning.
    """
    try:
        return await program
    finally:
        await asyncio.sleep(0)  # the task is made in the next turn of the loop
        closing = {
            task
            for task in asyncio.all_tasks()
            if not task.done() and not inspect.iscoroutine(task.get_coro())
        }
        if closing:
            await asyncio.wait(closing, timeout=_CLOSING_S)


def _is_output_closed() -> bool:
    """Whether stdout is a pipe that nobody reads any more."""
    if not hasattr(select, "poll"):  # on Windows
        return False
    try:
        output = sys.stdout.fileno()
    except (OSError, ValueError):  # it is no file, or closed
        return False
    watched = select.poll()
    watched.register(output, 0)
    return any(events & select.POLLERR for _, events in watched.poll(0))
