from __future__ import annotations

import struct
from datetime import UTC, datetime, timedelta, timezone

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from tests.support.laws import LAWS
from worker.storage.columns.time_columns import EARLIEST, LATEST, decode_time, encode_time, is_known

INT64 = st.integers(-(2**63), 2**63 - 1)
WEST, EAST = (timezone(sign * timedelta(hours=23, minutes=59)) for sign in (-1, 1))
EPOCH = datetime(2000, 1, 1, tzinfo=UTC)


def sent(microseconds: int) -> bytes:
    """A time as the server sends it."""
    return struct.pack(">q", microseconds)


@LAWS
@given(INT64)
@example(2**63 - 1)
@example(-(2**63))
@example(252_455_616_000_000_000)  # the year 10000
@example(-63_113_904_000_000_001)  # 1 BC
@example(568_024_617_600_000_000)  # the year 20000
def test_every_time_of_the_server_is_one_to_compute_with(microseconds: int) -> None:
    moment = decode_time(sent(microseconds))
    for zone in (UTC, WEST, EAST):
        assert datetime.fromisoformat(moment.astimezone(zone).isoformat()) == moment
    now = datetime.now(UTC)
    assert (moment - now).total_seconds() + (now - moment).total_seconds() == 0
    assert (moment < now) is (microseconds < (now - EPOCH) // timedelta(microseconds=1))
    assert moment.strftime("%Y-%m-%d")
    assert decode_time(encode_time(moment)) == moment


@LAWS
@given(INT64, INT64)
def test_their_order_is_kept(one: int, other: int) -> None:
    assert (decode_time(sent(min(one, other)))) <= decode_time(sent(max(one, other)))


@LAWS
@given(
    st.datetimes(
        min_value=EARLIEST.replace(tzinfo=None),
        max_value=LATEST.replace(tzinfo=None),
        timezones=st.sampled_from([UTC, WEST, EAST]),
    )
)
def test_a_time_that_python_has_is_itself(moment: datetime) -> None:
    if EARLIEST <= moment <= LATEST:
        assert decode_time(encode_time(moment)) == moment
        assert is_known(moment) is (moment not in {EARLIEST, LATEST})


def test_a_time_that_it_has_not_is_not_known() -> None:
    assert not is_known(decode_time(sent(2**63 - 1)))
    assert not is_known(decode_time(sent(-(2**63))))


def test_the_driver_s_own_infinity_is_written_as_such() -> None:
    for zone in (None, UTC):
        assert encode_time(datetime.max.replace(tzinfo=zone)) == sent(2**63 - 1)
        assert encode_time(datetime.min.replace(tzinfo=zone)) == sent(-(2**63))


@pytest.mark.parametrize("value", ["2026-11-22", 7, None])
def test_what_is_no_time_is_refused(value: object) -> None:
    with pytest.raises(TypeError, match="expected"):
        encode_time(value)
