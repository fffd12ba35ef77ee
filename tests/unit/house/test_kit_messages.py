"""The client kit has its messages as files of its own, and they are the worker's."""

import ast
from pathlib import Path

from worker.lab.documents.kit_messages import COPIES, copies, drifted


def test_the_messages_of_the_kit_are_those_of_the_worker() -> None:
    assert drifted() == [], "run `make schemas`"


def test_the_kit_has_no_symbolic_link() -> None:
    kit = COPIES.parents[1]
    assert [path for path in kit.rglob("*") if path.is_symlink()] == []


def test_a_copy_imports_nothing_that_is_not_copied() -> None:
    names = {Path(name).stem for name in copies()}
    for name, text in copies().items():
        for node in ast.walk(ast.parse(text)):
            if isinstance(node, ast.ImportFrom) and node.level == 1:
                wanted = {node.module} if node.module else {alias.name for alias in node.names}
                assert wanted <= names, name
