"""Every command's help ends with an example that the command would take."""

import pytest
import typer
from typer.testing import CliRunner

from tests.support.people.command_tree import Leaf, every_command
from worker.cli.main import app


@pytest.mark.parametrize("leaf", every_command(), ids=lambda leaf: leaf.name)
def test_the_help_has_an_example_that_the_command_takes(leaf: Leaf) -> None:
    depth = len(leaf.path)
    assert tuple(leaf.example[:depth]) == leaf.path
    parser = leaf.command.make_parser(typer.Context(leaf.command))
    given, rest, _ = parser.parse_args(leaf.example[depth:])
    assert rest == []
    assert [
        one.name for one in leaf.command.params if one.required and not given.get(one.name)
    ] == []


def test_a_person_sees_the_example() -> None:
    shown = CliRunner().invoke(app, ["lag", "--help"], env={"COLUMNS": "100"}).output
    assert "Example: marketmap lag --watch 5" in shown
