"""The example that ends each command's help, as the document of the commands shows it."""

from __future__ import annotations

import shlex
from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import typer

from worker.cli.main import COMMANDS, app

_ROOT: Final[Any] = typer.main.get_command(app)
_INTRODUCTION: Final = "Example: "


class Leaf(NamedTuple):
    """A command that has none below it."""

    path: tuple[str, ...]
    command: Any

    def __str__(self) -> str:
        return " ".join(self.path)

    @property
    def example(self) -> list[str]:
        """The arguments of the help's example."""
        last = (self.command.help or "").strip().splitlines()[-1]
        assert last.startswith(f"{_INTRODUCTION}marketmap "), f"no example: {self}"
        return shlex.split(last.removeprefix(_INTRODUCTION))[1:]


def every_command() -> list[Leaf]:
    context = _ROOT.make_context("marketmap", ["--help"], resilient_parsing=True)
    return [leaf for name in COMMANDS for leaf in _leaves(_ROOT.resolve_command(context, [name])[1], name)]


def _leaves(command: Any, *path: str) -> Iterator[Leaf]:
    if not hasattr(command, "commands"):
        yield Leaf(path, command)
        return
    for name, below in command.commands.items():
        yield from _leaves(below, *path, name)
