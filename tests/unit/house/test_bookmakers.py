"""Where the code knows bookmakers by name: what a fourth one would touch, and nothing else."""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.books.registry import BOOKS, ID_COLUMNS, LABEL_COLUMNS

ROOT: Final = Path(__file__).parents[3]
PAGE: Final = ROOT / "docs" / "adding-a-bookmaker.md"
# The generator, the demo and the benchmark sell what they please; they never decide what a market means.
CODE: Final = ("worker", "schemas", "recall/src")
PLAYGROUND: Final = ROOT / "worker" / "lab"
OWN: Final = re.compile("|".join(PLATFORMS), re.IGNORECASE)
# Prose, a command line, the name of a topic: what a person reads or writes.
EXAMPLE: Final = re.compile(r"BetPawa|SportyBet|Bet9ja|marketmap .*|observations\.\w+")
# A line of the page that names a file: `worker/domain/books/platforms.py` ...
LISTED: Final = re.compile(r"^\| *\d+ *\| `([^`]+)`", re.MULTILINE)


def python_names(path: Path) -> Iterator[str]:
    """Identifiers and texts of a module that name a bookmaker, without what is only shown to people."""
    tree = ast.parse(path.read_text(encoding="utf-8"))
    shown = {id(inner) for node in ast.walk(tree) for inner in _shown(node)}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name) | ast.Attribute(attr=name) | ast.alias(name=name):
                yield name
            case ast.Constant(value=str(text)) if id(node) not in shown:
                yield EXAMPLE.sub("", text)


def _shown(node: ast.AST) -> Iterator[ast.AST]:
    """Docstrings, help, descriptions and examples."""
    if isinstance(node, ast.Expr):
        yield node.value
    if isinstance(node, ast.Call):
        for keyword in node.keywords:
            if keyword.arg in {"help", "description", "epilog", "examples"}:
                yield from ast.walk(keyword.value)


def rust_names(path: Path) -> Iterator[str]:
    """The lines of a Rust file that are code, up to its tests."""
    code = path.read_text(encoding="utf-8").partition("#[cfg(test)]")[0]
    for line in code.splitlines():
        yield line.partition("//")[0]


def files_that_name_bookmakers() -> set[str]:
    found = set()
    for folder in CODE:
        for path in sorted((ROOT / folder).rglob("*.*")):
            if path.suffix not in {".py", ".rs"} or path.is_relative_to(PLAYGROUND):
                continue
            names = python_names(path) if path.suffix == ".py" else rust_names(path)
            if any(OWN.search(name) for name in names):
                found.add(str(path.relative_to(ROOT)))
    return found


def files_listed() -> set[str]:
    return set(LISTED.findall(PAGE.read_text(encoding="utf-8")))


def own_modules(platform: str) -> set[str]:
    """What a bookmaker has for itself, on the page as ``NEW``."""
    return {f"worker/domain/books/{platform}.py", f"recall/src/{platform}.rs"}


def test_only_the_listed_files_name_a_bookmaker() -> None:
    own = {module for platform in PLATFORMS for module in own_modules(platform)}
    assert files_that_name_bookmakers() - own - files_listed() == set()


def test_every_listed_file_of_the_code_is_there_and_names_one() -> None:
    named = files_that_name_bookmakers()
    for listed in files_listed():
        if "<new>" not in listed and listed.startswith(CODE):
            assert listed in named, listed


@pytest.mark.parametrize("platform", PLATFORMS)
def test_a_bookmaker_is_one_value(platform: Platform) -> None:
    assert BOOKS[platform].platform == platform
    assert own_modules(platform) <= files_that_name_bookmakers()


def test_no_two_bookmakers_share_a_column() -> None:
    columns = [*ID_COLUMNS.values(), *LABEL_COLUMNS.values()]
    assert len(set(columns)) == 2 * len(PLATFORMS)
