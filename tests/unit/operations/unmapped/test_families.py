"""Missed markets that differ by numbers only are one family."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

import pytest

from worker.operations.unmapped.families import families, family_key, ordered
from worker.storage.misses import QueuedMiss

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)


def miss(market_id: str, name: str | None = None, *labels: str, **fields: Any) -> QueuedMiss:
    values: dict[str, Any] = dict.fromkeys(QueuedMiss._fields)
    known = {
        "source": "bet9ja",
        "external_market_id": market_id,
        "market_name": name,
        "sample_outcomes": [{"label": label} for label in labels],
        "first_seen_at": NOON,
        "last_seen_at": NOON,
        "occurrence_count": 1,
        "score": 1.0,
        "reason": "UNKNOWN_MARKET",
    }
    return QueuedMiss(**(values | known | fields))


@pytest.mark.parametrize(
    ("one", "other"),
    [
        (miss("S_M12", "MULTI 1-2"), miss("S_M45", "Multi 4-5")),
        (miss("S_MULTI12"), miss("S_MULTI45")),
        (miss("1", "Home over 1.5", "Yes", "No"), miss("2", "Home over 2.5", "No", "Yes")),
        (miss("1", "Goals in minutes 1-10"), miss("2", "Goals  in minutes 11-20")),
        (miss("1", "Score", "1-0", "2-0"), miss("2", "Score", "3-1")),
    ],
)
def test_what_differs_by_numbers_is_one_family(one: QueuedMiss, other: QueuedMiss) -> None:
    assert family_key(one) == family_key(other)


@pytest.mark.parametrize(
    "other",
    [
        miss("2", "Home over 2.5", "Home", "Away"),
        miss("2", "Away over 2.5", "Yes", "No"),
        miss("2", "Home over 2.5", "Yes", "No", source="betpawa"),
        miss("2", "Home over 2.5", "Yes", "No", reason="NO_MATCHING_OUTCOMES"),
    ],
)
def test_other_labels_words_bookmakers_and_reasons_are_other_families(other: QueuedMiss) -> None:
    assert family_key(miss("1", "Home over 1.5", "Yes", "No")) != family_key(other)


def test_a_family_adds_up_what_its_members_have() -> None:
    first = miss("1", "MULTI 1-2", score=2.0, comparisons_per_day=5.0, suggested="multi")
    second = miss("2", "MULTI 4-5", score=1.5, comparisons_per_day=None, occurrence_count=9)
    other = miss("3", "Corners", score=3.0, suggested="corners", comparisons_per_day=90.0)
    found = families([other, first, second])
    assert [len(one.members) for one in found] == [1, 2]
    multi = found[1]
    assert (multi.score, multi.occurrences, multi.comparisons_per_day) == (3.5, 10, 5.0)
    assert multi.suggested == ["multi"]
    assert ordered(found, "priority") == [multi, found[0]]
    assert ordered(found, "occurrences") == [multi, found[0]]
    assert ordered(found, "comparisons") == found
    assert ordered(found, "first_seen") == found


def test_a_sample_of_any_form_does_no_harm() -> None:
    samples: list[Any] = [None, "x", [None, 3, {"label": None}], {}]
    for sample in samples:
        assert family_key(miss("1", sample_outcomes=sample)).labels == frozenset()
