"""The runbook quotes messages as the code has them: a reader at night searches for those words."""

from __future__ import annotations

import ast
import re
from pathlib import Path
from typing import Final

import pytest

ROOT: Final = Path(__file__).parents[3]
RUNBOOK: Final = (ROOT / "docs" / "runbook.md").read_text(encoding="utf-8")
# Placeholders of values: a topic and partition, an offset, any text. A comma separates two messages.
_VALUE: Final = re.compile(r"\bTOPIC/PARTITION\b|\b[A-Z]\b|\.\.\.|, ")


def messages(section: str, heading: str) -> list[str]:
    """The first column of the section's table with that heading."""
    part = RUNBOOK.split(f"\n## {section}\n", 1)[1].split("\n## ", 1)[0]
    table = part.split(f"| {heading} |", 1)[1].split("\n\n", 1)[0]
    return [row.split(" | ")[0].removeprefix("| ") for row in table.splitlines()[2:]]


def fragments(message: str) -> list[str]:
    """The parts of a message that are the same each time."""
    return [part for part in (found.strip(" :") for found in _VALUE.split(message)) if part]


@pytest.fixture(scope="module")
def texts() -> str:
    """Every string of the worker's code."""
    trees = [ast.parse(path.read_text("utf-8")) for path in (ROOT / "worker").rglob("*.py")]
    constants = [
        node.value for tree in trees for node in ast.walk(tree) if isinstance(node, ast.Constant)
    ]
    return "\n".join(value for value in constants if isinstance(value, str))


@pytest.mark.parametrize(
    ("section", "heading"),
    [("Not ready", "reason"), ("Stalled", "reason"), ("The process ended", "`fatal` says")],
)
def test_the_runbook_quotes_what_the_worker_says(section: str, heading: str, texts: str) -> None:
    quoted = messages(section, heading)
    assert len(quoted) >= 4
    missing = {
        message: part for message in quoted for part in fragments(message) if part not in texts
    }
    assert missing == {}
