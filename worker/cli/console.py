"""Where commands write: data on stdout, everything else on stderr."""

import json
from collections.abc import Iterable, Mapping
from contextvars import ContextVar
from difflib import get_close_matches
from math import isfinite
from pathlib import Path
from typing import Any, Literal, NoReturn

import typer
from rich.console import Console

# Rich leaves colours out when NO_COLOR is set, or when the stream is not a terminal.
out = Console(highlight=False)
err = Console(stderr=True, highlight=False)

ErrorCode = Literal[
    "FAILED",  # whatever no other code says
    "WRONG_USAGE",
    "WRONG_SETTINGS",
    "NO_ANSWER",  # a server is not there, or does not answer
    "REFUSED",  # a server answers, and refuses
    "NOT_FOUND",
    "CONFLICT",  # somebody else was first, or two mappings claim the same
]
# Whether the command was asked for JSON; its errors are JSON then as well.
errors_as_json: ContextVar[bool] = ContextVar("errors_as_json", default=False)


def as_json(value: Any) -> str:
    """A value as a JSON document. Numbers that JSON does not have (NaN, infinity) are null."""
    try:
        return json.dumps(value, indent=2, default=str, allow_nan=False)
    except ValueError:  # rare: an editor has written one by plain SQL
        return json.dumps(_without_nan(value), indent=2, default=str)


def _without_nan(value: Any) -> Any:
    if isinstance(value, float):
        return value if isfinite(value) else None
    if isinstance(value, Mapping):
        return {name: _without_nan(one) for name, one in value.items()}
    return [_without_nan(one) for one in value] if isinstance(value, list | tuple) else value


def print_json(value: Any) -> None:
    """Write one JSON document to stdout, without colours, and without line breaks at the terminal's width."""
    typer.echo(as_json(value))


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
    """Return ``Did you mean ...?`` with the names that are close to the one given; empty without any."""
    close = get_close_matches(given, known, n=3)
    return f"Did you mean {' or '.join(close)}?" if close else ""


def fail(message: str, code: int = 1, *, hint: str = "", kind: ErrorCode | None = None) -> NoReturn:
    """End the command with the message on stderr; code 1: it failed, code 2: it was used wrongly.

    ``hint`` says what to do, or what is meant. A command that prints JSON says all of it in one line of JSON,
    with ``kind`` as the code.
    """
    print_error(message, hint, kind or ("FAILED" if code == 1 else "WRONG_USAGE"))
    raise typer.Exit(code)


def print_error(message: str, hint: str, kind: ErrorCode) -> None:
    if errors_as_json.get():
        line = json.dumps({"code": kind, "message": message, "hint": hint or None})
        err.print(line, markup=False, soft_wrap=True)
        return
    whole = f"{message} {hint}" if hint else message
    for line in whole.split("\n"):  # it may hold what was typed, or what somebody else wrote
        err.print(printable(line), style="red", markup=False, soft_wrap=True)
