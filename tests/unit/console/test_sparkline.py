"""A share over the last 7 days as a small line."""

from datetime import UTC, datetime, timedelta

from worker.console.sparkline import HEIGHT, WIDTH, sparkline
from worker.operations.evidence.coverage_hours import CoverageHour, coverage_of
from worker.storage.insight.shapes import StoredHour

NOW = datetime(2026, 11, 28, 12, tzinfo=UTC)


def hours_ago(hours: int, resolved: int, version: int = 1, markets: int = 100) -> CoverageHour:
    at = NOW - timedelta(hours=hours)
    return CoverageHour("betpawa", at, version, 20, markets, resolved)


def test_a_line_has_a_point_an_hour_and_is_broken_where_an_hour_is_missing() -> None:
    line = sparkline([hours_ago(9, 50), hours_ago(8, 100), hours_ago(3, 75)], NOW)
    assert line is not None
    first, second = line.lines
    assert first == f"{WIDTH - 9},{HEIGHT - 2} {WIDTH - 8},2"
    assert second.startswith(f"{WIDTH - 3},")
    assert (line.lowest, line.highest, line.last) == (0.5, 1.0, 0.75)


def test_a_mark_is_where_the_mappings_are_other_ones() -> None:
    line = sparkline([hours_ago(3, 50, 7), hours_ago(2, 50, 7), hours_ago(1, 60, 8)], NOW)
    assert line is not None
    assert line.marks == [WIDTH - 1]


def test_what_has_no_market_or_is_older_is_no_point() -> None:
    assert sparkline([hours_ago(400, 50), hours_ago(2, 0, markets=0)], NOW) is None
    assert sparkline([], NOW) is None


def test_a_share_is_of_all_markets_of_the_sample() -> None:
    counts = {"resolved": 90, "UNKNOWN_MARKET": 8, "INVALID_ODDS": 2}
    stored = StoredHour("betpawa", NOW, 7, 20, 0, counts, None, [], {})
    assert coverage_of(stored).share == 0.9
    assert coverage_of(stored._replace(markets="nonsense")).share is None
