from typing import Any

import pytest

from tests.support.markets import CATALOGUE
from worker.domain.mapping import MappingError, dump_mapping, parse_mapping

OUTCOME = {
    "canonical_id": "over",
    "betpawa_name": "Over",
    "sportybet_desc": "Over",
    "bet9ja_suffix": "O",
}
GOOD: dict[str, Any] = {
    "canonical_id": "over_under_ft",
    "name": "Over/Under",
    "sportybet_id": "18",
    "line_rule": {"kind": "total"},
    "outcome_mapping": [OUTCOME],
}


def faults(**fields: Any) -> dict[str, str]:
    """Field to reason of what is wrong with the good mapping once ``fields`` are put in."""
    with pytest.raises(MappingError) as refused:
        parse_mapping(GOOD | fields)
    return {fault.field: fault.reason for fault in refused.value.faults}


@pytest.mark.parametrize("one", CATALOGUE, ids=lambda one: one.canonical_id)
def test_a_dumped_mapping_is_read_back_equal(one: Any) -> None:
    assert parse_mapping(dump_mapping(one)) == one


def test_a_mapping_of_the_table_keeps_its_id_and_ignores_other_columns() -> None:
    one = parse_mapping(GOOD | {"id": 12, "is_active": True, "created_by": "x"})
    assert (one.id, one.priority, one.line_rule.kind) == (12, 0, "total")


@pytest.mark.parametrize(
    ("fields", "field"),
    [
        ({"canonical_id": None}, "canonical_id"),
        ({"canonical_id": " "}, "canonical_id"),
        ({"canonical_id": "x" * 101}, "canonical_id"),
        ({"name": 5}, "name"),
        ({"name": "a\x00b"}, "name"),
        ({"sportybet_id": ""}, "sportybet_id"),
        ({"bet9ja_key": "S" * 51}, "bet9ja_key"),
        ({"priority": "1"}, "priority"),
        ({"priority": True}, "priority"),
        ({"priority": 2**31}, "priority"),
        ({"id": 2**63}, "id"),
        ({"priority": -(10**5_000)}, "priority"),
        ({"line_rule": {"free": ["a\ud800"]}}, "line_rule.free"),
        ({"line_rule": {"free": ["x"] * 51}}, "line_rule.free"),
        ({"line_rule": {"fixed": {"sportybet": {"goalnr": "\x00"}}}}, "line_rule.fixed.sportybet"),
        ({"line_rule": {"fixed": {"sportybet": {"k": "v" * 256}}}}, "line_rule.fixed.sportybet"),
        ({"outcome_mapping": []}, "outcome_mapping"),
        ({"outcome_mapping": None}, "outcome_mapping"),
        ({"outcome_mapping": [OUTCOME] * 201}, "outcome_mapping"),
        ({"outcome_mapping": ["x"]}, "outcome_mapping[0]"),
        ({"outcome_mapping": [{"canonical_id": "a"}]}, "outcome_mapping[0]"),
        ({"outcome_mapping": [OUTCOME | {"position": "1"}]}, "outcome_mapping[0].position"),
        (
            {"outcome_mapping": [OUTCOME | {"sportybet_desc": 5}]},
            "outcome_mapping[0].sportybet_desc",
        ),
        ({"line_rule": "total"}, "line_rule"),
        ({"line_rule": {"kind": "totals"}}, "line_rule.kind"),
        ({"line_rule": {"sort": "total"}}, "line_rule.sort"),
        ({"line_rule": {"fixed": {"betway": {"a": "1"}}}}, "line_rule.fixed.betway"),
        ({"line_rule": {"fixed": {"sportybet": {"a": 1}}}}, "line_rule.fixed.sportybet"),
        ({"line_rule": {"fixed": {"sportybet": {}}}}, "line_rule.fixed.sportybet"),
        ({"line_rule": {"fixed": [1]}}, "line_rule.fixed"),
        ({"line_rule": {"free": [1]}}, "line_rule.free"),
        ({"line_rule": {"kind": "handicap"}}, "outcome_mapping"),
        (
            {"line_rule": {"kind": "total", "fixed": {"sportybet": {"total": "2.5"}}}},
            "line_rule.fixed.sportybet.total",
        ),
    ],
)
def test_a_field_that_is_wrong_is_named(fields: dict[str, Any], field: str) -> None:
    assert set(faults(**fields)) == {field}


def test_every_fault_is_named_not_only_the_first() -> None:
    assert set(faults(canonical_id=None, name=7, priority="x")) == {
        "canonical_id",
        "name",
        "priority",
    }


def test_outcomes_without_any_label_are_refused() -> None:
    bare = {
        "canonical_id": "pos_0",
        "betpawa_name": None,
        "sportybet_desc": None,
        "bet9ja_suffix": None,
    }
    assert faults(outcome_mapping=[bare]) == {"outcome_mapping[0]": "has no label on any platform"}


@pytest.mark.parametrize(
    ("second", "field"),
    [
        ({"canonical_id": "over", "bet9ja_suffix": "U"}, "canonical_id"),
        ({"canonical_id": "under", "sportybet_desc": " OVER "}, "sportybet_desc"),
        ({"canonical_id": "under", "bet9ja_suffix": "O"}, "bet9ja_suffix"),
    ],
)
def test_an_outcome_or_label_that_stands_twice_is_refused(
    second: dict[str, str], field: str
) -> None:
    assert faults(outcome_mapping=[OUTCOME, second]) == {
        f"outcome_mapping[1].{field}": "is used twice"
    }


def test_bet9ja_suffixes_that_differ_in_case_are_two() -> None:
    parse_mapping(
        GOOD | {"outcome_mapping": [OUTCOME, {"canonical_id": "under", "bet9ja_suffix": "o"}]}
    )


def test_a_wrong_value_is_shown_bounded() -> None:
    with pytest.raises(MappingError) as refused:
        parse_mapping(GOOD | {"name": "x" * 5000})
    assert len(str(refused.value)) < 200
