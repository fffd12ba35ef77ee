"""Where commands write: data on stdout, everything else on stderr."""

import json
from collections.abc import Iterable
from difflib import get_close_matches
from pathlib import Path
from typing import Any, NoReturn

import typer
from rich.console import Console

# Rich leaves colours out when NO_COLOR is set, or when the stream is not a terminal.
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)


def print_json(value: Any) -> None:
    """Write one JSON document to stdout, without colours, and without line breaks at the terminal's width."""
    typer.echo(json.dumps(value, indent=2, default=str))


def write_text(text: str, file: Path | None) -> None:
    """Write to the file, or to stdout without one; a file that cannot be written ends the command."""
    if file is None:
        typer.echo(text, nl=False)
        return
    try:
        file.write_text(text, encoding="utf-8")
    except OSError as error:
        fail(f"{file} cannot be written: {error}", code=2)


def printable(value: object) -> str:
    """Return a text that is safe on a terminal: control characters are escaped."""
    return "".join(
        character if character.isprintable() else character.encode("unicode_escape").decode()
        for character in str(value)
    )


def did_you_mean(given: str, known: Iterable[str]) -> str:
    """Return `` Did you mean ...?`` with the names that are close to the one given; empty without any."""
    close = get_close_matches(given, known, n=3)
    return f" Did you mean {' or '.join(close)}?" if close else ""


def fail(message: str, code: int = 1) -> NoReturn:
    """End the command with the message on stderr; code 1: it failed, code 2: it was used wrongly."""
    for line in message.split("\n"):  # it may hold what was typed, or what somebody else wrote
        err.print(printable(line), style="red", markup=False, soft_wrap=True)
    raise typer.Exit(code)
