"""Prints the rows of a list as they are read, so that memory does not grow with their number.

JSON is one array, and a CSV one file, however many rows there are. A table is printed in pages: each has its
own headings and widths. Few people read more than one page.
"""

from __future__ import annotations

import sys
from collections.abc import AsyncIterable, Callable, Iterable, Sequence
from typing import Any, Final, Generic, NamedTuple, Protocol, TypeVar

from worker.cli.console import as_json
from worker.cli.output import Form
from worker.cli.spreadsheet import CsvPrinter
from worker.cli.tables import ListTable, print_page, say_left_out

Row = TypeVar("Row")
Row_contra = TypeVar("Row_contra", contravariant=True)

_ROWS_A_PAGE: Final = 1000


class ListLayout(NamedTuple, Generic[Row]):
    """How a list shows its rows: the columns of its CSV, one row as JSON, and some rows as a table."""

    columns: Sequence[str]
    as_json: Callable[[Row], dict[str, Any]]
    as_table: Callable[[Sequence[Row]], ListTable]


class RowPrinter(Protocol[Row_contra]):
    def add(self, row: Row_contra) -> None: ...

    def end(self) -> None:
        """Print what is left, after the last row."""


async def print_rows(form: Form, layout: ListLayout[Row], rows: AsyncIterable[Row]) -> int:
    """Print the rows as they come. Return how many there were."""
    printer = printer_of(form, layout)
    number = 0
    async for row in rows:
        printer.add(row)
        number += 1
    printer.end()
    return number


def print_all(form: Form, layout: ListLayout[Row], rows: Iterable[Row]) -> None:
    """Print rows that are all in memory."""
    printer = printer_of(form, layout)
    for row in rows:
        printer.add(row)
    printer.end()


def printer_of(form: Form, layout: ListLayout[Row]) -> RowPrinter[Row]:
    if form == "json":
        return _JsonArray(layout)
    if form == "csv":
        return _CsvRows(layout)
    return _TablePages(layout)


class _CsvRows(Generic[Row]):
    def __init__(self, layout: ListLayout[Row]) -> None:
        self._as_json = layout.as_json
        self._csv = CsvPrinter(layout.columns)

    def add(self, row: Row) -> None:
        self._csv.add(self._as_json(row))

    def end(self) -> None:
        return


class _JsonArray(Generic[Row]):
    """Writes what `print_json` writes for a list of all rows."""

    def __init__(self, layout: ListLayout[Row]) -> None:
        self._as_json = layout.as_json
        self._is_empty = True

    def add(self, row: Row) -> None:
        # No text of JSON holds a line break, so the indentation changes no value.
        text = as_json(self._as_json(row)).replace("\n", "\n  ")
        sys.stdout.write(f"[\n  {text}" if self._is_empty else f",\n  {text}")
        self._is_empty = False

    def end(self) -> None:
        sys.stdout.write("[]\n" if self._is_empty else "\n]\n")


class _TablePages(Generic[Row]):
    def __init__(self, layout: ListLayout[Row]) -> None:
        self._as_table = layout.as_table
        self._rows: list[Row] = []
        self._left_out: dict[str, None] = {}  # in the order of the columns
        self._is_first = True

    def add(self, row: Row) -> None:
        self._rows.append(row)
        if len(self._rows) == _ROWS_A_PAGE:
            self._print_page()

    def end(self) -> None:
        if self._rows or self._is_first:
            self._print_page()
        say_left_out(self._left_out)

    def _print_page(self) -> None:
        self._left_out |= dict.fromkeys(print_page(self._as_table(self._rows)))
        self._rows = []
        self._is_first = False
