import json
from pathlib import Path

import pytest

from tests.support.markets import CATALOGUE
from worker.domain.mapping import MappingError, dump_mapping
from worker.operations.mappings.files import dump_yaml, parse_values, read_text, split_version

PLAIN = """
canonical_id: btts
name: Both Teams To Score
sportybet_id: 29
betpawa_id: ~
bet9ja_key: null
priority: 2
outcome_mapping:
  - {canonical_id: yes, sportybet_desc: Yes, betpawa_name: 1}
  - {canonical_id: no, sportybet_desc: No, betpawa_name: 1.50}
"""


def test_every_mapping_comes_back_from_yaml_as_it_was() -> None:
    assert [split_version(parse_values(dump_yaml(one, 41))) for one in CATALOGUE] == [
        (one, 41) for one in CATALOGUE
    ]


def test_every_mapping_comes_back_from_json_as_it_was() -> None:
    texts = [json.dumps(dump_mapping(one)) for one in CATALOGUE]
    assert [split_version(parse_values(text)) for text in texts] == [
        (one, None) for one in CATALOGUE
    ]


def test_what_yaml_takes_for_a_boolean_or_a_number_stays_a_label() -> None:
    mapping, _ = split_version(parse_values(PLAIN))
    assert [
        (row.canonical_id, row.sportybet_desc, row.betpawa_name) for row in mapping.outcomes
    ] == [
        ("yes", "Yes", "1"),
        ("no", "No", "1.50"),
    ]
    assert (mapping.sportybet_id, mapping.betpawa_id, mapping.bet9ja_key, mapping.priority) == (
        "29",
        None,
        None,
        2,
    )


@pytest.mark.parametrize(
    ("text", "field"),
    [
        ("[1, 2]", "file"),
        ("a: [", "file"),
        ('{"a": ', "file"),
        ("", "file"),
        ("sportybetid: 29", "sportybetid"),
        ("outcome_mapping: [{label: Yes}]", "outcome_mapping[0].label"),
    ],
)
def test_what_is_no_mapping_file_is_refused_by_field(text: str, field: str) -> None:
    with pytest.raises(MappingError) as refused:
        parse_values(text)
    assert [fault.field for fault in refused.value.faults] == [field]


@pytest.mark.parametrize(
    "text", [PLAIN + "version: new\n", PLAIN.replace("priority: 2", "priority: two")]
)
def test_a_number_that_is_none_is_refused(text: str) -> None:
    with pytest.raises(MappingError, match="must be a whole number"):
        split_version(parse_values(text))


@pytest.mark.parametrize(
    "text",
    [
        "{canonical_id: btts, name: Both, priority: 2}",
        "{'canonical_id': 'btts', name: Both, priority: 2,}",
        "{ # a comment\n canonical_id: btts, name: 'Both', priority: 2}",
        '{"canonical_id": "btts", "name": "Both", "priority": 2}',
        '{\t"canonical_id": "btts", "name": "Bo\\u0074h", "priority": 2}',
    ],
)
def test_what_begins_with_a_brace_is_json_or_yaml(text: str) -> None:
    assert parse_values(text) == {"canonical_id": "btts", "name": "Both", "priority": 2}


def test_a_file_may_begin_with_the_mark_of_its_editor(tmp_path: Path) -> None:
    file = tmp_path / "mapping.json"
    file.write_text('\ufeff{"priority": 2}', encoding="utf-8")
    assert parse_values(read_text(file)) == {"priority": 2}


def test_json_keeps_the_escapes_that_yaml_does_not_have() -> None:
    assert parse_values(r'{"name": "a\/b \ud83d\ude00"}') == {"name": "a/b \N{GRINNING FACE}"}


def test_what_is_neither_json_nor_yaml_says_why_for_both() -> None:
    with pytest.raises(MappingError, match=r"is not JSON: .*line 1.*; is not YAML"):
        parse_values('{"name": "x" "priority": 2}')


def test_yaml_cannot_make_objects() -> None:
    with pytest.raises(MappingError, match="is not YAML"):
        parse_values("name: !!python/object/apply:os.getcwd []")


@pytest.mark.parametrize("number", ["100000000000000000000", "9" * 5_000, str(2**63)])
@pytest.mark.parametrize("is_json", [True, False])
def test_a_number_that_no_program_can_hold_is_refused(number: str, is_json: bool) -> None:
    text = PLAIN.replace("desc: Yes,", f"desc: Yes, position: {number},")
    if is_json:
        text = '{"canonical_id": "x", "name": "x", "outcome_mapping": [{"position": N}]}'
        text = text.replace("N", number)
    with pytest.raises(MappingError):
        split_version(parse_values(text))


@pytest.mark.parametrize("field", ["priority", "version"])
def test_a_priority_and_a_version_are_bounded_too(field: str) -> None:
    with pytest.raises(MappingError, match=field):
        split_version(parse_values(f"{PLAIN.replace('priority: 2', '')}{field}: {'9' * 30}"))


@pytest.mark.parametrize("text", ["[" * 5_000, "&a [*a]", "x: " + "[" * 40 + "]" * 40])
def test_a_file_that_is_nested_too_deep_or_circular_is_refused(text: str) -> None:
    with pytest.raises(MappingError):
        parse_values(text)
