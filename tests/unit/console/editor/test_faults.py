"""What is wrong with a mapping is shown at the input that holds it."""

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest

from tests.unit.console.editor.test_form import sent
from worker.console.editor.faults import faults_of_form
from worker.console.editor.form import EditorFields, OutcomeFields, as_sent, fields_of, mapping_of
from worker.console.editor.further import FurtherFields
from worker.console.faults import ChangeFault
from worker.console.forms import SentForm
from worker.domain.mapping import MappingError

CATALOGUE = Path(__file__).parents[4] / "catalogue" / "markets.json"
EMPTY_OUTCOME = OutcomeFields("", ["", "", ""])


def fields() -> EditorFields:
    """A market with two further ids; in both tables a row is empty."""
    entry = next(
        one
        for one in json.loads(CATALOGUE.read_text(encoding="utf-8"))["mappings"]
        if one["canonical_id"] == "btts_ft"
    )
    also = [
        {"platform": "sportybet", "id": "290", "fixed": {"a": "1"}},
        {"platform": "betpawa", "id": "291"},
    ]
    found = fields_of({**entry, "also": also})
    outcomes = [found.outcomes[0], EMPTY_OUTCOME, *found.outcomes[1:]]
    further = [found.further[0], FurtherFields(), *found.further[1:]]
    return found._replace(outcomes=outcomes, further=further)


def inputs_at_fault(form: SentForm) -> list[tuple[str | None, int]]:
    """The inputs that are marked when this form is refused."""
    with pytest.raises(MappingError) as refused:
        mapping_of(form)
    faults = [ChangeFault(str(one), one.field) for one in refused.value.faults]
    return [(one.name, one.row) for one in faults_of_form(faults, as_sent(form))]


def test_the_form_that_is_to_be_spoilt_has_no_fault() -> None:
    assert mapping_of(sent(fields())).canonical_id == "btts_ft"


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("canonical_id", ""),
        ("name", "x" * 300),
        ("priority", "high"),
        ("sportybet_id", "x" * 101),
        ("line_kind", "curved"),
        ("sport", "Football!"),
        ("phase", "later"),
        ("participant", "coach"),
        ("trait_family", "Total!"),
        ("trait_line", "curved"),
        ("trait_push", "perhaps"),
        ("trait_settlement", "a\x07b"),
        ("rest", "{"),
        ("rest", "name: Another"),
        ("rest", "traits: {family: total}"),
        ("rest", "traits: {residuals: {other: [1]}}"),
        ("rest", "line_rule: {fixed: {nobody: {a: 1}}}"),
        ("rest", "line_rule: {curve: 1}"),
    ],
)
def test_a_fault_is_at_the_field_that_holds_it(name: str, value: str) -> None:
    assert (name, 0) in inputs_at_fault(sent(fields(), **{name: value}))


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"platform": "nobody"}, "further_platform"),
        ({"id": "x" * 101}, "further_id"),
        ({"active": "perhaps"}, "further_active"),
        ({"phase": "later"}, "further_phase"),
        ({"grade": "Z"}, "further_grade"),
        ({"kind": "curved"}, "further_kind"),
        ({"kind": "total", "constant": "much"}, "further_constant"),
        ({"kind": "total", "line_from": "x" * 300}, "further_line_from"),
        ({"specifiers": "a="}, "further_specifiers"),
        ({"more": "{labels"}, "further_more"),
        ({"more": "{labels: 3}"}, "further_more"),
        ({"more": "{id: '8'}"}, "further_more"),
    ],
)
def test_a_fault_of_a_further_id_is_in_its_row_though_one_before_it_is_empty(
    changed: dict[str, Any], name: str
) -> None:
    given = fields()
    further = [*given.further[:2], given.further[2]._replace(**changed), *given.further[3:]]
    assert (name, 2) in inputs_at_fault(sent(given._replace(further=further)))


@pytest.mark.parametrize(
    ("changed", "name"),
    [
        ({"canonical_id": " "}, "outcome"),
        ({"labels": ["x" * 300, "No", "N"]}, "betpawa_name_label"),
        ({"labels": ["", "", ""]}, "outcome"),
        ({"more": '{"position": "first"}'}, "outcome"),
    ],
)
def test_a_fault_of_an_outcome_is_in_its_row_though_one_before_it_is_empty(
    changed: dict[str, Any], name: str
) -> None:
    given = fields()
    outcomes = [*given.outcomes[:2], given.outcomes[2]._replace(**changed), *given.outcomes[3:]]
    assert (name, 2) in inputs_at_fault(sent(given._replace(outcomes=outcomes)))


def test_a_label_that_cannot_be_paired_so_is_at_its_choice() -> None:
    pairs = [("", "betpawa_name", "Ja"), ("77", "betpawa_name", "Nein")]
    listed: list[tuple[str, str]] = list(sent(fields()))
    for place, column, label in pairs:
        listed += [("pair", place), ("pair_column", column), ("pair_label", label)]
    assert inputs_at_fault(SentForm(listed)) == [("pair", 1)]


@pytest.mark.parametrize(
    ("market", "place"),
    [
        (("sportybet", "29"), ("sportybet_id", 0)),
        (("betpawa", "291"), ("further_id", 2)),
        (("bet9ja", "S_X"), (None, 0)),
    ],
)
def test_a_conflict_is_at_the_id_that_is_claimed_twice(
    market: tuple[str, str], place: Sequence[Any]
) -> None:
    (fault,) = faults_of_form([ChangeFault("both claim it", market=market)], fields())
    assert (fault.name, fault.row) == place


def test_a_form_is_shown_as_it_was_sent_row_by_row() -> None:
    given = fields()._replace(canonical_id="no id!", rest="{", priority="high")
    assert as_sent(sent(given)) == given
