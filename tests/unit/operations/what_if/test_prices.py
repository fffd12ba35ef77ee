"""Distances of the changed mappings' prices, before and after, on watched events."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from worker.cli.shipped import shipped_catalogue
from worker.domain.catalogue import load_catalogue
from worker.insight.watching.stored import StoredBoard, pack, pack_together
from worker.lab.insight.scrapes import troubled_events
from worker.operations.what_if.draft import Draft
from worker.operations.what_if.prices import ComparedPrices, NotCompared, compare_prices
from worker.storage.insight.evidence import StoredEvent

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MAPPINGS = {
    one.canonical_id: one
    for one in load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))
    if one.canonical_id in {"1x2_ft", "btts_ft", "over_under_ft"}
}


def stored(apart: timedelta = timedelta(0)) -> list[StoredEvent]:
    """Watched events; the boards of each are this far apart."""
    found = []
    for event, boards in troubled_events(seed=3, events=6).items():
        packed: dict[Any, StoredBoard] = {
            one.platform: pack(one, NOON + number * apart) for number, one in enumerate(boards)
        }
        found.append(StoredEvent(event, None, None, None, NOON, pack_together(packed)))
    return found


def swapped() -> Draft:
    mapping = MAPPINGS["btts_ft"]
    yes, no = mapping.outcomes
    outcomes = (
        replace(yes, sportybet_desc=no.sportybet_desc, sportybet_outcome_ids=()),
        replace(no, sportybet_desc=yes.sportybet_desc, sportybet_outcome_ids=()),
    )
    after = MAPPINGS | {"btts_ft": replace(mapping, outcomes=outcomes)}
    return Draft(MAPPINGS, after, 1)


def compared(
    found: Sequence[ComparedPrices] | NotCompared,
) -> dict[tuple[str, str], ComparedPrices]:
    assert not isinstance(found, NotCompared)
    assert {one.canonical_id for one in found} == {"btts_ft"}
    return {(one.platform, one.against): one for one in found}


def test_a_swap_is_far_from_the_others_after_and_near_before() -> None:
    found = compared(compare_prices(stored(), swapped()))
    with_sportybet = found["betpawa", "sportybet"]
    assert with_sportybet.before is not None
    assert with_sportybet.after is not None
    assert with_sportybet.before < 0.2 < with_sportybet.after
    assert with_sportybet.events_before == with_sportybet.events_after > 0
    others = found["bet9ja", "betpawa"]
    assert others.before == others.after


def test_a_mapping_that_goes_has_nothing_after() -> None:
    after = {name: one for name, one in MAPPINGS.items() if name != "btts_ft"}
    found = compared(compare_prices(stored(), Draft(MAPPINGS, after, 1)))
    assert {(one.events_after, one.after) for one in found.values()} == {(0, None)}
    assert all(one.before is not None for one in found.values())


def test_boards_of_other_moments_are_not_compared() -> None:
    assert compare_prices(stored(timedelta(hours=1)), swapped()) == []


@pytest.mark.parametrize(
    ("events", "reason"),
    [([], "watched"), ([StoredEvent("e", None, None, None, NOON, b"x")], "cut off")],
)
def test_why_nothing_is_compared_is_said(events: list[StoredEvent], reason: str) -> None:
    found = compare_prices(events, swapped())
    assert isinstance(found, NotCompared)
    assert reason in found.reason


def test_a_comparison_that_nobody_waits_for_ends_between_two_events() -> None:
    steps = []

    def proceed() -> None:
        steps.append(1)
        if len(steps) == 3:
            raise TimeoutError

    with pytest.raises(TimeoutError):
        compare_prices(stored(), swapped(), proceed=proceed)
    assert len(steps) == 3
