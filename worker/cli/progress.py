"""Progress bars: on a terminal, once something takes longer than a moment; elsewhere nothing."""

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
    """A bar that appears only when the work takes longer than ``patience_s``."""

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
    """Columns for things: done, total, rate, time left."""
    return _columns(MofNCompleteColumn(), RateColumn())


def sizes() -> tuple[ProgressColumn, ...]:
    """Columns for bytes: done, total, rate, time left."""
    return _columns(DownloadColumn(), TransferSpeedColumn())


def _columns(*amounts: ProgressColumn) -> tuple[ProgressColumn, ...]:
    return (TextColumn("{task.description}"), BarColumn(), *amounts, TimeRemainingColumn())


@contextmanager
def late_bar() -> Iterator[LateBar]:
    """A bar that counts."""
    with _late_bar(counts()) as bar:
        yield bar


def with_bar(records: Iterator[T], file: BinaryIO, *, as_lines: bool) -> Iterator[T]:
    """Yield the records of a file, with a bar over its bytes. A pipe has no known length, and no bar.

    ``as_lines``: the command writes line by line to stdout. On a terminal that is progress enough.
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
    # What is written to stdout meanwhile appears above the bar; when stdout is a file, it goes there.
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
