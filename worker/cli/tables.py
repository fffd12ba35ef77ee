"""Values as commands show them."""

from __future__ import annotations

import json
from collections.abc import Collection, Iterable, Mapping, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from rich.cells import cell_len
from rich.console import Console, ConsoleOptions, Group, RenderResult
from rich.table import Table
from rich.text import Text

from worker.cli.console import err, out, printable
from worker.cli.words import number_of


def print_table(table: Table | Group, *, to: Console | None = None) -> None:
    """Print a table, or a group of some. What is too long for its column is broken, and never cut."""
    for one in table.renderables if isinstance(table, Group) else [table]:
        if isinstance(one, Table):
            folding(one)
    (to or out).print(table)


def folding(table: Table) -> Table:
    """Return the table with no column that is cut at its width."""
    for column in table.columns:
        column.overflow = "fold"
    return table


class Column(NamedTuple):
    """A column of a list. What has to be typed is never broken or cut, however narrow the terminal is.

    ``least`` is the width below which another column is not narrowed. A column with ``left_out`` is shown
    only if there is room; one with a lower number gets it first.
    """

    heading: str
    is_typed: bool = False
    least: int = 8
    left_out: int = 0


# Between two columns.
_GAP: Final = 2


class ListTable:
    """Rows that are printed in the width that there is."""

    def __init__(self, columns: Sequence[Column], title: str | None = None) -> None:
        self._columns = columns
        self._title = title
        self._rows: list[list[Text]] = []

    def add(self, *values: object) -> None:
        self._rows.append([value if isinstance(value, Text) else text(value) for value in values])

    def fitted(self, width: int) -> tuple[Table, int, list[str]]:
        """Return the table, the width that it needs, and the headings of the columns left out."""
        everything = range(len(self._columns))
        chosen = [at for at in everything if not self._columns[at].left_out]
        optional = [at for at in everything if self._columns[at].left_out]
        for at in sorted(optional, key=lambda at: self._columns[at].left_out):
            if self._needs([*chosen, at]) <= width:
                chosen.append(at)
        left_out = [self._columns[at].heading for at in optional if at not in chosen]
        chosen.sort()
        return self._table(chosen, self._widths(chosen, width)), self._needs(chosen), left_out

    def _needs(self, chosen: Sequence[int]) -> int:
        return sum(self._least(at) for at in chosen) + _GAP * (len(chosen) - 1)

    def _least(self, at: int) -> int:
        column, widest = self._columns[at], self._widest(at)
        if column.is_typed:
            return widest
        return min(widest, max(column.least, cell_len(column.heading)))

    def _widest(self, at: int) -> int:
        cells = max((row[at].cell_len for row in self._rows), default=0)
        return max(cells, cell_len(self._columns[at].heading), 1)

    def _widths(self, chosen: Sequence[int], width: int) -> dict[int, int]:
        """Give the room that is left to those columns first that need the least of it."""
        widths = {at: self._least(at) for at in chosen}
        room = max(0, width - self._needs(chosen))
        for at in sorted(chosen, key=lambda at: self._widest(at) - widths[at]):
            more = min(room, self._widest(at) - widths[at])
            widths[at] += more
            room -= more
        return widths

    def _table(self, chosen: Sequence[int], widths: Mapping[int, int]) -> Table:
        title = None if self._title is None else text(self._title)
        table = Table(
            box=None, title=title, title_justify="left", padding=(0, _GAP, 0, 0), pad_edge=False
        )
        for at in chosen:
            column = self._columns[at]
            table.add_column(
                column.heading, no_wrap=column.is_typed, overflow="fold", width=widths[at]
            )
        for row in self._rows:
            table.add_row(*(row[at] for at in chosen))
        return table


def print_list(rows: ListTable, *, to: Console | None = None) -> None:
    """Print a list as wide as the terminal, or wider if what has to be typed does not fit."""
    say_left_out(print_page(rows, to=to))


def print_page(rows: ListTable, *, to: Console | None = None) -> Sequence[str]:
    """Print a list, or a part of one. Return the headings of the columns left out."""
    console = to or out
    table, needed, left_out = rows.fitted(console.width)
    console.print(_AsWide(table, max(needed, console.width)), crop=False)
    return left_out


class _AsWide:
    """A table in this width, also where it is wider than the terminal: a given width is bounded by that."""

    def __init__(self, table: Table, width: int) -> None:
        self._table = table
        self._width = width

    def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
        yield from console.render(self._table, options.update(width=self._width))


def say_left_out(headings: Collection[str]) -> None:
    if headings:
        err.print(f"For lack of width without: {', '.join(headings)}. --output json shows all.")


def text(value: object) -> Text:
    """Return a value of the database as safe text; empty for None, JSON for what is not text."""
    if value is None:
        return Text("")
    for_display = (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    )
    return Text(printable(for_display))


def lines(values: Iterable[object]) -> Text:
    """Return values of the database as safe text, one on each line."""
    return Text("\n").join(map(text, values))


def signed(actor: str | None, login: str | None) -> str | None:
    """Who did it: the name that was given, and the database login where it is another one."""
    if login is None or login == actor:
        return actor
    return f"{actor or '?'} (login {login})"


def when(moment: datetime) -> Text:
    return Text(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))


_KIB: Final = 1024


def size(amount: int | None) -> str:
    if amount is None:
        return "?"
    value, units = float(amount), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= _KIB and len(units) > 1:
        value, units = value / _KIB, units[1:]
    return f"{value:,.0f} {units[0]}" if units[0] == "B" else f"{value:,.1f} {units[0]}"


def duration(seconds: float) -> str:
    """Return seconds in their two largest units: ``2 h 5 min``."""
    if seconds < 1:
        return "a second"
    whole = round(seconds)
    parts = [
        (whole // 86400, "d"),
        (whole // 3600 % 24, "h"),
        (whole // 60 % 60, "min"),
        (whole % 60, "s"),
    ]
    for_display = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(for_display[:2])


def for_display(value: bytes | None) -> str:
    return "(null)" if value is None else printable(decoded(value[:1000]))


def time_of(milliseconds: int) -> str:
    """Return a time in UTC; for a number that is no time, the number."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"


def decoded(value: bytes) -> str:
    """Return bytes as text; those that are not UTF-8 are escaped."""
    return value.decode("utf-8", "backslashreplace")


def shown_of(shown: int, total: int, noun: str) -> str:
    """Return ``30 of 460 markets``, or ``30 markets`` when that is all."""
    all_of_it = number_of(total, noun)
    return f"{shown} of {all_of_it}" if shown < total else all_of_it
