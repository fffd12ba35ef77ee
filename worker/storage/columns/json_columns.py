"""JSON columns as they are read: decoded here and nowhere else, so that one value costs one value.

Editors write these columns, with plain SQL as well, and Postgres stores what no program can use: numbers of
131,072 digits, a thousand levels, a gigabyte. Such a value arrives as `UnusableJson`. It is neither a list
nor an object, so whoever checks what it was given refuses the row, and the other rows are read as usual.
"""

from __future__ import annotations

from typing import Any, Final

from worker.domain.bounded_json import JsonBoundsError, parse_json

# More than twice what the largest mapping takes, because an audit row holds all of its columns.
LONGEST: Final = 1_000_000


class UnusableJson(str):
    """Takes the place of a JSON value: the reason why it cannot be used, as a sentence.

    A text, so that whatever shows, compares or encodes values can do it with this one.
    """

    __slots__ = ()


def decode_json(text: str) -> Any:
    """Return the value of a JSON column, an UnusableJson for one beyond the bounds. Never raises."""
    try:
        return parse_json(text, longest=LONGEST)
    except JsonBoundsError as error:
        return UnusableJson(f"a value that {error}")
