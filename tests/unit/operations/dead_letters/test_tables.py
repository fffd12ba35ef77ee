import pytest

from tests.support.records import TOPIC_ID, FakeRecord
from worker.cli.tables import for_display, time_of
from worker.ingest.planning.encode import Encoder
from worker.operations.dead_letters.letters import Letter, LetterPosition, read
from worker.operations.dead_letters.tables import letter_json, value_lines
from worker.operations.dead_letters.topic_reader import Found

ENCODER = Encoder(
    resolved_topic="r", dead_topic="d", group="g", max_bytes=1000, max_dead_bytes=20_000
)


def test_json_is_indented() -> None:
    assert value_lines(b'{"a": [1]}', 4000) == ["{", '  "a": [', "    1", "  ]", "}"]


@pytest.mark.parametrize(
    "value", [b"\x1b[31m\x07", b"\xc2\x9b31m", b'"\\u001b[2J"', b"a\rb\x00", b"\xff\xfe"]
)
def test_what_steers_a_terminal_is_escaped(value: bytes) -> None:
    lines = value_lines(value, 4000)
    assert all(line.isprintable() for line in lines)
    assert "\\" in "".join(lines)


def test_a_long_value_is_cut_and_says_how_long_it_is() -> None:
    lines = value_lines(b"x" * 5000, 100)
    assert lines == ["x" * 100, "... (5000 bytes in all; --save FILE writes them)"]


def test_a_value_that_is_large_or_nested_deep_is_shown_as_it_is() -> None:
    assert value_lines(b"[" * 300_000, 10)[0] == "[" * 10
    assert value_lines(b"[" * 5000, 10)[0] == "[" * 10


def test_no_value_and_a_null_are_told() -> None:
    assert value_lines(None, 100) == ["(no value)"]
    assert for_display(None) == "(null)"


@pytest.mark.parametrize("milliseconds", [-1, 0, 2**62, -(2**62)])
def test_any_number_may_be_a_time(milliseconds: int) -> None:
    assert time_of(milliseconds)


def test_machines_get_the_bytes_in_base64() -> None:
    made = ENCODER.dead(
        f"{TOPIC_ID}/0/0",
        FakeRecord(key=None, value=b"\xff", headers=[("h", b"\xff")]),
        "INVALID_UTF8",
        "why",
    )
    letter = read(FakeRecord("observations.dead", 0, 5, 0, made.key, made.value, made.headers))
    assert isinstance(letter, Letter)
    told = letter_json(Found(letter, None))
    assert (told["place"], told["key_base64"], told["value_base64"]) == (
        str(LetterPosition(0, 5)),
        None,
        "/w==",
    )
    assert told["headers"][0] == ["h", "\\xff"]
