from typing import Any

import pytest

from tests.support.markets import CATALOGUE
from worker.domain.assign import assign
from worker.domain.diff import diff
from worker.domain.mapping import MappingError, dump_mapping, parse_mapping

OVER_UNDER = next(dump_mapping(one) for one in CATALOGUE if one.canonical_id == "over_under_ft")
Values = dict[str, Any]


@pytest.mark.parametrize(
    ("field", "value"),
    [
        ("name", "Goals"),
        ("canonical_id", "goals"),
        ("sportybet_id", "99"),
        ("line_rule.kind", "handicap"),
        ("line_rule.fixed.sportybet.goalnr", "2"),
        ("outcome.over.sportybet_desc", "Above"),
        ("outcome.exactly_2.5.bet9ja_suffix", "E"),
    ],
)
def test_a_field_that_is_set_is_the_only_one_that_differs(field: str, value: str) -> None:
    (change,) = diff(OVER_UNDER, assign(OVER_UNDER, [f"{field}={value}"]))
    assert (change.field, change.new) == (field, value)


def test_priority_is_a_number_and_free_keys_are_a_list() -> None:
    changed = assign(OVER_UNDER, ["priority=5", "line_rule.free=variant, minsnr"])
    assert (changed["priority"], changed["line_rule"]["free"]) == (5, ["variant", "minsnr"])


def test_a_value_may_hold_an_equals_sign() -> None:
    assert assign(OVER_UNDER, ["name=a=b"])["name"] == "a=b"


def test_an_empty_value_takes_the_field_away() -> None:
    changed = assign(OVER_UNDER, ["betpawa_id=", "line_rule.kind="])
    assert (changed["betpawa_id"], changed["line_rule"]) == (None, {})


def test_what_is_set_and_taken_away_again_leaves_the_mapping_as_it_was() -> None:
    there = [
        "line_rule.fixed.sportybet.goalnr=2",
        "outcome.third.betpawa_name=T",
        "line_rule.free=variant",
    ]
    back = [f"{one.partition('=')[0]}=" for one in there]
    assert parse_mapping(assign(OVER_UNDER, there + back)) == parse_mapping(OVER_UNDER)


def test_an_outcome_goes_with_its_last_label() -> None:
    gone = [
        f"outcome.over.{column}=" for column in ("betpawa_name", "sportybet_desc", "bet9ja_suffix")
    ]
    assert [row["canonical_id"] for row in assign(OVER_UNDER, gone)["outcome_mapping"]] == ["under"]


def test_a_new_outcome_stands_after_the_others() -> None:
    rows = assign(OVER_UNDER, ["outcome.exact.betpawa_name=Exact"])["outcome_mapping"]
    assert (rows[-1]["canonical_id"], rows[-1]["position"]) == ("exact", 2)


def test_what_was_given_stays_as_it_was() -> None:
    before = dump_mapping(parse_mapping(OVER_UNDER))
    assign(OVER_UNDER, ["outcome.over.sportybet_desc=Above", "line_rule.kind="])
    assert before == OVER_UNDER


def test_every_assignment_that_cannot_be_read_is_named() -> None:
    wrong = [
        "name",
        "nme=x",
        "priority=high",
        "outcome.over=Over",
        "line_rule.fixed.williamhill.goalnr=1",
    ]
    with pytest.raises(MappingError) as refused:
        assign(OVER_UNDER, wrong)
    assert [fault.field for fault in refused.value.faults] == [
        "--set",
        "nme",
        "priority",
        "outcome.over",
        "line_rule.fixed.williamhill.goalnr",
    ]


@pytest.mark.parametrize(
    "broken",
    [{"outcome_mapping": [1]}, {"outcome_mapping": {"a": 1}}, {"line_rule": {"fixed": [1]}}],
)
def test_a_row_of_no_usable_shape_is_not_mended_field_by_field(broken: Values) -> None:
    with pytest.raises(MappingError, match="replace the mapping by a file"):
        assign(OVER_UNDER | broken, ["name=x"])


def test_ids_of_an_outcome_are_set_with_commas_between_and_taken_away() -> None:
    before = dump_mapping(CATALOGUE[0])
    column = "sportybet_outcome_ids"
    outcome = before["outcome_mapping"][0]["canonical_id"]
    after = assign(before, [f"outcome.{outcome}.{column}=1, 2"])
    assert after["outcome_mapping"][0][column] == ["1", "2"]
    assert [change.field for change in diff(before, after)] == [f"outcome.{outcome}.{column}"]
    assert column not in assign(before, [f"outcome.{outcome}.{column}="])["outcome_mapping"][0]
