"""What the editor begins with when somebody repairs what an alarm is about."""

from itertools import permutations
from typing import Any

import pytest

from worker.console.pages.repairing import reason_of, repaired
from worker.domain.mapping import claims_of, parse_mapping
from worker.storage.insight.alarms import StoredAlarm

NAMES = ("home", "draw", "away")
WRITTEN = dict(zip(NAMES, ("{home}", "Draw", "{away}"), strict=True))
IDS = dict(zip(NAMES, ("1", "2", "3"), strict=True))
# As the odds have them: folded, as the first reading of what was seen.
SEEN = {"{home}": "home", "draw": "draw", "{away}": "away"}


def raised(kind: str, instead: str = "result", outcomes: Any = None) -> StoredAlarm:
    stored = dict.fromkeys(StoredAlarm._fields) | {
        "id": 7,
        "canonical_id": "result",
        "platform": "sportybet",
        "kind": kind,
        "canonical_id_instead": instead,
        "outcomes_instead": SEEN | (outcomes or {}),
        "reason": "1.30 from the odds",
    }
    return StoredAlarm(**stored)  # type: ignore[arg-type]  # what does not matter is None


def state(order: tuple[str, ...] = NAMES, **more: Any) -> dict[str, Any]:
    """A mapping whose outcomes have at SportyBet the labels and ids of those in this order."""
    rows = [
        {
            "canonical_id": name,
            "betpawa_name": name,
            "sportybet_desc": WRITTEN[of],
            "sportybet_outcome_ids": [IDS[of]],
            "position": place,
        }
        for place, (name, of) in enumerate(zip(NAMES, order, strict=True))
    ]
    return {
        "canonical_id": "result",
        "name": "Result",
        "betpawa_id": "1",
        "sportybet_id": "1",
        "outcome_mapping": rows,
        **more,
    }


@pytest.mark.parametrize("order", list(permutations(NAMES)))
def test_labels_and_ids_go_where_the_odds_have_them_and_nothing_else_changes(
    order: tuple[str, ...],
) -> None:
    wrong = state(order)
    assert parse_mapping(repaired(wrong, raised("assignment"))) == parse_mapping(state())
    assert wrong == state(order), "what it begins with is left as it is"


@pytest.mark.parametrize("order", list(permutations(NAMES)))
def test_a_further_id_is_repaired_as_well(order: tuple[str, ...]) -> None:
    def further(of: tuple[str, ...]) -> dict[str, Any]:
        pairs = list(zip(NAMES, of, strict=True))
        labels = {name: [WRITTEN[each]] for name, each in pairs}
        ids = {name: [IDS[each]] for name, each in pairs}
        one = {"platform": "sportybet", "id": "60", "labels": labels, "outcome_ids": ids}
        other = {"platform": "betpawa", "id": "60", "labels": labels}
        return state(also=[one, other])

    wrong = further(order)
    right = further(NAMES)["also"][0]
    found = repaired(wrong, raised("assignment"))["also"]
    assert found == [right, wrong["also"][1]]


def test_a_label_for_which_there_is_no_place_is_left_out() -> None:
    found = repaired(state(), raised("assignment", outcomes={"draw": "home"}))
    labels = [row.get("sportybet_desc") for row in found["outcome_mapping"]]
    assert labels == ["{home}", None, "{away}"]


def test_an_outcome_that_the_mapping_lacks_changes_nothing() -> None:
    assert repaired(state(), raised("assignment", outcomes={"draw": "other"})) == state()


def test_where_another_market_fits_the_bookmaker_is_taken_out() -> None:
    further = [{"platform": one, "id": "60"} for one in ("sportybet", "betpawa")]
    rule = {"kind": "none", "fixed": {"sportybet": {"a": "1"}, "betpawa": {"b": "2"}}}
    given = state(also=further, line_rule=rule)
    found = repaired(given, raised("market", instead="result_1up"))
    assert found["line_rule"]["fixed"] == {"betpawa": {"b": "2"}}
    claims = claims_of(parse_mapping(found))
    assert {(one.platform, one.market_id) for one in claims} == {
        ("betpawa", "1"),
        ("betpawa", "60"),
    }


def test_a_line_is_left_to_the_editor() -> None:
    assert repaired(state(), raised("line")) == state()


def test_the_reason_names_the_alarm_and_fits_its_field() -> None:
    assert reason_of(raised("line")) == "alarm 7: 1.30 from the odds"
    assert len(reason_of(raised("line")._replace(reason="x" * 900))) == 500
