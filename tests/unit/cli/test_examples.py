"""Every command's help ends with an example that the command would take."""

import shlex

import pytest
import typer
from typer.testing import CliRunner

from tests.support.command_tree import Leaf, every_command
from worker.cli.main import app

INTRODUCTION = "Example: "


def example(leaf: Leaf) -> list[str]:
    """The arguments of the help's example."""
    last = (leaf.command.help or "").strip().splitlines()[-1]
    assert last.startswith(f"{INTRODUCTION}marketmap "), f"no example: {leaf.name}"
    return shlex.split(last.removeprefix(INTRODUCTION))[1:]


@pytest.mark.parametrize("leaf", every_command(), ids=lambda leaf: leaf.name)
def test_the_help_has_an_example_that_the_command_takes(leaf: Leaf) -> None:
    depth = len(leaf.path)
    given_path, arguments = example(leaf)[:depth], example(leaf)[depth:]
    assert tuple(given_path) == leaf.path
    parser = leaf.command.make_parser(typer.Context(leaf.command))
    given, rest, _ = parser.parse_args(arguments)
    assert rest == []
    assert [one.name for one in leaf.command.params if one.required and not given.get(one.name)] == []


def test_a_person_sees_the_example() -> None:
    shown = CliRunner().invoke(app, ["lag", "--help"], env={"COLUMNS": "100"}).output
    assert "Example: marketmap lag --watch 5" in shown
