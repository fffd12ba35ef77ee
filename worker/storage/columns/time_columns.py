"""Columns with times as they are read: decoded here and nowhere else, always to an aware datetime.

Editors write times, with plain SQL as well, and Postgres stores what Python has no datetime for: infinity,
years from 10000 on, years BC. The driver raises an error for such a year, which costs the whole list. For
infinity it gives a datetime without a zone, which cannot be compared with any other. Here it is the latest or
the earliest time there is, so that whoever compares, subtracts or shows times can do it with this one.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from struct import Struct
from typing import Any, Final

# A day from the ends of what a datetime can be: in no time zone is it beyond them.
LATEST: Final = datetime.max.replace(tzinfo=UTC) - timedelta(days=1)
EARLIEST: Final = datetime.min.replace(tzinfo=UTC) + timedelta(days=1)

_EPOCH: Final = datetime(2000, 1, 1, tzinfo=UTC)
_MICROSECOND: Final = timedelta(microseconds=1)
_LATEST: Final = (LATEST - _EPOCH) // _MICROSECOND
_EARLIEST: Final = (EARLIEST - _EPOCH) // _MICROSECOND
_BYTES: Final = Struct("!q")
# For the driver the first and the last datetime that there are stand for infinity.
_INFINITE: Final = {
    **{datetime.max.replace(tzinfo=zone): _BYTES.pack(2**63 - 1) for zone in (None, UTC)},
    **{datetime.min.replace(tzinfo=zone): _BYTES.pack(-(2**63)) for zone in (None, UTC)},
}


def decode_time(data: bytes) -> datetime:
    """Return the time of microseconds since 2000, LATEST or EARLIEST for one beyond them. Never raises."""
    (microseconds,) = _BYTES.unpack(data)
    if microseconds >= _LATEST:
        return LATEST
    if microseconds <= _EARLIEST:
        return EARLIEST
    return _EPOCH + timedelta(0, 0, microseconds)


def encode_time(moment: object) -> bytes:
    """Return what the driver's own codec writes: without a zone it is a local time.

    A date is its midnight, by the offset that holds now. Raises TypeError for what is no time.
    """
    if not isinstance(moment, datetime):
        if not isinstance(moment, date):
            raise TypeError(f"expected a date or a datetime, got {type(moment).__name__!r}")
        here = datetime.now(UTC).astimezone().tzinfo
        moment = datetime(moment.year, moment.month, moment.day, tzinfo=here)
    infinite = _INFINITE.get(moment)
    return infinite or _BYTES.pack((moment.astimezone(UTC) - _EPOCH) // _MICROSECOND)


def is_known(moment: datetime) -> bool:
    """Return whether a time that was read is the stored one; if not, nothing can be computed from it."""
    return EARLIEST < moment < LATEST


async def decode_times(connection: Any) -> None:
    """Let a connection of the driver read and write times as above."""
    await connection.set_type_codec(
        "timestamptz",
        schema="pg_catalog",
        encoder=encode_time,
        decoder=decode_time,
        format="binary",
    )
