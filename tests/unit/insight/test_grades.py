"""Grades: what follows from what was compared."""

import pytest

from schemas import EvidenceGrade
from worker.insight.grades import ReferenceComparison, grade

BOOK = ReferenceComparison("book", events=12, prices=3, distance=0.05)
MODEL = ReferenceComparison("model", events=12, prices=3, distance=0.05)


@pytest.mark.parametrize(
    ("comparisons", "expected"),
    [
        ([BOOK], "verified"),
        ([BOOK, MODEL], "verified"),
        ([MODEL], "modelled"),
        ([MODEL._replace(against="identity")], "modelled"),
        ([], "label"),
        ([BOOK._replace(events=9)], "label"),
        ([BOOK._replace(prices=1)], "label"),
        ([BOOK._replace(events=9), MODEL], "modelled"),
        ([BOOK._replace(distance=0.3)], "label"),
        ([BOOK._replace(distance=0.3), MODEL], "modelled"),
        ([BOOK._replace(distance=1.3)], "contradicted"),
        ([BOOK._replace(distance=1.3), MODEL], "contradicted"),
        ([BOOK._replace(distance=1.3), BOOK], "verified"),
    ],
)
def test_a_grade_follows_from_what_was_compared(
    comparisons: list[ReferenceComparison], expected: EvidenceGrade
) -> None:
    assert grade(comparisons) == expected


def test_an_open_alarm_contradicts_whatever_agrees() -> None:
    assert grade([BOOK, MODEL], is_contradicted=True) == "contradicted"
