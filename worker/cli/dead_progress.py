"""Progress through the dead letters on a terminal, once it has taken a while. Elsewhere nothing."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Final

from rich.progress import (
    BarColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
)
from rich.text import Text

from worker.cli.console import err

_PATIENCE_S: Final = 2.0


class LateBar:
    """Is told what is done and how far it is; shows itself when that takes long."""

    def __init__(self, shown: Progress, patience_s: float = _PATIENCE_S) -> None:
        self._shown = shown
        self._patience_s = patience_s
        self._task = shown.add_task("")
        self._what = ""
        self._since = time.monotonic()

    def __call__(self, what: str, done: int, total: int) -> None:
        if what != self._what:
            self._what = what
            self._shown.reset(self._task, total=total, description=what)
        self._shown.update(self._task, completed=done)
        if time.monotonic() - self._since > self._patience_s:
            self._shown.start()


class _Rate(ProgressColumn):
    def render(self, task: Task) -> Text:
        return Text(f"{task.speed:,.0f}/s" if task.speed else "")


@contextmanager
def late_bar() -> Iterator[LateBar]:
    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        _Rate(),
        TimeRemainingColumn(),
    )
    shown = Progress(*columns, console=err, transient=True, disable=not err.is_terminal)
    try:
        yield LateBar(shown)
    finally:
        shown.stop()
