"""The attacks on the console in docs/security.md: each names the tests that hold it, and they exist."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

ROOT: Final = Path(__file__).parents[3]
TEST: Final = re.compile(r"`(tests/[\w/]+\.py)::(test_\w+)`")


def attacks() -> list[str]:
    text = (ROOT / "docs" / "security.md").read_text(encoding="utf-8")
    section = text.partition("\n## The console\n")[2].partition("\n## ")[0]
    return [line for line in section.splitlines() if line.startswith("| ")][1:]


def names_in(path: str) -> set[str]:
    tree = ast.parse((ROOT / path).read_text(encoding="utf-8"))
    functions = (ast.FunctionDef, ast.AsyncFunctionDef)
    return {node.name for node in ast.walk(tree) if isinstance(node, functions)}


def test_every_attack_names_tests_that_exist() -> None:
    rows = attacks()
    assert len(rows) >= 14
    for row in rows:
        held_by = TEST.findall(row)
        assert held_by, row
        for path, name in held_by:
            assert name in names_in(path), name


def test_the_attacks_that_the_console_must_withstand_are_in_the_table() -> None:
    table = " ".join(attacks()).lower()
    subjects = ("markup", "another site", "replayed", "header of a proxy", "fixation", "redirect")
    for subject in (*subjects, "traversal", "guessing passwords"):
        assert subject in table, subject
