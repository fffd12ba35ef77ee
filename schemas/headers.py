"""The id header: every produced record names what it was made from.

The same source gives the same id again after a crash or a replay, so that a consumer can drop a repetition.
A side replay names itself in a second header.
"""

from __future__ import annotations

from typing import Final

ID_HEADER: Final = "marketmap-id"
REPLAY_HEADER: Final = "marketmap-replay"


def record_id(topic_id: str, partition: int, offset: int) -> str:
    """The id of what was made from one Kafka record.

    The topic id, not the name: a topic that was deleted and created again is another one.
    """
    return f"{topic_id}/{partition}/{offset}"


def audit_id(mapping_version: int) -> str:
    """The id of a mapping change, which comes from an audit row and from no Kafka record."""
    return f"mapping_audit_log/{mapping_version}"


def grade_key(platform: str, canonical_id: str) -> str:
    """The key of the grade of a mapping at a bookmaker."""
    return f"{platform}:{canonical_id}"


def unmapped_id(source: str, external_market_id: str) -> str:
    """The id of a first sighting, which comes from a row of the unmapped market log. Its key as well."""
    return f"{source}:{external_market_id}"
