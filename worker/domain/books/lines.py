"""Lines in canonical form.

A line is the number that tells apart the markets of one kind: the 2.5 of an over/under, the -1 of a handicap
(always seen from the home side). Canonical text is a plain decimal: a sign only when negative, no trailing
zeros, never ``-0``. ``None`` means "not a line", never "no line".
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import Final, Literal, get_args

LineKind = Literal["none", "total", "handicap", "european", "ordinal", "at_least"]

LINE_KINDS: Final[tuple[LineKind, ...]] = get_args(LineKind)
# The kinds that older workers know, which a mapping's line rule may have.
COLUMN_KINDS: Final[tuple[LineKind, ...]] = ("none", "total", "handicap", "european")
_AT_LEAST: Final = re.compile(r"0*([1-9]\d{0,2})\+?", re.ASCII)
_DECIMAL: Final = re.compile(r"([+-]?)0*(\d{1,6})(?:\.(\d{1,6}))?", re.ASCII)
_SCORE: Final = re.compile(r"(\d{1,3}):(\d{1,3})", re.ASCII)
_LONGEST: Final = 24


def parse_line(text: str) -> str | None:
    """``text`` in canonical form, or None when it is not a plain decimal.

    A leading plus and a Unicode minus are read; exponents, commas, underscores, blanks, nan and inf are not.
    """
    # Outside of the memo, which must not hold what a feed may send of any length.
    return None if len(text) > _LONGEST else _parse_line(text)


@lru_cache(maxsize=4096)
def _parse_line(text: str) -> str | None:
    match = _DECIMAL.fullmatch(text.replace("−", "-"))
    if match is None:
        return None
    sign, whole, fraction = match.groups()
    digits = f"{whole}.{fraction}".rstrip("0").rstrip(".") if fraction else whole
    return f"-{digits}" if sign == "-" and digits.strip("0.") else digits


def parse_european(text: str) -> str | None:
    """The line of a three-way handicap: ``home:away`` start scores (0:1 is -1), or a whole number."""
    match = None if len(text) > _LONGEST else _SCORE.fullmatch(text)
    if match is not None:
        return str(int(match[1]) - int(match[2]))
    line = parse_line(text)
    return None if line is None or "." in line else line


def parse_ordinal(text: str) -> str | None:
    """The number of a goal or a set: a whole number from 1 on."""
    line = parse_line(text)
    return line if line is not None and line.isdecimal() and line != "0" else None


def parse_at_least(text: str) -> str | None:
    """``3+``, or 3 of a bet on at least 3: over 2.5."""
    match = None if len(text) > _LONGEST else _AT_LEAST.fullmatch(text)
    return None if match is None else f"{int(match[1]) - 1}.5"


def parse_next_number(text: str) -> str | None:
    """The number of the goal that follows a score: ``1:2`` is followed by goal 4."""
    match = None if len(text) > _LONGEST else _SCORE.fullmatch(text)
    return None if match is None else str(int(match[1]) + int(match[2]) + 1)


@lru_cache(maxsize=4096)
def from_quarters(quarters: int) -> str:
    """BetPawa's row handicap, the line times four, as a line: 10 is 2.5, -6 is -1.5."""
    whole, rest = divmod(abs(quarters), 4)
    sign = "-" if quarters < 0 else ""
    return f"{sign}{whole}{('', '.25', '.5', '.75')[rest]}"


def negate(line: str) -> str:
    """The same line seen from the other side."""
    if line.startswith("-"):
        return line[1:]
    return line if line == "0" else f"-{line}"
