"""Changes of form are found in generated hours, and nothing is found where there is none."""

from __future__ import annotations

import pytest

from tests.support.markets import CATALOGUE
from worker.domain.index import MappingIndex
from worker.lab.insight.drift import CHANGES, DriftLab, LabRecord, records_of
from worker.settings.settings import Settings

HOURS = 3
EVENTS = 6


@pytest.fixture(scope="module")
def lab() -> tuple[DriftLab, list[LabRecord]]:
    """Hours of Bet9ja, which is read most quickly, and the last one."""
    lab = DriftLab("bet9ja", Settings(), MappingIndex(CATALOGUE, 1))
    *past, last = [records_of(seed, EVENTS)["bet9ja"] for seed in range(HOURS)]
    assert [sign for records in past for sign in lab.go_on(records)] == []
    return lab, last


def test_an_hour_of_other_events_has_no_sign(lab: tuple[DriftLab, list[LabRecord]]) -> None:
    judged, last = lab
    assert judged.signs(last) == []


@pytest.mark.parametrize(
    ("name", "most"),
    [
        ("another mark before the line", 1),
        ("another form of a price", 1),
        ("another key: prefix of all", 2),
    ],
)
def test_a_change_is_found_in_few_records(
    lab: tuple[DriftLab, list[LabRecord]], name: str, most: int
) -> None:
    judged, last = lab
    (change,) = [one for one in CHANGES if (one.platform, one.name) == ("bet9ja", name)]
    found = judged.fewest(last, change)
    assert found.records is not None
    assert found.records <= most
    assert "resolved" in found.signs
