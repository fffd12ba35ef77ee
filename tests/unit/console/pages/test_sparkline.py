"""The last 7 days as a small picture: a share as a line, how often something happened as bars."""

from datetime import UTC, datetime, timedelta

from worker.console.pages.sparkline import HEIGHT, WIDTH, spark_bars, sparkline
from worker.operations.evidence.coverage_hours import CoverageHour, coverage_of
from worker.operations.unmapped.missed_days import MissedSpan
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
    stored = StoredHour("betpawa", NOW, 7, 20, 0, counts, None, [], {}, 20)
    assert coverage_of(stored).share == 0.9
    assert coverage_of(stored._replace(markets="nonsense")).share is None


def missed(begin_hours_ago: float, end_hours_ago: float, times: int) -> MissedSpan:
    hour = timedelta(hours=1)
    return MissedSpan(NOW - begin_hours_ago * hour, NOW - end_hours_ago * hour, times)


def test_a_bar_is_as_wide_as_its_time_and_as_high_as_its_rate() -> None:
    week = spark_bars([missed(72, 24, 10), missed(24, 0, 20)], NOW)
    assert week is not None
    assert week.path == "M96.0 24v-6.0h47.0v6.0zM144.0 24v-24.0h23.0v24.0z"
    assert week.per_day == [5, 20]


def test_bars_stay_inside_the_picture_and_a_day_without_a_miss_is_seen() -> None:
    week = spark_bars([missed(192, 144, 0), missed(144, 143.9, 0)], NOW)
    assert week is not None
    assert week.path == "M0.0 24v-1.0h23.0v1.0zM24.0 24v-1.0h1.0v1.0z"


def test_nothing_is_drawn_of_what_is_not_known_or_older() -> None:
    assert spark_bars([], NOW) is None
    assert spark_bars([missed(200, 168, 5)], NOW) is None
