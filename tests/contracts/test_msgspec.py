"""What the typed JSON parser lets through in fields that nobody reads. Reading relies on each of these."""

import msgspec
import orjson
import pytest


class Entry(msgspec.Struct):
    id: str


DECODER = msgspec.json.Decoder(Entry)


def with_unread(raw: bytes) -> bytes:
    return b'{"id": "1", "unread": ' + raw + b"}"


@pytest.mark.parametrize(
    "unread",
    [
        b"NaN",
        b"-Infinity",
        b"01",
        b"1.",
        b"+1",
        b"tru",
        rb'"\ud800"',
        rb'"\udfff"',
        rb'"\x"',
        b'"a\x00b"',
        b'"a\nb"',
        b"[1,]",
        b"1 1",
        b"[" * 1025 + b"]" * 1025,
        b'{"a":' * 100_000 + b"1" + b"}" * 100_000,
    ],
    ids=lambda unread: repr(unread[:12]),
)
def test_it_refuses_in_a_field_that_is_not_read_what_is_no_json(unread: bytes) -> None:
    with pytest.raises(orjson.JSONDecodeError):
        orjson.loads(with_unread(unread))
    with pytest.raises((msgspec.DecodeError, RecursionError)):
        DECODER.decode(with_unread(unread))


@pytest.mark.parametrize("unread", [b'"\xff"', b'{"\xff": 1}', b'"\xed\xa0\x80"'], ids=repr)
def test_it_does_not_look_into_a_text_that_is_not_read_which_is_done_before(unread: bytes) -> None:
    assert DECODER.decode(with_unread(unread)) == Entry("1")
    with pytest.raises(UnicodeDecodeError):
        with_unread(unread).decode()


@pytest.mark.parametrize("unread", [b"1e999", b"9" * 5000], ids=["1e999", "5,000 digits"])
def test_it_takes_a_number_beyond_a_double_where_it_is_not_read(unread: bytes) -> None:
    assert DECODER.decode(with_unread(unread)) == Entry("1")


def test_of_a_name_that_stands_twice_the_last_value_counts_there_too() -> None:
    assert DECODER.decode(b'{"id": "1", "id": "2"}') == Entry("2")
