import pytest

from tests.support.markets import CATALOGUE
from worker.domain.diff import FieldChange, diff
from worker.domain.mapping import dump_mapping

BTTS = {
    "canonical_id": "btts",
    "name": "Both Teams To Score",
    "sportybet_id": "29",
    "outcome_mapping": [
        {"canonical_id": "yes", "sportybet_desc": "Yes", "bet9ja_suffix": None, "position": 0},
        {"canonical_id": "no", "sportybet_desc": "No", "bet9ja_suffix": "N", "position": 1},
    ],
}


def test_a_mapping_does_not_differ_from_itself() -> None:
    assert all(diff(dump_mapping(one), dump_mapping(one)) == [] for one in CATALOGUE)


def test_a_mapping_that_comes_shows_every_field_that_it_has() -> None:
    assert diff(None, BTTS) == [
        FieldChange("canonical_id", None, "btts"),
        FieldChange("name", None, "Both Teams To Score"),
        FieldChange("sportybet_id", None, "29"),
        FieldChange("outcome.yes.sportybet_desc", None, "Yes"),
        FieldChange("outcome.no.sportybet_desc", None, "No"),
        FieldChange("outcome.no.bet9ja_suffix", None, "N"),
    ]


def test_a_mapping_that_goes_shows_the_same_fields_the_other_way_round() -> None:
    assert diff(BTTS, None) == [FieldChange(name, new, old) for name, old, new in diff(None, BTTS)]


@pytest.mark.parametrize(
    ("changed", "expected"),
    [
        ({"name": "GG/NG"}, ("name", "Both Teams To Score", "GG/NG")),
        ({"sportybet_id": None}, ("sportybet_id", "29", None)),
        ({"line_rule": {"kind": "total"}}, ("line_rule.kind", None, "total")),
        (
            {"line_rule": {"fixed": {"sportybet": {"goalnr": "1"}}}},
            ("line_rule.fixed.sportybet.goalnr", None, "1"),
        ),
    ],
)
def test_each_field_is_told_by_the_name_that_sets_it(
    changed: dict[str, object], expected: tuple[str, object, object]
) -> None:
    assert diff(BTTS, BTTS | changed) == [expected]


def test_outcomes_in_another_order_are_a_difference() -> None:
    turned = BTTS | {"outcome_mapping": list(reversed(BTTS["outcome_mapping"]))}
    assert diff(BTTS, turned) == [
        ("outcome_order", [("yes", 0), ("no", 1)], [("no", 1), ("yes", 0)]),
    ]


def test_times_ids_and_authors_do_not_count() -> None:
    assert diff(BTTS, BTTS | {"id": 7, "updated_at": "now", "created_by": "ada"}) == []


@pytest.mark.parametrize(
    "broken",
    [
        {"outcome_mapping": [1]},
        {"outcome_mapping": [{"canonical_id": {}}]},
        {"line_rule": {"fixed": [2]}},
    ],
)
def test_a_row_of_any_shape_is_shown_as_it_is(broken: dict[str, object]) -> None:
    (name, value), *_ = broken.items()
    changes = diff(BTTS, BTTS | broken)
    assert any(change.field.startswith(name) and change.new in (value, [2]) for change in changes)
