"""What the JSON parser refuses and lets through. Decoding relies on each of these."""

from typing import Any

import orjson
import pytest


@pytest.mark.parametrize(
    "document",
    [
        b"NaN",
        b"Infinity",
        b"-Infinity",
        b"1e999",
        b"-1e999",
        b"9" * 5000,
        rb'"\ud800"',
        rb'"\udfff"',
        b"\xef\xbb\xbf{}",
        b'"\xff"',
        b'"\x00"',
        b"[1,]",
        b"{} {}",
        b"",
        b"[" * 100_000 + b"]" * 100_000,
    ],
    ids=repr,
)
def test_it_refuses(document: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(document)


def test_it_takes_an_escaped_nul_which_has_to_be_looked_for() -> None:
    assert orjson.loads(rb'"a\u0000b"') == "a\x00b"


@pytest.mark.parametrize("depth", [1024])
def test_it_takes_nesting_up_to_a_depth_that_python_can_walk(depth: int) -> None:
    assert orjson.loads(b"[" * depth + b"]" * depth)
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(b"[" * (depth + 1) + b"]" * (depth + 1))


@pytest.mark.parametrize(
    ("document", "value"),
    [(b"18446744073709551615", 2**64 - 1), (b"18446744073709551616", float(2**64))],
)
def test_an_integer_beyond_64_bits_comes_as_a_float(document: bytes, value: Any) -> None:
    parsed = orjson.loads(document)
    assert (parsed, type(parsed)) == (value, type(value))


def test_of_a_name_that_stands_twice_the_last_value_counts() -> None:
    assert orjson.loads(b'{"a": 1, "a": 2}') == {"a": 2}


def test_it_writes_no_nan() -> None:
    assert orjson.dumps([float("nan"), float("inf")]) == b"[null,null]"
