"""Every command there is, at whatever depth, with the example that ends its help."""

from __future__ import annotations

import shlex
from collections.abc import Iterator, Sequence
from functools import cache
from typing import Any, Final, NamedTuple

import typer

from worker.cli.main import COMMANDS, app

_INTRODUCTION: Final = "Example: "


class Leaf(NamedTuple):
    """A command that has none below it."""

    path: tuple[str, ...]
    command: Any

    @property
    def name(self) -> str:
        return " ".join(self.path)

    @property
    def example(self) -> list[str]:
        """The arguments of the help's example."""
        last = (self.command.help or "").strip().splitlines()[-1]
        assert last.startswith(f"{_INTRODUCTION}marketmap "), f"no example: {self.name}"
        return shlex.split(last.removeprefix(_INTRODUCTION))[1:]


def leaves(command: Any, *path: str) -> Iterator[Leaf]:
    if not hasattr(command, "commands"):
        yield Leaf(path, command)
        return
    for name, below in command.commands.items():
        yield from leaves(below, *path, name)


@cache
def every_command() -> Sequence[Leaf]:
    root = typer.main.get_command(app)
    context = root.make_context("marketmap", ["--help"], resilient_parsing=True)
    loaded: Any = root
    return tuple(
        leaf
        for name in COMMANDS
        for leaf in leaves(loaded.resolve_command(context, [name])[1], name)
    )
