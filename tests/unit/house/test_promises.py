"""The pages of promises: each statement names tests that exist, and no statement is without one."""

from __future__ import annotations

import ast
import re
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple

import pytest

ROOT: Final = Path(__file__).parents[3]
PAGES: Final = ("promises-to-readers.md", "promises-to-scrapers.md")
HEAD: Final = "| you can rely on | held by |"
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")
FEWEST: Final = 20
# What readers have to find a statement about.
SUBJECTS: Final = {
    "Delivery",
    "Order, keys and partitions",
    "Retention",
    "The newest odds",
    "Lifecycle of an event",
    "Absence and suspension",
    "What a market means",
    "Versions",
}


class Promise(NamedTuple):
    section: str
    statement: str
    tests: list[tuple[str, str]]


def lines_of(page: str) -> list[str]:
    return (ROOT / "docs" / page).read_text(encoding="utf-8").splitlines()


def promises(page: str) -> list[Promise]:
    found, section = [], ""
    for line in lines_of(page):
        if line.startswith("## "):
            section = line.removeprefix("## ")
        elif line.startswith("| ") and line != HEAD:
            statement, _, held_by = line.strip("| ").rpartition(" | ")
            found.append(Promise(section, statement, TEST.findall(held_by)))
    return found


@cache
def names_in(path: str) -> frozenset[str]:
    file = ROOT / path
    if not file.is_file():
        return frozenset()
    tree = ast.parse(file.read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, functions))


@pytest.mark.parametrize("page", PAGES)
def test_every_statement_names_tests_that_exist(page: str) -> None:
    found = promises(page)
    assert len(found) >= FEWEST
    assert [one.statement for one in found if not one.tests] == []
    named = {test for one in found for test in one.tests}
    assert sorted(f"{path}::{name}" for path, name in named if name not in names_in(path)) == []


@pytest.mark.parametrize("page", PAGES)
def test_nothing_is_promised_outside_of_the_tables(page: str) -> None:
    """A list, a note or a block would be a statement that no test holds."""
    others = [line for line in lines_of(page) if line and not line.startswith(("#", "|"))]
    assert [line for line in others if line.startswith(("-", "*", ">", "`", "1.", " "))] == []
    assert len(others) <= 5


def test_readers_find_every_subject() -> None:
    assert {one.section for one in promises(PAGES[0])} == SUBJECTS


def test_no_statement_stands_twice() -> None:
    statements = [one.statement for page in PAGES for one in promises(page)]
    assert len(statements) == len(set(statements))


def test_a_test_that_is_gone_would_be_found() -> None:
    here = "tests/unit/house/test_promises.py"
    assert "test_a_test_that_is_gone_would_be_found" in names_in(here)
    assert "test_that_never_was" not in names_in(here)
    assert names_in("tests/unit/house/test_that_never_was.py") == frozenset()
