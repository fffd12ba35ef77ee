"""What every thread and every task is doing, as text: for the log line of a stall."""

from __future__ import annotations

import asyncio
import sys
import threading
import traceback
from collections.abc import Iterator
from types import FrameType
from typing import Any, Final

_MOST_FRAMES: Final = 12
_MOST_CHARACTERS: Final = 60_000


def stacks(most_characters: int = _MOST_CHARACTERS) -> str:
    """Return the stacks of all tasks of the running event loop, then of all threads; newest frames last.

    Each has its innermost frames only; the whole text has ``most_characters`` or fewer.
    """
    text = "\n".join([*map(_task, _tasks()), *_threads()])
    return text if len(text) <= most_characters else f"{text[:most_characters]}\n(cut off)"


def _tasks() -> list[asyncio.Task[Any]]:
    try:
        return sorted(asyncio.all_tasks(), key=asyncio.Task.get_name)
    except RuntimeError:  # no event loop runs in this thread
        return []


def _task(task: asyncio.Task[Any]) -> str:
    frames = list(_awaiting(task.get_coro()))[-_MOST_FRAMES:]
    return f"task {task.get_name()}\n{_lines(traceback.StackSummary.extract(frames, lookup_lines=False))}"


def _awaiting(waiting: Any) -> Iterator[tuple[FrameType, int]]:
    """Yield the frames of a coroutine and of all that it awaits: a task knows only the first of them."""
    while waiting is not None:
        frame = getattr(waiting, "cr_frame", None) or getattr(waiting, "gi_frame", None)
        frame = frame or getattr(waiting, "ag_frame", None)
        if frame is not None:
            yield frame, frame.f_lineno
        waiting = getattr(waiting, "cr_await", None) or getattr(waiting, "gi_yieldfrom", None)


def _threads() -> Iterator[str]:
    names = {thread.ident: thread.name for thread in threading.enumerate()}
    for ident, frame in sys._current_frames().items():  # noqa: SLF001  # the only way to another thread's stack
        stack = list(traceback.walk_stack(frame))[:_MOST_FRAMES][::-1]
        extracted = traceback.StackSummary.extract(stack, lookup_lines=False)
        yield f"thread {names.get(ident, ident)}\n{_lines(extracted)}"


def _lines(summary: traceback.StackSummary) -> str:
    return "\n".join(f"  {frame.filename}:{frame.lineno} {frame.name}" for frame in summary)
