"""Which hours are usual, and which signs an hour has against them."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

import pytest

from worker.insight.drift.hours import (
    HOUR,
    DriftAlarm,
    ShapeHour,
    first_of_open,
    is_over,
    judge_hour,
)
from worker.insight.drift.shapes import ShapeSample, ShapeSign, SignKind, pooled
from worker.insight.drift.stored import hour_of, stored_of

NOON = datetime(2026, 1, 1, 12, tzinfo=UTC)
USUAL = {"resolved": 95, "NO_MATCHING_OUTCOMES": 1, "INVALID_ODDS": 1}
REFUSED = {"resolved": 50, "INVALID_SPECIFIER": 84}
LABELS = {"resolved": 80, "NO_MATCHING_OUTCOMES": 20}


def sample(markets: dict[str, int], **fields: Any) -> ShapeSample:
    return ShapeSample(**{"observations": 20, "markets": Counter(markets), **fields})


def hour(after: int, markets: dict[str, int], **fields: Any) -> ShapeHour:
    return ShapeHour("betpawa", NOON + after * HOUR, 7, sample(markets, **fields))


def past(first: int, last: int, kind: str = "refused", status: str = "open") -> DriftAlarm:
    first_hour, last_hour = NOON + first * HOUR, NOON + last * HOUR
    return DriftAlarm(kind, first_hour, last_hour, status == "open", status == "settled")


def signs(
    now: ShapeHour,
    hours: list[ShapeHour],
    *alarms: DriftAlarm,
    older: dict[str, int] | None = None,
) -> Mapping[SignKind, ShapeSign | None]:
    before = ShapeSample() if older is None else sample(older)
    return judge_hour(now, before, hours, alarms)


DAY = [hour(n, USUAL) for n in range(-24, 0)]


def test_an_hour_as_those_before_has_no_sign() -> None:
    found = signs(hour(0, USUAL), DAY)
    assert found.keys() >= {"unreadable", "refused", "unknown_label", "resolved", "fields"}
    assert set(found.values()) == {None}


def test_half_of_the_rows_refused_is_a_sign_with_the_share_before_and_an_example() -> None:
    now = hour(0, REFUSED, examples={"INVALID_SPECIFIER": "5000 a line is missing"})
    found = signs(now, DAY)["refused"]
    assert found is not None
    assert found.sentence == (
        "62.7% of the markets are refused, 1.0% in the hours before: 5000 a line is missing"
    )


def test_fields_and_forms_not_seen_before_are_signs() -> None:
    before = [hour(-1, USUAL, unread={("row", "colour")}, recalled=90)]
    now = hour(0, USUAL, unread={("row", "colour"), ("row", "linje")}, recalled=80)
    found = signs(now, before)
    assert found["fields"] == ShapeSign("fields", "fields that nobody reads: linje (row)")
    assert found["recalled"] is not None


def test_records_that_cannot_be_read_are_a_sign_even_if_none_can() -> None:
    now = hour(0, {}, observations=0, unreadable=20, examples={"WRONG_SHAPE": "t [0] offset 4"})
    found = signs(now, DAY)["unreadable"]
    assert found is not None
    assert found.sentence == (
        "100.0% of the records cannot be read, 0.0% in the hours before: t [0] offset 4"
    )


def test_without_a_past_or_with_few_records_nothing_is_judged() -> None:
    assert signs(hour(0, REFUSED), []) == {}
    assert signs(hour(0, REFUSED, observations=4), DAY) == {}
    assert signs(hour(0, REFUSED), [hour(-1, USUAL, observations=4)]) == {}


@pytest.mark.parametrize(("older", "is_sign"), [(USUAL, True), (LABELS, False), (None, True)])
def test_labels_must_be_new_under_the_mappings_of_now_too(
    older: dict[str, int] | None, is_sign: bool
) -> None:
    found = signs(hour(0, LABELS), DAY, older=older)
    assert (found["unknown_label"] is not None) is is_sign


def test_what_goes_on_for_days_does_not_become_usual() -> None:
    days = [hour(n, REFUSED) for n in range(48)]
    assert signs(hour(48, REFUSED), [*DAY, *days], past(0, 47))["refused"] is not None


def test_hours_of_an_alarm_that_closed_by_itself_are_not_usual() -> None:
    drifted = [hour(n, REFUSED) for n in range(20)]
    again = hour(21, REFUSED)
    calm = [*DAY, *drifted, hour(20, USUAL)]
    assert signs(again, calm, past(0, 19, status="over"))["refused"] is not None
    assert signs(again, calm)["refused"] is None


def test_after_a_person_has_closed_it_the_new_form_is_the_usual_one() -> None:
    settled = past(0, 0, status="settled")
    assert "refused" not in signs(hour(0, REFUSED), DAY, settled)
    assert signs(hour(1, REFUSED), [*DAY, hour(0, REFUSED)], settled)["refused"] is None


def test_an_alarm_is_over_in_a_later_hour_only() -> None:
    one = past(0, 2)
    assert [is_over(one, NOON + n * HOUR) for n in (2, 3)] == [False, True]
    assert not is_over(past(0, 2, status="settled"), NOON + 3 * HOUR)


def test_older_observations_are_from_before_every_open_alarm() -> None:
    alarms = [past(-3, 0), past(-1, 0, "fields"), past(-9, -8, status="over")]
    assert first_of_open(alarms, NOON) == NOON - 3 * HOUR
    assert first_of_open([], NOON) == NOON


def test_pooled_samples_have_the_share_recalled_of_those_that_recall() -> None:
    found = pooled([sample({"resolved": 10}, recalled=5), sample({"resolved": 30})])
    assert (found.markets.total(), found.recalled_share) == (40, 0.5)
    assert pooled([sample(USUAL)]).recalled is None


def test_an_hour_comes_back_from_its_row() -> None:
    one = hour(0, LABELS, unread={("row", "linje")}, recalled=3, examples={"INVALID_ODDS": "x"})
    assert hour_of(stored_of(one)) == one
