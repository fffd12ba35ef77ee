import math
from datetime import UTC, datetime, timedelta, timezone
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import TypeAdapter, ValidationError
from pydantic_core import PydanticCustomError

from schemas.fields import Line, Price, parse_timestamp
from tests.support.laws import LAWS

LINES: TypeAdapter[str] = TypeAdapter(Line)
PRICES: TypeAdapter[float] = TypeAdapter(Price)


def accepts(adapter: TypeAdapter[Any], value: object) -> bool:
    try:
        adapter.validate_python(value, strict=True)
    except ValidationError:
        return False
    return True


@pytest.mark.parametrize(
    ("text", "instant"),
    [
        ("2026-11-22T12:00:00Z", datetime(2026, 11, 22, 12, tzinfo=UTC)),
        ("2026-11-22t12:00:00z", datetime(2026, 11, 22, 12, tzinfo=UTC)),
        ("2026-11-22T13:00:00+01:00", datetime(2026, 11, 22, 12, tzinfo=UTC)),
        ("2026-11-22T12:00:00-00:00", datetime(2026, 11, 22, 12, tzinfo=UTC)),
        ("2026-11-22T12:00:00.1Z", datetime(2026, 11, 22, 12, 0, 0, 100_000, tzinfo=UTC)),
        ("2026-11-22T12:00:00.123456789Z", datetime(2026, 11, 22, 12, 0, 0, 123_456, tzinfo=UTC)),
        ("2024-02-29T00:00:00Z", datetime(2024, 2, 29, tzinfo=UTC)),
    ],
)
def test_a_timestamp_is_normalised_to_utc(text: str, instant: datetime) -> None:
    parsed = parse_timestamp(text)
    assert parsed == instant
    assert parsed.tzinfo is UTC


@pytest.mark.parametrize(
    "value",
    [
        "2026-11-22",
        "2026-11-22 12:00:00Z",
        "20261122T120000Z",
        "2026-W47-7T12:00:00Z",
        "2026-11-22T12:00Z",
        "2026-11-22T24:00:00Z",
        "2026-11-22T12:00:60Z",
        "2026-11-22T12:00:00+24:00",
        "2026-11-22T12:00:00+0100",
        "2026-11-22T12:00:00,5Z",
        "2026-11-22T12:00:00Z\n",
        "2026-02-30T12:00:00Z",
        "2025-02-29T12:00:00Z",
        "1999-12-31T23:59:59Z",
        "2100-01-01T00:00:00Z",
        "9999-12-31T23:59:59Z",
        "1795348800",
        "",
        1795348800,
        1795348800.5,
        True,
        None,
    ],
)
def test_what_is_no_rfc_3339_timestamp_of_this_century_is_refused(value: object) -> None:
    with pytest.raises(PydanticCustomError):
        parse_timestamp(value)


@pytest.mark.parametrize(
    "value",
    ["2026-11-22T12:00:00", "2026-11-22T12:00:00.5", datetime(2026, 11, 22)],  # noqa: DTZ001  a naive one is the case
)
def test_a_naive_timestamp_is_refused_by_name(value: object) -> None:
    with pytest.raises(PydanticCustomError, match="no UTC offset"):
        parse_timestamp(value)


@LAWS
@given(
    st.datetimes(
        min_value=datetime(2000, 1, 2),  # noqa: DTZ001  the strategy adds the zone
        max_value=datetime(2099, 12, 30),  # noqa: DTZ001  as above
        timezones=st.integers(-1439, 1439).map(
            lambda minutes: timezone(timedelta(minutes=minutes))
        ),
    )
)
def test_every_aware_instant_of_the_century_survives_its_text(instant: datetime) -> None:
    assert parse_timestamp(instant.isoformat()) == instant == parse_timestamp(instant)


@pytest.mark.parametrize("line", ["0", "2.5", "-0.25", "10", "-1", "0.05", "3.75", "100"])
def test_a_canonical_line_is_accepted(line: str) -> None:
    assert accepts(LINES, line)


@pytest.mark.parametrize(
    "line",
    [
        "-0",
        "2.50",
        "2.0",
        "+0.5",
        "00",
        "01",
        ".5",
        "1.",
        "1e1",
        "nan",
        "1_0",
        "0:1",
        "",
        "2.5\n",
        2.5,
    ],
)
def test_a_line_that_is_not_canonical_is_refused(line: object) -> None:
    assert not accepts(LINES, line)


@pytest.mark.parametrize("price", [1.01, 2, 1000.0])
def test_a_finite_price_above_one_is_accepted(price: float) -> None:
    assert accepts(PRICES, price)


@pytest.mark.parametrize("price", [1, 1.0, 0, -2.5, math.inf, math.nan, "1.98", True])
def test_a_price_that_nobody_can_bet_at_is_refused(price: object) -> None:
    assert not accepts(PRICES, price)
