"""Rows are printed as they are read, and the result is that of printing all of them at once."""

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import redirect_stdout
from io import BytesIO, TextIOWrapper
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.cli import console
from worker.cli import rows as module
from worker.cli.console import out, print_json
from worker.cli.output import Form
from worker.cli.rows import ListLayout, print_rows
from worker.cli.spreadsheet import print_csv
from worker.cli.tables import Column, ListTable, print_list

Row = tuple[Any, Any]

COLUMNS = ("id", "value")
VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=6,
)
ROWS = st.lists(st.tuples(st.integers(), VALUES), max_size=8)


def as_json(row: Row) -> dict[str, Any]:
    return dict(zip(COLUMNS, row, strict=True))


def as_table(rows: Sequence[Row]) -> ListTable:
    table = ListTable([Column("id", is_typed=True), Column("value", left_out=1)])
    for row in rows:
        table.add(*row)
    return table


LAYOUT = ListLayout[Row](COLUMNS, as_json, as_table)


async def read(rows: Sequence[Row]) -> AsyncIterator[Row]:
    for row in rows:
        yield row


def printed(work: Callable[[], object]) -> str:
    stream = TextIOWrapper(BytesIO(), encoding="utf-8", newline="")
    with redirect_stdout(stream):
        work()
        stream.flush()
    return stream.buffer.getvalue().decode("utf-8")


def listed(form: Form, rows: Sequence[Row]) -> str:
    return printed(lambda: asyncio.run(print_rows(form, LAYOUT, read(rows))))


@LAWS
@given(ROWS)
def test_json_is_the_document_of_all_rows(rows: list[Row]) -> None:
    found = listed("json", rows)
    assert json.loads(found) == json.loads(json.dumps([as_json(row) for row in rows]))
    assert found == printed(lambda: print_json([as_json(row) for row in rows]))


@LAWS
@given(ROWS)
def test_csv_is_the_file_of_all_rows(rows: list[Row]) -> None:
    assert listed("csv", rows) == printed(lambda: print_csv(COLUMNS, map(as_json, rows)))


@pytest.mark.parametrize("number", [0, 1, 2])
def test_a_table_of_one_page_is_the_table_of_all_rows(
    number: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "_ROWS_A_PAGE", 3)
    rows = [(each, "x" * each) for each in range(number)]
    assert table_of(rows) == on_screen(lambda: print_list(as_table(rows)))


def test_a_longer_table_has_pages_with_headings_and_every_row_once(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(module, "_ROWS_A_PAGE", 3)
    lines = table_of([(each, None) for each in range(7)]).splitlines()
    assert sum(line.startswith("id") for line in lines) == 3
    assert [line.strip() for line in lines if line.strip().isdigit()] == list(map(str, range(7)))


def table_of(rows: Sequence[Row]) -> str:
    return on_screen(lambda: asyncio.run(print_rows("table", LAYOUT, read(rows))))


def on_screen(work: Callable[[], object]) -> str:
    with out.capture() as captured:
        work()
    return captured.get()


def test_a_number_that_json_does_not_have_is_null() -> None:
    value = {
        "rate": float("nan"),
        "some": [float("inf"), 1.5, "NaN"],
        "more": {"x": (float("-inf"),)},
    }
    text = console.as_json(value)
    assert json.loads(text, parse_constant=pytest.fail) == {
        "rate": None,
        "some": [None, 1.5, "NaN"],
        "more": {"x": [None]},
    }
