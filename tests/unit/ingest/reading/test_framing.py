import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.ingest.reading.framing import unframed

IDS = st.integers(0, 2**32 - 1).map(lambda number: number.to_bytes(4, "big"))


@LAWS
@given(IDS, st.binary(min_size=1))
def test_what_was_framed_comes_out(schema_id: bytes, body: bytes) -> None:
    assert unframed(b"\x00" + schema_id + body) == body


@LAWS
@given(st.binary().filter(lambda value: not value.startswith(b"\x00")))
def test_what_begins_otherwise_is_left_as_it_is(value: bytes) -> None:
    assert unframed(value) == value


@pytest.mark.parametrize("value", [None, b"", b"\x00", b"\x00\x00\x00\x00\x07"])
def test_what_holds_nothing_behind_a_prefix_is_left_as_it_is(value: bytes | None) -> None:
    assert unframed(value) == value
