from collections import Counter

import pytest

from worker.ingest.handler import BatchReport
from worker.ingest.planning.plan import MarketCount
from worker.runtime.telemetry.totals import TREND_MINUTES, WINDOW_S, BookTotals, Rates, Totals

REPORT = BatchReport(
    records=30,
    bytes=6000,
    seconds={},
    observations=Counter({"bet9ja": 29}),
    outcomes=Counter(
        {
            MarketCount("bet9ja", "resolved"): 45,
            MarketCount("bet9ja", "missed", "UNKNOWN_MARKET"): 15,
        }
    ),
    dead=Counter({"EMPTY": 1, "DATABASE_REFUSED": 0}),
    conflicts=0,
)


def test_a_book_s_coverage_is_the_share_of_its_markets_that_were_resolved() -> None:
    totals = Totals(0)
    totals.add(REPORT, 1)
    totals.add(REPORT, 2)
    (book,) = [book for book in totals.books() if book.observations]
    assert book == BookTotals("bet9ja", observations=58, resolved=90, missed=30, rejected=0)
    assert book.coverage == 0.75


def test_a_book_of_which_nothing_was_seen_has_no_coverage() -> None:
    assert [book.coverage for book in Totals(0).books()] == [None, None, None]


def test_only_reasons_that_there_were_are_told() -> None:
    totals = Totals(0)
    totals.add(REPORT, 1)
    assert totals.dead == {"EMPTY": 1}


@pytest.mark.parametrize(
    ("asked_at_s", "rates"),
    [
        (110, Rates(0.5, 1.0, 100.0)),
        (100 + WINDOW_S, Rates(0.5, 1.0, 100.0)),
        (101 + WINDOW_S, Rates(0, 0, 0)),
    ],
)
def test_rates_are_those_of_the_last_minute(asked_at_s: float, rates: Rates) -> None:
    totals = Totals(0)
    totals.add(REPORT, 100)
    assert totals.rates(asked_at_s) == rates


def test_before_a_minute_has_passed_rates_are_those_since_the_start() -> None:
    totals = Totals(100)
    totals.add(REPORT, 105)
    assert totals.rates(110).records == 3


def test_what_is_older_than_a_minute_is_not_kept() -> None:
    totals = Totals(0)
    for second in range(1000):
        totals.add(REPORT, second)
    assert len(totals._recent) == WINDOW_S + 1


def test_the_trend_is_half_an_hour_by_minute_and_no_more_is_kept() -> None:
    totals = Totals(0)
    assert totals.trend(0) == [0]
    totals.add(REPORT, 30)
    totals.add(REPORT, 150)
    assert totals.trend(150) == [30, 0, 30]
    for minute in range(100):
        totals.add(REPORT, 60 * minute)
    assert totals.trend(60 * 99) == [30] * TREND_MINUTES
    assert len(totals._by_minute) == TREND_MINUTES
