"""What people and machines are told about mappings that prices contradict, bear out, or cannot judge."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import pytest

from tests.support.boards import STARTED, generated_boards
from tests.support.markets import CATALOGUE
from worker.domain.mapping import Mapping
from worker.insight.watching.stored import StoredBoard, pack, pack_together
from worker.operations.mappings.price_verdicts import (
    PriceVerdict,
    compare_prices,
    contradictions,
    not_judged,
    verdict_json,
)
from worker.storage.insight.evidence import StoredEvent

NAMES = {"1x2_ft", "btts_ft", "over_under_ft", "corners_1x2_ft"}
AGAINST = ("sportybet", "betpawa")
FEW: Final = ("TOO_FEW_EVENTS", 1, 10)
MAPPINGS = {one.canonical_id: one for one in CATALOGUE if one.canonical_id in NAMES}


@pytest.fixture(scope="module")
def stored() -> list[StoredEvent]:
    """Four events with all that is sold on them."""
    by_event: dict[str, dict[str, StoredBoard]] = {}
    for one in generated_boards(seed=5, events=4):
        by_event.setdefault(one.event, {})[one.platform] = pack(one, STARTED)
    return [
        StoredEvent(event, "Reds", "Blues", None, STARTED, pack_together(boards))  # type: ignore[arg-type]  # platforms
        for event, boards in by_event.items()
    ]


def swapped(name: str) -> dict[str, Mapping]:
    first, second, *others = MAPPINGS[name].outcomes
    outcomes = (
        replace(first, sportybet_desc=second.sportybet_desc),
        replace(second, sportybet_desc=first.sportybet_desc),
        *others,
    )
    return {**MAPPINGS, name: replace(MAPPINGS[name], outcomes=outcomes)}


def test_a_swap_without_a_goal_model_is_not_refused_on_few_events_but_said_not_to_be_judged(
    stored: list[StoredEvent],
) -> None:
    after = swapped("corners_1x2_ft")
    verdicts = compare_prices(stored, MAPPINGS, after, {"corners_1x2_ft"}).verdicts
    assert contradictions(verdicts) == []
    assert {one.code for one in verdicts} == {"TOO_FEW_EVENTS"}
    said = [one for one in not_judged(verdicts) if one.startswith("corners_1x2_ft at sportybet")]
    assert said == ["corners_1x2_ft at sportybet: too few events to judge: 2 of 10 needed."]
    (row,) = [one for one in verdict_json(verdicts) if (one["platform"], one["against"]) == AGAINST]
    assert row["code"] == "TOO_FEW_EVENTS"
    assert (row["judged_events"], row["needed_events"]) == (2, 10)
    assert row["median"] > 0


def test_a_swap_that_the_bookmaker_contradicts_by_itself_is_refused_at_the_first_event(
    stored: list[StoredEvent],
) -> None:
    verdicts = compare_prices(stored[:1], MAPPINGS, swapped("btts_ft"), {"btts_ft"}).verdicts
    (said,) = contradictions(verdicts)
    assert said.startswith(
        "btts_ft at sportybet is contradicted by the bookmaker's own prices on 1 event (swap): "
    )
    assert {one.code for one in verdicts if one.platform == "sportybet"} == {"CONTRADICTED"}
    assert {one.code for one in verdicts if one.platform != "sportybet"} == {"TOO_FEW_EVENTS"}


def test_what_was_contradicted_before_is_not_refused(stored: list[StoredEvent]) -> None:
    before = swapped("btts_ft")
    after = {**before, "btts_ft": replace(before["btts_ft"], priority=7)}
    assert contradictions(compare_prices(stored[:1], before, after, {"btts_ft"}).verdicts) == []
    assert contradictions(compare_prices(stored[:1], {}, after, {"btts_ft"}).verdicts) != []


def test_what_was_contradicted_under_another_name_before_is_not_refused(
    stored: list[StoredEvent],
) -> None:
    before = swapped("over_under_ft")
    after = {name: one for name, one in before.items() if name != "over_under_ft"}
    after["totals"] = replace(before["over_under_ft"], canonical_id="totals")
    names = {"totals"}
    assert contradictions(compare_prices(stored[:1], {}, after, names).verdicts) != []
    assert contradictions(compare_prices(stored[:1], before, after, names).verdicts) == []


def test_a_bookmaker_of_which_nothing_is_watched_is_said_too(stored: list[StoredEvent]) -> None:
    elsewhere = replace(MAPPINGS["btts_ft"], sportybet_id="999999")
    verdicts = compare_prices(
        stored, MAPPINGS, {**MAPPINGS, "btts_ft": elsewhere}, {"btts_ft"}
    ).verdicts
    (one,) = [one for one in verdicts if one.platform == "sportybet"]
    assert (one.against, one.events, one.median) == (None, 0, None)
    assert one.says == "too few events to judge: 0 of 10 needed"


def test_a_market_that_is_never_watched_is_not_said_to_lack_events(
    stored: list[StoredEvent],
) -> None:
    live = replace(MAPPINGS["btts_ft"], scope=MAPPINGS["btts_ft"].scope._replace(phase="live"))
    verdicts = compare_prices(stored, MAPPINGS, {**MAPPINGS, "btts_ft": live}, {"btts_ft"}).verdicts
    assert {one.code for one in verdicts} == {"NOT_WATCHED"}
    assert all("only football before the match is watched" in one for one in not_judged(verdicts))


def test_what_was_judged_is_no_sentence_and_long_lists_end_with_a_count() -> None:
    judged = PriceVerdict("a", "betpawa", "model", 12, 0.02, None, None, 12, 10)
    assert not_judged([judged]) == []
    assert judged.says == ""
    few = [PriceVerdict(f"m{n}", "betpawa", "model", 1, 0, None, *FEW) for n in range(12)]
    said = not_judged([*few, *few])
    assert len(said) == 11
    assert said[-1] == "And 2 more were not judged."
