from typing import Any

import pytest

from tests.support.markets import CATALOGUE
from worker.domain.conflicts import Rivalry, rivalries
from worker.domain.mapping import Mapping, parse_mapping


def mapping(canonical_id: str = "mine", **fields: Any) -> Mapping:
    labels = fields.pop("labels", ["Yes", "No"])
    rows = [{"canonical_id": label, "sportybet_desc": label} for label in labels]
    return parse_mapping(
        {"canonical_id": canonical_id, "name": "M", "sportybet_id": "29", "outcome_mapping": rows}
        | fields
    )


RIVAL = mapping("rival", id=1)


def test_the_shipped_catalogue_has_no_rivals() -> None:
    assert rivalries(CATALOGUE, []) == []


def test_the_same_label_of_the_same_market_at_equal_priority_is_refused_with_the_rival() -> None:
    assert rivalries([mapping(labels=["yes", "Maybe"])], [RIVAL]) == [
        Rivalry("mine", "rival", "sportybet", "29", "yes")
    ]


@pytest.mark.parametrize(
    "different",
    [
        {"sportybet_id": "30"},
        {"labels": ["Over", "Under"]},
        {"priority": 1},
        {"line_rule": {"kind": "total"}},
        {"line_rule": {"fixed": {"sportybet": {"goalnr": "1"}}}},
    ],
)
def test_what_cannot_meet_does_not_conflict(different: dict[str, Any]) -> None:
    assert rivalries([mapping(**different)], [RIVAL]) == []


def test_a_mapping_does_not_conflict_with_what_it_replaces() -> None:
    assert rivalries([mapping("rival")], [RIVAL]) == []


def test_two_that_are_saved_together_conflict() -> None:
    assert len(rivalries([mapping("a"), mapping("b")], [])) == 2


def test_what_others_quarrel_over_is_not_reported() -> None:
    quarrel = [mapping("a", id=1), mapping("b", id=2)]
    assert rivalries([mapping(sportybet_id="30")], quarrel) == []


def test_the_rival_is_named_whichever_would_win() -> None:
    older, newer = mapping("mine", id=1), mapping("rival", id=2)
    assert {one.rival for one in rivalries([older], [newer])} == {"rival"}
    assert {one.rival for one in rivalries([newer], [older])} == {"mine"}
