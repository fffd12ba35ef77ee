"""Further ids are rows of the form: what is written in one is read again, and a fault names its field."""

import json
from pathlib import Path
from typing import Any

import pytest

from worker.console.editor.further import FurtherFields, labels_of, read_further, shown_further
from worker.console.forms import SentForm
from worker.domain.mapping import MappingError

CATALOGUE = Path(__file__).parents[4] / "catalogue" / "markets.json"
ROW = FurtherFields("betpawa", "7")


def sent(*rows: FurtherFields) -> SentForm:
    """The rows as a browser sends them."""
    return SentForm(
        [(f"further_{name}", text) for row in rows for name, text in row._asdict().items()]
    )


def read(**changed: str) -> dict[str, Any]:
    (found,) = read_further(sent(ROW._replace(**changed))) or []
    return found


def test_every_further_id_of_the_catalogue_comes_back() -> None:
    listed = [
        one["also"] for one in json.loads(CATALOGUE.read_text())["mappings"] if one.get("also")
    ]
    assert len(listed) > 200
    for also in listed:
        assert read_further(sent(*shown_further(also))) == also


@pytest.mark.parametrize(
    "entry",
    [
        {"fixed": {"a|b": "1"}},  # what separates specifiers is in one of them
        {"fixed": {"a=b": "1"}},
        {"fixed": {"a": " 1"}},
        {"fixed": {"a": "1=2"}, "free": ["b"]},
        {"free": ["a=b"]},
        {"labels": {"yes": ["Yes", "on, or: off"]}, "outcome_ids": {"yes": ["{nn}"]}},
        {"active": False, "grade": "C", "phase": "live"},
        {"line": {"kind": "at_least", "from": "label"}},
        {"line": {"kind": "total", "constant": "2.5"}},
        {"line": {"kind": "total", "unknown": "2.5"}},
    ],
)
def test_whatever_an_id_has_is_kept(entry: dict[str, Any]) -> None:
    whole = {"platform": "betpawa", "id": "7", "active": True} | entry
    assert read_further(sent(*shown_further([whole]))) == [whole]


def test_specifiers_are_fixed_or_free() -> None:
    found = read(specifiers=" goalnr=1 | variant ")
    assert (found["fixed"], found["free"]) == ({"goalnr": "1"}, ["variant"])


def test_rows_without_an_id_are_left_out() -> None:
    assert read_further(sent(FurtherFields(), FurtherFields("sportybet"))) is None


@pytest.mark.parametrize(
    ("more", "field"),
    [
        ("{labels", "also[0].more"),
        ("labels", "also[0].more"),
        ("{id: '8', labels: {yes: [Yes]}}", "also[0].more.id"),
        ("{active: 'false'}", "also[0].more.active"),
    ],
)
def test_yaml_that_cannot_be_used_names_its_row(more: str, field: str) -> None:
    with pytest.raises(MappingError) as refused:
        read(more=more)
    assert [fault.field for fault in refused.value.faults] == [field]


def test_the_labels_of_a_row_are_those_of_its_yaml() -> None:
    assert labels_of(ROW._replace(more="{labels: {yes: [Yes, Ja], no: [Nein]}}")) == [
        "Yes",
        "Ja",
        "Nein",
    ]
    assert labels_of(ROW) == labels_of(ROW._replace(more="{")) == []
