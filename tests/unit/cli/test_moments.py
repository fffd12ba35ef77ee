from datetime import UTC, datetime, timedelta

import pytest

from worker.cli.moments import milliseconds, parse_ago, parse_moment

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026-11-22T12:00:00Z", NOON),
        ("2026-11-22T13:00+01:00", NOON),
        ("30m", NOON - timedelta(minutes=30)),
        ("1d12h", NOON - timedelta(hours=36)),
        ("90s", NOON - timedelta(seconds=90)),
    ],
)
def test_a_time_is_given_or_counted_back_from_now(text: str, expected: datetime) -> None:
    assert parse_moment(text, NOON) == expected


@pytest.mark.parametrize(
    "text",
    [
        *("", "yesterday", "30", "m30", "0m", "-2h", "2h 3m", "999999d", "٣0m"),
        *("99999999999d", "0001-01-01T00:00:00+14:00", "9999-12-31T23:59:59-14:00"),
    ],
)
def test_what_is_no_time_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match="is not a time"):
        parse_moment(text, NOON)


@pytest.mark.parametrize("text", ["2026-11-22", "2026-11-22T12:00:00"])
def test_a_time_without_an_offset_is_refused_and_not_guessed(text: str) -> None:
    with pytest.raises(ValueError, match="no offset from UTC"):
        parse_moment(text, NOON)


def test_a_duration_is_above_zero() -> None:
    assert parse_ago("0m") is None
    assert parse_ago("2h") == timedelta(hours=2)


@pytest.mark.parametrize("text", ["36501d", "999999d", "999999d999999h"])
def test_a_duration_of_more_than_a_hundred_years_is_none(text: str) -> None:
    assert parse_ago("36500d") == timedelta(days=36_500)
    assert parse_ago(text) is None


def test_kafka_counts_milliseconds() -> None:
    assert milliseconds(datetime(1970, 1, 1, 0, 0, 1, 500_000, tzinfo=UTC)) == 1500


@pytest.mark.parametrize("moment", ["0001-01-01T00:00:00Z", "1969-12-31T23:59:59.999Z"])
def test_before_kafka_s_first_millisecond_there_is_none(moment: str) -> None:
    """Kafka gives -1 and -2 meanings of their own."""
    assert milliseconds(parse_moment(moment, NOON)) == 0
