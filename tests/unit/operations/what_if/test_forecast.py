"""Rows that a touched one can meet are resolved with it."""

from __future__ import annotations

from tests.support.markets import mapping, observation, sportybet
from tests.support.records import FakeRecord
from worker.operations.what_if.draft import Draft
from worker.operations.what_if.forecast import DraftTrial

FURTHER = [{"platform": "sportybet", "id": "B"}]
TWO_IDS = mapping("two_ids", ["Yes", "No"], id=1, sportybet_id="A", also=FURTHER)
STRONGER = mapping("stronger", ["Yes", "No"], id=2, sportybet_id="A", priority=9)
RECORD = FakeRecord(
    value=observation(
        "sportybet",
        [
            sportybet("A", prices={"Yes": "2.0", "No": "1.8"}),
            sportybet("B", prices={"Yes": "3.0", "No": "1.3"}),
            sportybet("C", prices={"Yes": "3.0", "No": "1.3"}),
        ],
    )
)


def test_a_row_of_another_id_that_meets_a_touched_one_is_part_of_the_difference() -> None:
    before = {"two_ids": TWO_IDS, "stronger": STRONGER}
    draft = Draft(before, {"two_ids": TWO_IDS}, 1)
    assert (draft.touched, draft.related) == (
        {"sportybet": frozenset("A")},
        {"sportybet": frozenset("AB")},
    )
    trial = DraftTrial(draft, max_message_bytes=1_000_000)
    trial.take("sportybet", [RECORD])
    # Without the stronger mapping both ids are one market, at two prices.
    lost = {(key.external_market_id, key.before) for key in trial.forecast.markets}
    assert lost == {("A", "stronger"), ("B", "two_ids")}
    assert trial.forecast.count("lost") == 2
    assert trial.forecast.refused.total() > 0
