"""Progress on a terminal, once something has taken a while. Elsewhere nothing."""

from __future__ import annotations

import os
import stat
import time
from collections.abc import Iterator
from contextlib import contextmanager
from typing import BinaryIO, Final, TypeVar

from rich.progress import (
    BarColumn,
    DownloadColumn,
    MofNCompleteColumn,
    Progress,
    ProgressColumn,
    Task,
    TextColumn,
    TimeRemainingColumn,
    TransferSpeedColumn,
)
from rich.text import Text

from worker.cli.console import err, out

T = TypeVar("T")

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


class RateColumn(ProgressColumn):
    def render(self, task: Task) -> Text:
        speed = task.speed or 0
        return Text(
            "" if not speed else f"{speed:,.0f}/s" if speed >= 1 else f"{60 * speed:.1f}/min"
        )


def counts() -> tuple[ProgressColumn, ...]:
    """What is done of how many things, how fast, and how long it still takes."""
    return _columns(MofNCompleteColumn(), RateColumn())


def sizes() -> tuple[ProgressColumn, ...]:
    """The same of bytes."""
    return _columns(DownloadColumn(), TransferSpeedColumn())


def _columns(*amounts: ProgressColumn) -> tuple[ProgressColumn, ...]:
    return (TextColumn("{task.description}"), BarColumn(), *amounts, TimeRemainingColumn())


@contextmanager
def late_bar() -> Iterator[LateBar]:
    """A bar that counts."""
    with _late_bar(counts()) as bar:
        yield bar


def with_bar(records: Iterator[T], file: BinaryIO, *, as_lines: bool) -> Iterator[T]:
    """The records of a file, with a bar over its bytes. Of a pipe nobody knows the length: it has none.

    ``as_lines``: the command writes to stdout line by line. On a terminal that shows enough.
    """
    if (
        not err.is_terminal
        or (as_lines and out.is_terminal)
        or not stat.S_ISREG(_status(file).st_mode)
    ):
        yield from records
        return
    size = _status(file).st_size
    with _late_bar(sizes()) as bar:
        for record in records:
            yield record
            bar("Reading", file.tell(), size)


def _status(file: BinaryIO) -> os.stat_result:
    return os.fstat(file.fileno())


@contextmanager
def _late_bar(columns: tuple[ProgressColumn, ...]) -> Iterator[LateBar]:
    # What goes to stdout meanwhile stands above the bar, but stays out of it where stdout is a file.
    shown = Progress(
        *columns,
        console=err,
        transient=True,
        disable=not err.is_terminal,
        redirect_stdout=out.is_terminal,
    )
    try:
        yield LateBar(shown)
    finally:
        shown.stop()
