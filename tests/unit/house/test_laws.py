"""No law has a deadline: a slow shared machine is no fault of the code."""

import ast
from collections.abc import Iterator
from pathlib import Path

TESTS = Path(__file__).parents[2]


def laws(tree: ast.Module) -> Iterator[tuple[str, str]]:
    """The name of each function that is tried on examples, and its decorators."""
    for node in ast.walk(tree):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            decorators = "\n".join(map(ast.unparse, node.decorator_list))
            if "given(" in decorators:
                yield node.name, decorators


def test_no_law_fails_because_an_example_took_long() -> None:
    hurried = [
        f"{path.relative_to(TESTS)}: {name}"
        for path in sorted(TESTS.rglob("*.py"))
        for name, decorators in laws(ast.parse(path.read_text(encoding="utf-8")))
        if "LAWS" not in decorators and "deadline=None" not in decorators
    ]
    assert hurried == [], "decorate it with tests.support.laws.LAWS"
