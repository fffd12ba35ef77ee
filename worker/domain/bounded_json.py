"""JSON that somebody else wrote, read within bounds.

Python reads what nothing else can write again: an integer of any size (and refuses one of more than 4,300
digits), NaN, texts with half of a surrogate pair, a thousand levels of lists. A value that holds such a thing
would fail far from where it was read, in whoever encodes or compares it. So it is refused here, once.
"""

from __future__ import annotations

import json
from math import isfinite
from typing import Any, Final, NoReturn

# What 64 bits hold: the widest integer that every library in use can encode.
LEAST_INTEGER: Final = -(2**63)
LARGEST_INTEGER: Final = 2**63 - 1
DEEPEST: Final = 32

_MOST_DIGITS: Final = len(str(LEAST_INTEGER))


class JsonBoundsError(ValueError):
    """The text is no JSON, or JSON beyond the bounds; the message says which, without the value."""


class NotJsonError(JsonBoundsError):
    """The text is no JSON: it may be something else."""


def parse_json(text: str, *, longest: int | None = None) -> Any:
    """Parse JSON text. Raises JsonBoundsError, and nothing else.

    ``longest`` is the maximum number of characters, None for any number.
    """
    if longest is not None and len(text) > longest:
        raise JsonBoundsError(f"is longer than {longest} characters")
    try:
        value = json.loads(
            text, parse_int=_integer, parse_float=_number, parse_constant=_refuse_constant
        )
    except JsonBoundsError:
        raise
    except RecursionError:
        raise JsonBoundsError(f"is nested deeper than {DEEPEST} levels") from None
    except ValueError as error:
        raise NotJsonError(f"is not JSON: {error}") from error
    require_depth(value)
    if "\\u" in text:
        _require_unicode(value)
    return value


def require_depth(value: object) -> None:
    """Raise JsonBoundsError for containers nested deeper than DEEPEST, circular ones included."""
    level: dict[int, Any] = {id(value): value} if isinstance(value, list | dict) else {}
    for _ in range(DEEPEST):
        # By identity: a value that occurs many times is looked at once.
        level = {
            id(child): child
            for container in level.values()
            for child in (container.values() if isinstance(container, dict) else container)
            if isinstance(child, list | dict)
        }
        if not level:
            return
    raise JsonBoundsError(f"is nested deeper than {DEEPEST} levels")


def _integer(digits: str) -> int:
    # Before it is read: reading takes a time that is the square of the digits.
    if len(digits) <= _MOST_DIGITS and LEAST_INTEGER <= (value := int(digits)) <= LARGEST_INTEGER:
        return value
    raise JsonBoundsError("holds an integer that does not fit into 64 bits")


def _number(digits: str) -> float:
    value = float(digits)
    if not isfinite(value):
        raise JsonBoundsError("holds a number that is too large")
    return value


def _refuse_constant(name: str) -> NoReturn:
    raise JsonBoundsError(f"holds {name}, which is no JSON")


def _require_unicode(value: object) -> None:
    """Refuse half of a surrogate pair, which only an escape can bring in, and which no encoding has."""
    try:
        json.dumps(value, ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise JsonBoundsError("holds half of a surrogate pair") from None


def objects_in(value: object) -> list[dict[str, Any]]:
    """The objects of a list that was parsed; none of anything else."""
    return [one for one in value if isinstance(one, dict)] if isinstance(value, list) else []
