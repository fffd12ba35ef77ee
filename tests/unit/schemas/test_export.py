import json
from pathlib import Path

import pytest

from schemas.export import broken, drifted, generated_files, write


@pytest.fixture
def directory(tmp_path: Path) -> Path:
    write(tmp_path / "schemas")
    return tmp_path / "schemas"


def edit(path: Path, old: str, new: str) -> None:
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new, 1), encoding="utf-8")


def test_what_was_just_written_has_not_drifted(directory: Path) -> None:
    assert drifted(directory) == []


def test_writing_twice_gives_the_same_bytes(directory: Path) -> None:
    first = {path.name: path.read_bytes() for path in directory.iterdir()}
    write(directory)
    assert {path.name: path.read_bytes() for path in directory.iterdir()} == first


def test_every_file_is_json_that_ends_in_one_line_feed() -> None:
    for text in generated_files().values():
        assert json.loads(text)
        assert text.endswith("}\n")


def test_an_edited_file_has_drifted(directory: Path) -> None:
    edit(directory / "observation.v1.json", "The bookmaker.", "The bookie.")
    assert drifted(directory) == ["observation.v1.json: differs from what the models generate"]


def test_a_missing_file_has_drifted(directory: Path) -> None:
    (directory / "asyncapi.json").unlink()
    assert drifted(directory) == ["asyncapi.json: missing"]


def test_a_file_that_nothing_generates_has_drifted(directory: Path) -> None:
    (directory / "old.v1.json").write_text("{}", encoding="utf-8")
    assert drifted(directory) == ["old.v1.json: nothing generates this file"]


@pytest.fixture
def baseline(directory: Path) -> Path:
    (directory / "asyncapi.json").unlink()
    return directory


def test_the_models_are_compatible_with_themselves(baseline: Path) -> None:
    assert broken(baseline) == []


def test_a_message_that_the_baseline_does_not_hold_is_new(baseline: Path) -> None:
    (baseline / "observation.v1.json").unlink()
    assert broken(baseline) == []


def test_a_message_that_was_removed_is_told(baseline: Path) -> None:
    (baseline / "old.v1.json").write_text("{}", encoding="utf-8")
    assert broken(baseline) == ["old.v1.json: the message was removed"]


def test_an_input_that_accepted_more_is_told(baseline: Path) -> None:
    edit(baseline / "observation.v1.json", '"maxLength": 255', '"maxLength": 300')
    assert broken(baseline) == [
        "observation.v1.json: event.home: maxLength narrowed from 300 to 255"
    ]


def test_an_output_that_promised_more_is_told(baseline: Path) -> None:
    path = baseline / "resolved_event.v1.json"
    schema = json.loads(path.read_text(encoding="utf-8"))
    schema["$defs"]["RejectedEntry"]["properties"]["code"]["enum"].remove("INVALID_ODDS")
    path.write_text(json.dumps(schema), encoding="utf-8")
    assert broken(baseline) == [
        "resolved_event.v1.json: rejected[].code: value INVALID_ODDS is new"
    ]
