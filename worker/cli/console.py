"""What a command writes: data for people and machines on stdout, everything else on stderr."""

import json
from typing import Any, NoReturn

import typer
from rich.console import Console

# Rich leaves colours out where NO_COLOR is set or the stream is no terminal.
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Write one JSON document on stdout, plain: no colours and no line breaks of the terminal's width."""
    typer.echo(json.dumps(value, indent=2, default=str))


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command with the message on stderr; 1 means it failed, 2 that it was used wrongly."""
    err.print(message, style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)
