"""Every command there is, at whatever depth."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

import typer

from worker.cli.main import COMMANDS, app


class Leaf(NamedTuple):
    path: tuple[str, ...]
    command: Any

    @property
    def name(self) -> str:
        return " ".join(self.path)


def leaves(command: Any, *path: str) -> Iterator[Leaf]:
    if not hasattr(command, "commands"):
        yield Leaf(path, command)
        return
    for name, below in command.commands.items():
        yield from leaves(below, *path, name)


def every_command() -> list[Leaf]:
    root = typer.main.get_command(app)
    context = root.make_context("marketmap", ["--help"], resilient_parsing=True)
    loaded: Any = root
    return [leaf for name in COMMANDS for leaf in leaves(loaded.resolve_command(context, [name])[1], name)]
