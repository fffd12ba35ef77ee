"""What the kit's producer reads from files."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from clients.python.market_mapping_client.errors import ClientError
from clients.python.market_mapping_client.messages import examples
from clients.python.market_mapping_client.publish import read, read_reply

OBSERVATIONS = list(examples.OBSERVATIONS.values())


def saved(folder: Path, text: str | bytes) -> Path:
    file = folder / "file.json"
    file.write_bytes(text if isinstance(text, bytes) else text.encode())
    return file


def test_a_file_has_one_observation_a_line(tmp_path: Path) -> None:
    lines = "\n\n".join(map(json.dumps, OBSERVATIONS))
    found = list(read(saved(tmp_path, lines)))
    assert [one.platform for one in found] == [one["platform"] for one in OBSERVATIONS]


@pytest.mark.parametrize("indent", [None, 2])
def test_one_observation_may_be_over_many_lines(tmp_path: Path, indent: int | None) -> None:
    """As a person saves it, and as `marketmap validate` takes it."""
    (found,) = read(saved(tmp_path, json.dumps(OBSERVATIONS[0], indent=indent)))
    assert found.event.id == OBSERVATIONS[0]["event"]["id"]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        (b"\xff", "it is not UTF-8"),
        ("no json", "file.json, line 1: the document: "),
        (json.dumps(OBSERVATIONS[0]) + "\n{}", "file.json, line 2: "),
        (json.dumps(OBSERVATIONS[0] | {"observed_at": "yesterday"}, indent=2), "observed_at"),
        (json.dumps(OBSERVATIONS), "the document"),
    ],
)
def test_what_is_no_observation_is_one_sentence_with_its_place(
    tmp_path: Path, text: str | bytes, says: str
) -> None:
    with pytest.raises(ClientError) as refused:
        list(read(saved(tmp_path, text)))
    assert refused.value.code == "INPUT_INVALID"
    assert says in str(refused.value)
    assert len(str(refused.value).splitlines()) == 1


def test_a_reply_is_read_as_it_is(tmp_path: Path) -> None:
    assert read_reply(saved(tmp_path, '{\n "bizCode": 10000}')) == {"bizCode": 10000}


@pytest.mark.parametrize(("text", "says"), [("<html>", "is not JSON"), (b"\xff", "not UTF-8")])
def test_a_file_that_is_no_json_is_one_sentence(
    tmp_path: Path, text: str | bytes, says: str
) -> None:
    with pytest.raises(ClientError, match=says):
        read_reply(saved(tmp_path, text))


def test_a_file_that_is_not_there_is_one_sentence(tmp_path: Path) -> None:
    with pytest.raises(ClientError, match="cannot be read"):
        read_reply(tmp_path / "none.json")
