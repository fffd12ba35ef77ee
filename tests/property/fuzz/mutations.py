"""Ways to spoil a message: in its structure, once it is parsed, and in its bytes."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any, Final

import orjson

VALUES: Final[tuple[Any, ...]] = (
    None,
    True,
    False,
    0,
    -1,
    1,
    0.5,
    1.0,
    1.01,
    1e308,
    -1e308,
    5e-324,
    2**63,
    "",
    " ",
    "0",
    "1",
    "-0",
    "2.5",
    "2,5",
    "1e999",
    "NaN",
    "Infinity",
    "x" * 5000,
    "é" * 300,
    "\u202e1.5",
    "\ufeff",
    "𝟙",
    "−1.5",
    "total=2.5|hcp=1",
    "|" * 2000,
    "=" * 2000,
    "S_OU@2.5_O",
    "@" * 600,
    [],
    {},
    [[]],
    [None] * 50,
    {"": ""},
)
RAW: Final = (
    b"NaN",
    b"Infinity",
    b"1e999",
    b"-0",
    b"9" * 5000,
    b'"\\ud800"',
    b'"\\u0000"',
    b"[" * 2000,
    b"\xff",
)
_NESTING: Final = 300
_STAY: Final = 0.15

Node = tuple[Any, Any]


def a_node(draw: random.Random, document: Any) -> Node | None:
    """Some (container, key or index) of a parsed document, at any depth; None when it is empty."""
    if not isinstance(document, dict | list) or not document:
        return None
    while True:
        key = (
            draw.choice(list(document))
            if isinstance(document, dict)
            else draw.randrange(len(document))
        )
        value = document[key]
        if not isinstance(value, dict | list) or not value or draw.random() < _STAY:
            return document, key
        document = value


def spoil(draw: random.Random, value: bytes, others: Sequence[bytes]) -> bytes:
    """One message made of another: a few changes of its structure, of its bytes, or of both."""
    if draw.random() < 0.8:
        value = _spoil_structure(draw, value, draw.choice(others))
    if draw.random() < 0.3:
        for _ in range(draw.randint(1, 3)):
            value = draw.choice(_OF_BYTES)(draw, value, draw.choice(others))
    return value


def _spoil_structure(draw: random.Random, value: bytes, other: bytes) -> bytes:
    try:
        document, source = orjson.loads(value), orjson.loads(other)
    except orjson.JSONDecodeError:
        return value
    if not isinstance(document, dict | list):
        return value
    for _ in range(draw.randint(1, 6)):
        place = a_node(draw, document)
        if place is None:
            break
        draw.choice(_OF_NODES)(draw, *place, source)
    try:
        return orjson.dumps(document)
    except TypeError:  # deeper than it writes
        return value


def _replace(draw: random.Random, container: Any, key: Any, _: Any) -> None:
    container[key] = draw.choice(VALUES)


def _remove(_draw: random.Random, container: Any, key: Any, _: Any) -> None:
    del container[key]


def _graft(draw: random.Random, container: Any, key: Any, source: Any) -> None:
    """Something of another message: of another platform, most likely."""
    place = a_node(draw, source)
    if place is not None:
        other, name = place
        container[key] = other[name]


def _rename(draw: random.Random, container: Any, key: Any, _: Any) -> None:
    if isinstance(container, dict):
        container[_changed_text(draw, str(key))] = container.pop(key)


def _repeat(draw: random.Random, container: Any, key: Any, _: Any) -> None:
    if isinstance(container, list):
        container.extend([container[key]] * draw.choice([1, 2, 40]))


def _shuffle(draw: random.Random, container: Any, _key: Any, _: Any) -> None:
    if isinstance(container, list):
        draw.shuffle(container)


def _wrap(draw: random.Random, container: Any, key: Any, _: Any) -> None:
    wrapped = container[key]
    for _level in range(draw.choice([1, 2, _NESTING])):
        wrapped = [wrapped] if draw.random() < 0.5 else {"a": wrapped}
    container[key] = wrapped


def _retype(_draw: random.Random, container: Any, key: Any, _: Any) -> None:
    """A number as a text, a text as a number where it is one."""
    value = container[key]
    if isinstance(value, str):
        try:
            container[key] = float(value)
        except ValueError:
            container[key] = [value]
    elif isinstance(value, int | float):
        container[key] = str(value)


def _edit(draw: random.Random, container: Any, key: Any, _: Any) -> None:
    value = container[key]
    if isinstance(value, str):
        container[key] = _changed_text(draw, value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        container[key] = value * draw.choice([-1, 0, 2, 0.25, 1e9])


def _changed_text(draw: random.Random, text: str) -> str:
    at = draw.randint(0, len(text))
    piece = draw.choice(
        [
            "",
            " ",
            "_",
            "@",
            "|",
            "=",
            ".",
            "-",
            "+",
            "0",
            "\t",
            "\u00a0",
            "é",
            "Over",
            "(1:0)",
            "home",
        ]
    )
    return draw.choice(
        [text[:at] + piece + text[at:], text[:at] + piece, text.upper(), text[::-1], text * 2]
    )


def _flip(draw: random.Random, value: bytes, _: bytes) -> bytes:
    at = draw.randrange(len(value) or 1)
    return value[:at] + bytes([draw.randrange(256)]) + value[at + 1 :]


def _cut(draw: random.Random, value: bytes, _: bytes) -> bytes:
    first, end = sorted(draw.randint(0, len(value)) for _ in range(2))
    return value[:first] + value[end:]


def _shorten(draw: random.Random, value: bytes, _: bytes) -> bytes:
    return value[: draw.randint(0, len(value))]


def _insert(draw: random.Random, value: bytes, _: bytes) -> bytes:
    at = draw.randint(0, len(value))
    return value[:at] + draw.choice(RAW) + value[at:]


def _join(draw: random.Random, value: bytes, other: bytes) -> bytes:
    return value[: draw.randint(0, len(value))] + other[draw.randint(0, len(other)) :]


def _put_raw(draw: random.Random, value: bytes, _: bytes) -> bytes:
    """A token that no JSON writer gives, in the place of a value."""
    at = value.find(b":", draw.randint(0, len(value))) + 1
    end = (
        min(end for sign in b",}" if (end := value.find(sign, at)) >= 0)
        if at and b"}" in value[at:]
        else at
    )
    return value[:at] + draw.choice(RAW) + value[end:]


_OF_NODES: Final = (
    _replace,
    _replace,
    _remove,
    _graft,
    _rename,
    _repeat,
    _shuffle,
    _wrap,
    _retype,
    _edit,
    _edit,
)
_OF_BYTES: Final = (_flip, _flip, _cut, _shorten, _insert, _join, _put_raw)
