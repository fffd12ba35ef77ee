import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.domain.bounded_json import (
    DEEPEST,
    LARGEST_INTEGER,
    LEAST_INTEGER,
    JsonBoundsError,
    parse_json,
    require_depth,
)

VALUES = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(LEAST_INTEGER, LARGEST_INTEGER)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(st.characters(exclude_categories=["Cs"])),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner),
    max_leaves=20,
)


def nested(levels: int) -> str:
    return "[" * levels + "]" * levels


@LAWS
@given(VALUES)
def test_whatever_is_within_the_bounds_is_read_as_json_reads_it(value: Any) -> None:
    text = json.dumps(value)
    assert parse_json(text) == json.loads(text)


@pytest.mark.parametrize("number", [LEAST_INTEGER, LARGEST_INTEGER])
def test_the_widest_integers_are_read(number: int) -> None:
    assert parse_json(f"[{number}]") == [number]


@pytest.mark.parametrize(
    ("text", "why"),
    [
        (f'{{"position": {LARGEST_INTEGER + 1}}}', "does not fit into 64 bits"),
        (f"[{LEAST_INTEGER - 1}]", "does not fit into 64 bits"),
        ("9" * 5_000, "does not fit into 64 bits"),
        ("1e999", "number that is too large"),
        ("[-1e999]", "number that is too large"),
        ("NaN", "holds NaN"),
        ("[-Infinity]", "holds -Infinity"),
        (nested(DEEPEST + 1), "nested deeper than 32 levels"),
        (nested(100_000), "nested deeper than 32 levels"),
        ('"\\ud800"', "half of a surrogate pair"),
        ('{"\\udfff": 1}', "half of a surrogate pair"),
        ("", "is not JSON"),
        ("[1,]", "is not JSON"),
    ],
)
def test_what_lies_beyond_the_bounds_is_refused_with_the_reason(text: str, why: str) -> None:
    with pytest.raises(JsonBoundsError, match=why):
        parse_json(text)


def test_the_deepest_value_and_a_whole_surrogate_pair_are_read() -> None:
    assert parse_json(nested(DEEPEST)) == json.loads(nested(DEEPEST))
    assert parse_json('"\\ud83d\\ude00"') == "\U0001f600"


def test_a_text_longer_than_is_asked_for_is_not_even_parsed() -> None:
    assert parse_json("[1, 2]", longest=6) == [1, 2]
    with pytest.raises(JsonBoundsError, match="longer than 5 characters"):
        parse_json("[1, 2]", longest=5)


def test_a_circular_value_is_nested_too_deep_and_a_shared_one_is_looked_at_once() -> None:
    circle: list[Any] = []
    circle.append(circle)
    with pytest.raises(JsonBoundsError, match="nested deeper"):
        require_depth(circle)
    shared: Any = []
    for _ in range(DEEPEST - 1):
        shared = [shared] * 1_000
    require_depth(shared)
