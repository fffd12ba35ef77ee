from typing import Any

import pytest

from schemas.compatibility import Direction, breaking_changes

TEXT = {"type": "string"}
NULL = {"type": "null"}


def message(field: dict[str, Any], *, required: bool = False) -> dict[str, Any]:
    return {"type": "object", "properties": {"f": field}, "required": ["f"] if required else []}


def lines(old: dict[str, Any], new: dict[str, Any], direction: Direction) -> list[str]:
    return [str(change) for change in breaking_changes(old, new, direction)]


# A change of the field `f`: narrow to wide or back, and what is said of it when it breaks.
NARROWINGS = [
    ({"type": "number"}, {"type": "integer"}, "type number"),
    ({"type": ["string", "null"]}, TEXT, "type null"),
    ({"anyOf": [TEXT, NULL]}, TEXT, "type null"),
    ({"anyOf": [TEXT, NULL]}, {"anyOf": [NULL]}, "type string"),
    ({}, TEXT, "type array"),
    ({"enum": ["a", "b"]}, {"enum": ["a"]}, "value b"),
    ({"enum": ["a", "b"]}, {"const": "a"}, "value b"),
    (TEXT, {"type": "string", "enum": ["a"]}, "listed"),
    ({"maxLength": 9}, {"maxLength": 8}, "maxLength"),
    (TEXT, {"type": "string", "maxLength": 8}, "maxLength"),
    ({"minLength": 1}, {"minLength": 2}, "minLength"),
    ({"maximum": 9}, {"maximum": 8}, "maximum"),
    ({"minimum": 0}, {"minimum": 1}, "minimum"),
    ({"exclusiveMinimum": 0}, {"exclusiveMinimum": 1}, "exclusiveMinimum"),
    ({"exclusiveMaximum": 9}, {"exclusiveMaximum": 8}, "exclusiveMaximum"),
    ({"maxItems": 9}, {"maxItems": 8}, "maxItems"),
    ({"minItems": 0}, {"minItems": 1}, "minItems"),
    (TEXT, {"type": "string", "pattern": "a"}, "pattern"),
    (TEXT, {"type": "string", "format": "date-time"}, "format"),
    (TEXT, {"type": "string", "not": {"const": ""}}, "not"),
    (
        {"anyOf": [{"type": "string", "maxLength": 9}, NULL]},
        {"anyOf": [{"type": "string", "maxLength": 8}, NULL]},
        "maxLength",
    ),
]


@pytest.mark.parametrize(("wide", "narrow", "named"), NARROWINGS)
def test_a_narrowed_input_breaks_its_senders(wide: Any, narrow: Any, named: str) -> None:
    (line,) = lines(message(wide), message(narrow), "input")
    assert line.startswith("f: ")
    assert named in line


@pytest.mark.parametrize(("wide", "narrow", "named"), NARROWINGS)
def test_a_widened_input_breaks_nobody(wide: Any, narrow: Any, named: str) -> None:
    assert lines(message(narrow), message(wide), "input") == []


@pytest.mark.parametrize(("wide", "narrow", "named"), NARROWINGS)
def test_a_widened_output_breaks_its_readers(wide: Any, narrow: Any, named: str) -> None:
    (line,) = lines(message(narrow), message(wide), "output")
    assert line.startswith("f: ")
    assert named in line


@pytest.mark.parametrize(("wide", "narrow", "named"), NARROWINGS)
def test_a_narrowed_output_breaks_nobody(wide: Any, narrow: Any, named: str) -> None:
    assert lines(message(wide), message(narrow), "output") == []


@pytest.mark.parametrize("direction", ["input", "output"])
@pytest.mark.parametrize("changed", [{"pattern": "b"}, {"format": "time"}])
def test_a_changed_rule_that_cannot_be_judged_breaks_both_ways(
    direction: Direction, changed: Any
) -> None:
    old = message({"pattern": "a", "format": "date"})
    (line,) = lines(old, message({"pattern": "a", "format": "date", **changed}), direction)
    assert "changed" in line


@pytest.mark.parametrize("direction", ["input", "output"])
def test_a_removed_field_breaks_both_ways(direction: Direction) -> None:
    old = message(TEXT, required=True)
    assert lines(old, {"type": "object"}, direction) == ["f: the field was removed"]


@pytest.mark.parametrize("direction", ["input", "output"])
def test_a_new_optional_field_breaks_nobody(direction: Direction) -> None:
    assert lines({"type": "object"}, message(TEXT), direction) == []


def test_a_new_required_field_breaks_an_input_only() -> None:
    new = message(TEXT, required=True)
    assert lines({"type": "object"}, new, "input") == ["f: the field is required now"]
    assert lines({"type": "object"}, new, "output") == []


def test_an_optional_field_that_becomes_required_breaks_an_input_only() -> None:
    assert lines(message(TEXT), message(TEXT, required=True), "input") == [
        "f: the field is required now"
    ]
    assert lines(message(TEXT), message(TEXT, required=True), "output") == []


def test_a_required_field_that_becomes_optional_breaks_an_output_only() -> None:
    assert lines(message(TEXT, required=True), message(TEXT), "output") == [
        "f: the field may be absent now"
    ]
    assert lines(message(TEXT, required=True), message(TEXT), "input") == []


def test_a_changed_condition_of_the_whole_message_is_named_by_its_keyword() -> None:
    new = {**message(TEXT), "if": {"required": ["f"]}}
    assert lines(message(TEXT), new, "input") == ["$: if was added or changed"]
    assert lines(new, message(TEXT), "output") == ["$: if was dropped or changed"]


@pytest.mark.parametrize(("keyword", "path"), [("items", "f[]"), ("additionalProperties", "f.*")])
def test_elements_are_compared(keyword: str, path: str) -> None:
    old = message({keyword: {"type": "string", "maxLength": 9}})
    new = message({keyword: {"type": "string", "maxLength": 8}})
    assert lines(old, new, "input") == [f"{path}: maxLength narrowed from 9 to 8"]


def test_unknown_keys_that_are_forbidden_break_an_input() -> None:
    old, new = (
        message({"type": "object"}),
        message({"type": "object", "additionalProperties": False}),
    )
    assert lines(old, new, "input") == ["f.*: nothing is accepted here now"]
    assert lines(new, old, "output") == ["f.*: values are new here"]
    assert lines(new, old, "input") == []


def test_references_are_followed_in_each_document() -> None:
    old, new = (
        {
            **message({"$ref": "#/$defs/T"}),
            "$defs": {"T": message({"type": "string", "maxLength": longest})},
        }
        for longest in (9, 8)
    )
    assert lines(old, new, "input") == ["f.f: maxLength narrowed from 9 to 8"]


def test_a_reference_that_is_used_twice_is_compared_at_both_places() -> None:
    old, new = (
        {
            "properties": {
                "a": {"$ref": "#/$defs/T"},
                "b": {"anyOf": [{"$ref": "#/$defs/T"}, NULL]},
            },
            "$defs": {"T": {"type": "string", "maxLength": longest}},
        }
        for longest in (9, 8)
    )
    assert lines(old, new, "input") == [f"{name}: maxLength narrowed from 9 to 8" for name in "ab"]


def test_a_schema_that_refers_to_itself_is_compared_once() -> None:
    tree = {"$ref": "#/$defs/T", "$defs": {"T": {"items": {"$ref": "#/$defs/T"}, "maxItems": 9}}}
    smaller = {"$ref": "#/$defs/T", "$defs": {"T": {"items": {"$ref": "#/$defs/T"}, "maxItems": 8}}}
    assert lines(tree, smaller, "input") == ["$: maxItems narrowed from 9 to 8"]


@pytest.mark.parametrize("direction", ["input", "output"])
def test_words_may_change_freely(direction: Direction) -> None:
    old = {**message({**TEXT, "description": "a", "examples": ["a"], "default": "a"}), "title": "A"}
    new = {**message({**TEXT, "description": "b", "examples": ["b"], "default": "b"}), "title": "B"}
    assert lines(old, new, direction) == []
