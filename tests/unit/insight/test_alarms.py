"""The alarm: a fault that prices can show is found within ten events, and a clean mapping raises none."""

from itertools import takewhile

import pytest

from tests.support.boards import JUDGE
from tests.support.markets import CATALOGUE
from worker.insight.alarms import Alarm
from worker.lab.insight.faults import Fault, clean, faults, kinds, raised
from worker.lab.insight.leave_one_out import Stage
from worker.lab.insight.scrapes import troubled_events

WITHIN_A_MAPPING = {
    "clean",
    "home and away",
    "yes and no",
    "over and under",
    "shuffled",
    "line off by one",
    "handicap sign",
}


@pytest.fixture(scope="module")
def stage() -> Stage:
    events = troubled_events(seed=88, events=16, noise=0.05)
    return Stage(events, CATALOGUE, JUDGE, most_events=10)


def said_of(stage: Stage, canonical_id: str) -> dict[str, Alarm | None]:
    """What the alarm says of one mapping at SportyBet, clean and with each of its faults."""
    stage.tried = [one for one in CATALOGUE if one.canonical_id == canonical_id]
    within = takewhile(lambda one: one.kind in WITHIN_A_MAPPING, faults(stage, seed=5))
    found: list[Fault] = [*clean(stage), *within]
    return {one.kind: raised(stage, one) for one in found if one.platform == "sportybet"}


@pytest.mark.parametrize(
    ("canonical_id", "tried"),
    [
        ("btts_2h", {"yes and no"}),
        ("handicap_3way_ft", {"home and away", "handicap sign", "line off by one"}),
    ],
)
def test_a_fault_is_found_within_ten_events_and_a_clean_mapping_raises_no_alarm(
    stage: Stage, canonical_id: str, tried: set[str]
) -> None:
    said = said_of(stage, canonical_id)
    assert said.pop("clean") is None
    assert said.keys() == tried
    for kind, one in said.items():
        assert one is not None, kind
        assert one.better < one.present / 2
    if canonical_id == "btts_2h":
        swapped = said["yes and no"]
        assert swapped is not None
        assert swapped.kind == "assignment"
        assert dict(swapped.outcomes_instead) == {"yes": "yes", "no": "no"}
        assert swapped.reason.endswith("with its labels assigned otherwise")


def test_no_faults_are_counted_as_none() -> None:
    assert kinds([]) == {}
