"""Every command's help ends with an example that the command would take."""

import shlex
from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest
import typer
from typer.testing import CliRunner

from worker.cli.main import COMMANDS, app

ROOT = typer.main.get_command(app)
INTRODUCTION = "Example: "


class Leaf(NamedTuple):
    path: tuple[str, ...]
    command: Any

    @property
    def example(self) -> list[str]:
        """The arguments of the help's example."""
        last = (self.command.help or "").strip().splitlines()[-1]
        assert last.startswith(f"{INTRODUCTION}marketmap "), f"no example: {' '.join(self.path)}"
        return shlex.split(last.removeprefix(INTRODUCTION))[1:]


def leaves(command: Any, *path: str) -> Iterator[Leaf]:
    if not hasattr(command, "commands"):
        yield Leaf(path, command)
        return
    for name, below in command.commands.items():
        yield from leaves(below, *path, name)


def every_command() -> list[Leaf]:
    context = ROOT.make_context("marketmap", ["--help"], resilient_parsing=True)
    loaded: Any = ROOT
    return [leaf for name in COMMANDS for leaf in leaves(loaded.resolve_command(context, [name])[1], name)]


@pytest.mark.parametrize("leaf", every_command(), ids=lambda leaf: " ".join(leaf.path))
def test_the_help_has_an_example_that_the_command_takes(leaf: Leaf) -> None:
    depth = len(leaf.path)
    assert tuple(leaf.example[:depth]) == leaf.path
    parser = leaf.command.make_parser(typer.Context(leaf.command))
    given, rest, _ = parser.parse_args(leaf.example[depth:])
    assert rest == []
    assert [one.name for one in leaf.command.params if one.required and not given.get(one.name)] == []


def test_a_person_sees_the_example() -> None:
    shown = CliRunner().invoke(app, ["lag", "--help"], env={"COLUMNS": "100"}).output
    assert "Example: marketmap lag --watch 5" in shown
