"""Values as commands show them."""

from __future__ import annotations

import json
from datetime import UTC, datetime
from typing import Any, Final

from rich.console import Console
from rich.text import Text

from worker.cli.console import out, printable


def print_table(table: Any, *, to: Console | None = None) -> None:
    (to or out).print(table)


def text(value: object) -> Text:
    """Return a value of the database as safe text; empty for None, JSON for what is not text."""
    if value is None:
        return Text("")
    for_display = (
        value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    )
    return Text(printable(for_display))


def signed(actor: str | None, login: str | None) -> str | None:
    """Who did it: the name that was given, and the database login where it is another one."""
    if login is None or login == actor:
        return actor
    return f"{actor or '?'} (login {login})"


def when(moment: datetime) -> Text:
    return Text(moment.astimezone(UTC).strftime("%Y-%m-%d %H:%M:%S"))


_KIB: Final = 1024


def size(amount: int | None) -> str:
    if amount is None:
        return "?"
    value, units = float(amount), ["B", "KiB", "MiB", "GiB", "TiB"]
    while value >= _KIB and len(units) > 1:
        value, units = value / _KIB, units[1:]
    return f"{value:,.0f} {units[0]}" if units[0] == "B" else f"{value:,.1f} {units[0]}"


def duration(seconds: float) -> str:
    """Return seconds in their two largest units: ``2 h 5 min``."""
    if seconds < 1:
        return "a second"
    whole = round(seconds)
    parts = [
        (whole // 86400, "d"),
        (whole // 3600 % 24, "h"),
        (whole // 60 % 60, "min"),
        (whole % 60, "s"),
    ]
    for_display = [f"{number} {unit}" for number, unit in parts if number]
    return " ".join(for_display[:2])


def for_display(value: bytes | None) -> str:
    return "(null)" if value is None else printable(decoded(value[:1000]))


def time_of(milliseconds: int) -> str:
    """Return a time in UTC; for a number that is no time, the number."""
    try:
        return datetime.fromtimestamp(milliseconds / 1000, UTC).strftime("%Y-%m-%d %H:%M:%S")
    except (ValueError, OverflowError, OSError):
        return f"{milliseconds} ms"


def decoded(value: bytes) -> str:
    """Return bytes as text; those that are not UTF-8 are escaped."""
    return value.decode("utf-8", "backslashreplace")


def shown_of(shown: int, total: int, noun: str) -> str:
    """Return ``30 of 460 markets``, or ``30 markets`` when that is all."""
    plural = "" if total == 1 else "s"
    return f"{shown} of {total:,} {noun}{plural}" if shown < total else f"{total:,} {noun}{plural}"
