"""Rows as CSV (RFC 4180) for a spreadsheet. Names of markets come from outside: none may become a formula.

As OWASP advises, a cell that a spreadsheet would calculate gets an apostrophe in front. Some spreadsheets
split cells at a semicolon or a tab, whatever the file says; so what would be a cell there gets one too.
"""

from __future__ import annotations

import codecs
import csv
import json
import re
import sys
import unicodedata
from collections.abc import Iterable, Sequence
from io import StringIO
from typing import Any, Final

_NUMBER: Final = re.compile(r"[+-]?[0-9]+(\.[0-9]+)?")
_FORMULA: Final = re.compile(
    r'(^|[;\t\r\n])(?=[\s"]*[=+\-@＝＋－＠])'
)  # the wide forms count as well
_MADE_HARMLESS: Final = re.compile(r"""(^|[;\t\r\n])'(?=[\s"]*[=+\-@＝＋－＠])""")
_BLANK_START: Final = ("\t", "\r", "\n")
_CONTROLS: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x9f]")


class CsvPrinter:
    """Writes rows to stdout one by one, so that a million of them takes no more memory than one.

    In UTF-8 with the byte order mark that spreadsheets look for. The header is written at once.
    """

    def __init__(self, columns: Sequence[str]) -> None:
        self._columns = columns
        self._text = StringIO(newline="")
        self._writer = csv.writer(self._text)
        self.rows = 0
        sys.stdout.buffer.write(codecs.BOM_UTF8)
        self._writer.writerow(columns)
        self._flush()

    def add(self, row: dict[str, Any]) -> None:
        self._writer.writerow([cell(row[name]) for name in self._columns])
        self.rows += 1
        self._flush()

    def _flush(self) -> None:
        sys.stdout.buffer.write(self._text.getvalue().encode("utf-8", "backslashreplace"))
        self._text.seek(0)
        self._text.truncate()


def print_csv(columns: Sequence[str], rows: Iterable[dict[str, Any]]) -> None:
    """Write a header and the rows to stdout."""
    printer = CsvPrinter(columns)
    for row in rows:
        printer.add(row)


def cell(value: object) -> str:
    """A value as a cell: empty for None, JSON for what is neither text nor number."""
    if value is None:
        return ""
    text = value if isinstance(value, str) else json.dumps(value, ensure_ascii=False, default=str)
    return text if _NUMBER.fullmatch(text) else _harmless(text)


def _harmless(text: str) -> str:
    plain = _FORMULA.sub(r"\1'", text if text.isprintable() else _visible(text))
    return f"'{plain}" if plain.startswith(_BLANK_START) else plain


def _visible(text: str) -> str:
    """The same with escapes for control characters, and for marks that show a row in another order."""
    return "".join(
        one.encode("unicode_escape").decode()
        if _CONTROLS.match(one) or unicodedata.category(one) == "Cf"
        else one
        for one in text
    )


def without_apostrophes(text: str) -> str:
    """A cell without the apostrophes that `cell` puts before what a spreadsheet would calculate."""
    plain = text[1:] if text[1:].startswith(_BLANK_START) and text.startswith("'") else text
    return _MADE_HARMLESS.sub(r"\1", plain)
