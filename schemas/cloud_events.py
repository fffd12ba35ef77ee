"""CloudEvents 1.0 in Kafka's binary mode: the attributes that generic consumers read, in headers after ours.

Everything comes from the source of the message, so that a repetition carries equal attributes.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import Any, Final

Header = tuple[str, bytes | None]

_VERSION: Final[Header] = ("ce_specversion", b"1.0")
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)
_YEAR_10000_MS: Final = 253_402_300_800_000

# By message: `marketmap.` and the name of its schema. A dead letter keeps the headers of its sender alone.
EVENT_TYPES: Final = {
    "ResolvedEvent": "marketmap.resolved_event.v1",
    "UnmappedMarket": "marketmap.unmapped_market.v1",
    "MappingChanged": "marketmap.mapping_changed.v1",
    "MappingGraded": "marketmap.mapping_graded.v1",
}


def cloud_event(message: str, event_id: str, source: str, time: datetime | None) -> list[Header]:
    """The headers of one message. ``message`` is the name of its model.

    ``source`` names what the message was made from, a topic or a table. Without a ``time`` there is none.
    """
    return [_VERSION, ("ce_id", event_id.encode()), *_in_common(message, source, time)]


@lru_cache(maxsize=4096)  # many records come in one millisecond
def _in_common(message: str, source: str, time: datetime | None) -> list[Header]:
    headers: list[Header] = [
        ("ce_source", f"/market-mapping-worker/{source}".encode()),
        ("ce_type", EVENT_TYPES[message].encode()),
    ]
    if time is not None:
        written = time.astimezone(UTC).isoformat(timespec="milliseconds")
        headers.append(("ce_time", written.encode()))
    return headers


@lru_cache(maxsize=4096)  # as above
def moment(timestamp_ms: int) -> datetime | None:
    """A record's timestamp. None if it has none (-1), or one beyond the years of RFC 3339."""
    if not 0 <= timestamp_ms < _YEAR_10000_MS:
        return None
    return _EPOCH + timedelta(milliseconds=timestamp_ms)


def header_schemas() -> dict[str, dict[str, Any]]:
    """A JSON Schema for each header."""
    return {
        "ce_specversion": {
            "type": "string",
            "const": "1.0",
            "description": "Version of CloudEvents.",
        },
        "ce_id": {
            "type": "string",
            "description": (
                "Unique within `ce_source`: `marketmap-id`, and behind it what `marketmap-replay` says."
            ),
        },
        "ce_source": {
            "type": "string",
            "format": "uri-reference",
            "description": "`/market-mapping-worker/` and the topic or table that it was made from.",
        },
        "ce_type": {
            "type": "string",
            "enum": list(EVENT_TYPES.values()),
            "description": "Names the schema.",
        },
        "ce_time": {
            "type": "string",
            "format": "date-time",
            "description": (
                "Timestamp of the source record or row. "
                "Absent when the record has none, or none that RFC 3339 can write."
            ),
        },
    }
