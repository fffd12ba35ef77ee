"""Traits: what a mapping declares of its market, and what of it must fit."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.markets import CATALOGUE, mapping
from tests.support.meanings import MEANINGS
from worker.domain.assign import assign
from worker.domain.diff import diff
from worker.domain.mapping import MappingError, dump_mapping, is_canonical_id, parse_mapping
from worker.domain.traits import dump_traits

TOTAL: dict[str, Any] = {
    "family": "total",
    "period": "ft",
    "subject": "match",
    "counts": "goals",
    "line": "total",
    "exhaustive": True,
    "exclusive": True,
    "push": None,
}
SCORES = TOTAL | {"family": "correct_score", "line": "none", "residuals": {"other": "scores_2"}}


def total(**traits: Any) -> Any:
    rule = {"kind": "total"}
    return mapping("m", ["over"], sportybet_id="1", line_rule=rule, traits=TOTAL | traits)


def test_traits_are_written_as_they_are_read() -> None:
    found = total(settlement="Regular time.", push=False)
    assert parse_mapping(dump_mapping(found)) == found
    assert dump_traits(found.traits) == TOTAL | {
        "sport": "football",
        "settlement": "Regular time.",
        "push": False,
    }


def test_a_mapping_without_traits_is_written_as_before() -> None:
    assert "traits" not in dump_mapping(mapping("m", ["a"], sportybet_id="1"))


@pytest.mark.parametrize(
    ("traits", "reason"),
    [
        ({"family": "Total!"}, "traits.family"),
        ({"period": None}, "traits.period"),
        ({"line": "asian"}, "traits.line"),
        ({"line": "none"}, "no id of the mapping has such a line"),
        ({"sport": "tennis"}, "the mapping is for football"),
        ({"exhaustive": "yes"}, "must be true, false or null"),
        ({"settlement": ""}, "must be a text"),
        ({"when": {}}, "is not one of family"),
        ({"residuals": ["other"]}, "must be an object"),
        ({"residuals": {"other": "x"}}, "no id has this outcome"),
    ],
)
def test_traits_that_are_none_are_refused(traits: dict[str, Any], reason: str) -> None:
    with pytest.raises(MappingError, match=reason):
        total(**traits)


def scores(*further: str, active: bool = True) -> Any:
    """Correct scores of SportyBet's id and of a further one that lists these."""
    labels = {name: [name] for name in further}
    also = [{"platform": "betpawa", "id": "2", "active": active, "labels": labels}]
    return mapping("m", ["1:0", "0:1", "other"], sportybet_id="1", also=also, traits=SCORES)


def test_ids_that_list_the_same_scores_may_share_their_residual() -> None:
    assert scores("1:0", "0:1", "other").traits.residuals == {"other": "scores_2"}


@pytest.mark.parametrize("active", [True, False])
def test_two_lists_are_not_joined_by_one_residual(active: bool) -> None:
    with pytest.raises(MappingError, match="it is another bet where other outcomes are listed"):
        scores("1:0", "other", active=active)


def test_a_residual_of_its_own_keeps_another_list_apart() -> None:
    assert scores("1:0", "0:1", "2:2", "other_3").further_outcomes == ("2:2", "other_3")


@pytest.mark.parametrize(
    ("field", "value", "new"),
    [
        ("traits.exclusive", "false", False),
        ("traits.settlement", "Regular time.", "Regular time."),
        ("traits.family", "race", "race"),
    ],
)
def test_a_trait_is_set_under_the_name_of_its_difference(
    field: str, value: str, new: object
) -> None:
    before = dump_mapping(total())
    (change,) = diff(before, assign(before, [f"{field}={value}"]))
    assert (change.field, change.new) == (field, new)


def test_a_residual_is_set_by_its_outcome() -> None:
    values = assign(dump_mapping(total()), ["traits.residuals.over=x"])
    assert values["traits"]["residuals"] == {"over": "x"}


@pytest.mark.parametrize(
    ("name", "may"),
    [
        ("over_under_ft", True),
        ("1x2", True),
        ("foo bar", False),
        ("Foo", False),
        ("a__b", False),
        ("_a", False),
        ("a_", False),
        ("é", False),
        ("", False),
        ("a" * 101, False),
    ],
)
def test_new_canonical_ids_have_one_pattern(name: str, may: bool) -> None:
    assert is_canonical_id(name) == may


def test_markets_that_bookmakers_settle_differently_say_so() -> None:
    """Bookings everywhere; sendings-off at Bet9ja, which counts extra time."""
    counting = {
        counts: [one for one in CATALOGUE if one.traits and one.traits.counts == counts]
        for counts in ("bookings", "sendings_off")
    }
    at_bet9ja = [one for one in counting["sendings_off"] if one.bet9ja_key is not None]
    assert counting["bookings"]
    assert at_bet9ja
    for one in [*counting["bookings"], *at_bet9ja]:
        assert one.traits is not None
        assert one.traits.settlement, one.canonical_id
    assert all("Bet9ja" in (one.traits.settlement or "") for one in at_bet9ja if one.traits)


@pytest.mark.parametrize("shipped", CATALOGUE, ids=lambda one: one.canonical_id)
def test_the_catalogue_declares_what_its_meanings_say(shipped: Any) -> None:
    meaning = MEANINGS[shipped.canonical_id]
    traits = shipped.traits
    assert traits is not None
    assert (traits.family, traits.period, traits.subject, traits.counts, traits.line) == (
        meaning.family,
        meaning.period,
        meaning.subject,
        meaning.counts,
        meaning.line,
    )
    assert (traits.exhaustive, traits.exclusive, traits.push) == meaning.traits
    assert traits.settlement == meaning.settlement
