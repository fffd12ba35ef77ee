"""A mapping that is opened in the editor and saved without a change is the same mapping."""

import json
from pathlib import Path
from typing import Any

import pytest
import yaml

from worker.console.editor.form import EditorFields, fields_of, mapping_of, values_of
from worker.console.forms import SentForm
from worker.domain.books.registry import LABEL_COLUMNS
from worker.domain.mapping import MappingError, dump_mapping, parse_mapping

CATALOGUE = Path(__file__).parents[4] / "catalogue" / "markets.json"


def sent(fields: EditorFields, **changed: str) -> SentForm:
    """The form as a browser sends it: every row, the empty ones too."""
    main = {
        "canonical_id": fields.canonical_id,
        "name": fields.name,
        "priority": fields.priority,
        "line_kind": fields.line_kind,
        "sport": fields.sport,
        "phase": fields.phase,
        "participant": fields.participant,
        "rest": fields.rest,
        **fields.ids,
        **{f"trait_{name}": text for name, text in fields.traits.items()},
    } | changed
    pairs = list(main.items())
    for row in fields.further:
        pairs += [(f"further_{name}", text) for name, text in row._asdict().items()]
    for one in fields.outcomes:
        pairs += [("outcome", one.canonical_id), ("more", one.more)]
        pairs += [
            (f"{column}_label", label)
            for column, label in zip(LABEL_COLUMNS.values(), one.labels, strict=True)
        ]
    return SentForm(pairs)


def catalogue() -> list[dict[str, Any]]:
    found = json.loads(CATALOGUE.read_text(encoding="utf-8"))["mappings"]
    assert isinstance(found, list)
    return found


def test_every_shipped_mapping_survives_the_editor() -> None:
    entries = catalogue()
    assert len(entries) > 500
    for entry in entries:
        mapping = parse_mapping({"priority": 0, **entry})
        assert mapping_of(sent(fields_of(dump_mapping(mapping)))) == mapping, entry["canonical_id"]


def test_a_label_keeps_the_spaces_around_it() -> None:
    fields = fields_of(
        {
            "canonical_id": "x",
            "name": "X",
            "outcome_mapping": [{"canonical_id": "a", "sportybet_desc": " Yes"}],
        }
    )
    assert values_of(sent(fields))["outcome_mapping"][0]["sportybet_desc"] == " Yes"


@pytest.mark.parametrize(
    ("rest", "named"),
    [
        ("name: Another", "More.name"),
        ("scope: {sport: tennis}", "More.scope"),
        ("also: [{platform: betpawa, id: '7'}]", "More.also"),
        ("traits: {family: total}", "More.traits.family"),
        ("traits: {sport: tennis}", "More.traits.sport"),
        ("traits: {push: true, residuals: {other: scores_9}}", "More.traits.push"),
    ],
)
def test_what_has_a_field_of_its_own_is_refused_in_the_yaml(rest: str, named: str) -> None:
    fields = fields_of(catalogue()[0])
    with pytest.raises(MappingError) as refused:
        values_of(sent(fields, rest=rest))
    assert [one.field for one in refused.value.faults] == [named]
    assert "field of its own" in str(refused.value)


def test_only_free_structure_is_left_to_the_yaml() -> None:
    for entry in catalogue():
        rest = yaml.safe_load(fields_of(entry).rest or "{}")
        assert set(rest) <= {"line_rule", "traits"}
        assert set(rest.get("traits", {})) <= {"residuals"}


@pytest.mark.parametrize(
    ("field", "value", "named"),
    [
        ("sport", "Football!", "scope.sport"),
        ("phase", "later", "scope.phase"),
        ("participant", "coach", "participant.kind"),
        ("trait_family", "Total!", "traits.family"),
        ("trait_line", "curved", "traits.line"),
        ("trait_push", "perhaps", "traits.push"),
        ("trait_settlement", "a\x07b", "traits.settlement"),
    ],
)
def test_a_value_that_is_no_word_of_a_field_names_the_field(
    field: str, value: str, named: str
) -> None:
    with pytest.raises(MappingError) as refused:
        mapping_of(sent(fields_of(catalogue()[0]), **{field: value}))
    assert named in [one.field for one in refused.value.faults]


def test_the_sport_of_the_traits_is_that_of_the_scope() -> None:
    (entry,) = [one for one in catalogue() if one["canonical_id"] == "1x2_ft"]
    also = [{"platform": "sportybet", "id": entry["sportybet_id"]}]
    empty = dict.fromkeys(("betpawa_id", "sportybet_id", "bet9ja_key"), "")
    fields = fields_of({**entry, "also": also})
    mapping = mapping_of(sent(fields, sport="tennis", **empty))
    assert (mapping.scope.sport, mapping.traits and mapping.traits.sport) == ("tennis", "tennis")


def test_nothing_that_is_said_of_the_meaning_is_no_traits() -> None:
    fields = fields_of(catalogue()[0])
    nothing = {f"trait_{name}": "" for name in fields.traits}
    assert mapping_of(sent(fields, **nothing)).traits is None
    # What was derived says nothing of its own; what somebody chose does, and lacks the rest.
    derived = {**nothing, "trait_push": "no", "derived": "yes"}
    assert mapping_of(sent(fields, **derived)).traits is None
    with pytest.raises(MappingError, match=r"traits\.family"):
        mapping_of(sent(fields, **{**nothing, "trait_push": "no"}))


@pytest.mark.parametrize("more", ["{", "[]", '{"canonical_id": "b"}', '{"sportybet_desc": "b"}'])
def test_a_row_cannot_carry_what_the_page_shows(more: str) -> None:
    fields = fields_of(catalogue()[0])
    first = fields.outcomes[0]._replace(more=more)
    with pytest.raises(MappingError):
        values_of(sent(fields._replace(outcomes=[first])))


def test_a_line_that_is_chosen_keeps_what_the_rule_says_besides() -> None:
    fields = fields_of(catalogue()[0])
    values = values_of(
        sent(
            fields,
            line_kind="total",
            rest="line_rule: {kind: none, fixed: {sportybet: {goalnr: 1}}}",
        )
    )
    assert values["line_rule"] == {"kind": "total", "fixed": {"sportybet": {"goalnr": "1"}}}


def paired(*pairs: tuple[str, str, str]) -> SentForm:
    """A form with two outcomes, one of which has a label of SportyBet; and labels that were paired."""
    fields = [
        ("canonical_id", "btts"),
        ("name", "Both"),
        ("sportybet_id", "29"),
        ("outcome", "yes"),
        ("sportybet_desc_label", "Yes"),
        ("outcome", "no"),
        ("sportybet_desc_label", ""),
    ]
    for place, column, label in pairs:
        fields += [("pair", place), ("pair_column", column), ("pair_label", label)]
    return SentForm(fields)


def rows_of(form: SentForm) -> list[tuple[Any, ...]]:
    columns = ("canonical_id", "betpawa_name", "sportybet_desc")
    return [tuple(row[name] for name in columns) for row in values_of(form)["outcome_mapping"]]


def test_a_label_that_was_paired_is_in_the_row_of_its_outcome() -> None:
    form = paired(("1", "sportybet_desc", "No "), ("0", "betpawa_name", "Ja"), ("", "x", "y"))
    assert rows_of(form) == [("yes", "Ja", "Yes"), ("no", None, "No ")]


def test_a_label_that_was_paired_with_a_new_outcome_has_a_row_of_its_own() -> None:
    form = paired(("new", "sportybet_desc", "No Goal"))
    assert rows_of(form)[-1] == ("no_goal", None, "No Goal")


@pytest.mark.parametrize(
    "pair",
    [
        ("0", "sportybet_desc", "Perhaps"),  # there is a label already
        ("7", "sportybet_desc", "No"),
        ("-1", "sportybet_desc", "No"),
        ("x", "sportybet_desc", "No"),
    ],
)
def test_a_label_that_cannot_be_paired_so_is_refused_and_not_lost(
    pair: tuple[str, str, str],
) -> None:
    with pytest.raises(MappingError):
        values_of(paired(pair))


def test_what_is_no_column_of_labels_is_not_paired() -> None:
    assert rows_of(paired(("0", "is_active", "false"))) == rows_of(paired())
