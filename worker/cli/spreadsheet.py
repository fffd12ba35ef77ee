"""Rows as CSV (RFC 4180) for a spreadsheet. Names of markets come from outside: none may become a formula.

As OWASP advises, a cell that a spreadsheet would calculate gets an apostrophe in front. Some spreadsheets
split cells at a semicolon or a tab, whatever the file says; so what would be a cell there gets one too.
"""

from __future__ import annotations

import csv
import json
import re
import sys
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, Final

from worker.cli.console import fail

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_FORMULA: Final = re.compile(
    r'(^|[;\t\r\n])(?=[\s"]*[=+\-@＝＋－＠])'
)  # the wide forms count as well
_BLANK_START: Final = ("\t", "\r", "\n")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


def print_csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write a header and the rows to stdout, in UTF-8 with the byte order mark that spreadsheets look for."""
    sys.stdout.buffer.write(csv_text(columns, rows).encode("utf-8-sig", "backslashreplace"))


def csv_text(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> str:
    text = StringIO(newline="")
    writer = csv.writer(text)
    writer.writerow(columns)
    writer.writerows([cell(row[name]) for name in columns] for row in rows)
    return text.getvalue()


def refuse_two_forms(*, as_json: bool, as_csv: bool) -> None:
    """End the command when both forms are asked for."""
    if as_json and as_csv:
        fail("Give either --json or --csv.", code=2)


def cell(value: object) -> str:
    """A value as a cell: empty for None, JSON for what is neither text nor number."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if _NUMBER.fullmatch(text) else _harmless(text)


def _harmless(text: str) -> str:
    plain = _FORMULA.sub(r"\1'", _CONTROLS.sub(_escaped, text))
    return f"'{plain}" if plain.startswith(_BLANK_START) else plain


def _escaped(found: re.Match[str]) -> str:
    return found[0].encode("unicode_escape").decode()
