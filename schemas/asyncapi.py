"""The AsyncAPI 3.0 document: the topics, what is on them, and what this application does with them."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any, Final, NamedTuple

from . import examples
from .cloud_events import cloud_event, header_schemas
from .fields import PLATFORMS, Platform
from .headers import ID_HEADER, REPLAY_HEADER, audit_id, grade_key, record_id, unmapped_id
from .json_schema import shared_schemas
from .latest import (
    OBSERVED_AT_HEADER,
    TOMBSTONE_HEADER,
    TOMBSTONE_REASONS,
    WHOLE_AT_HEADER,
    latest_key,
)

_SOURCE_ID: Final = record_id("Wq3nVJ0iSkKZp2bK1yF0Bg", 3, 1042)
_AUDIT_ID: Final = audit_id(examples.MAPPING_CHANGED["mapping_version"])
_UNMAPPED_ID: Final = unmapped_id(
    examples.UNMAPPED_MARKET["source"], examples.UNMAPPED_MARKET["external_market_id"]
)
_GRADE_KEY: Final = grade_key(
    examples.MAPPING_GRADED["platform"], examples.MAPPING_GRADED["canonical_id"]
)
_GRADE_ID: Final = f"{_GRADE_KEY}@{examples.MAPPING_GRADED['graded_at']}"
_EXAMPLE_TIME: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
_EVENT_KEY: Final = "The event's SportRadar id when there is one, else `platform:event id`."
_JSON: Final = "application/json"


class Channel(NamedTuple):
    """A topic by its default name; `name` and `message` are its names within the document."""

    name: str
    topic: str
    message: str
    action: str
    summary: str
    cleanup: str = "delete"
    also: tuple[str, ...] = ()

    @property
    def messages(self) -> tuple[str, ...]:
        """The message, and the others on the same topic."""
        return (self.message, *self.also)


def _observations(platform: Platform) -> Channel:
    return Channel(
        f"observations_{platform}",
        f"observations.{platform}",
        "Observation",
        "receive",
        f"What scrapers saw on {platform}. All observation topics have the same number of partitions.",
    )


CHANNELS: Final = (
    *(_observations(platform) for platform in PLATFORMS),
    Channel(
        "odds_resolved",
        "odds.resolved",
        "ResolvedEvent",
        "send",
        "One message for each observation, in canonical terms.",
    ),
    Channel(
        "observations_dead",
        "observations.dead",
        "DeadLetter",
        "send",
        "Records that could not be read, byte for byte, and marks of those that were sent back.",
        also=("Redriven",),
    ),
    Channel(
        "unmapped_markets",
        "unmapped.markets",
        "UnmappedMarket",
        "send",
        "One message the first time that a market is missed.",
    ),
    Channel(
        "odds_latest",
        "odds.latest",
        "LatestEvent",
        "send",
        "The newest resolved event of each event, or of each of its parts.",
        cleanup="compact",
    ),
    Channel(
        "mappings_changes",
        "mappings.changes",
        "MappingChanged",
        "send",
        "Every change of a mapping, in order; the last one of each mapping is kept.",
        cleanup="compact",
    ),
    Channel(
        "mappings_evidence",
        "mappings.evidence",
        "MappingGraded",
        "send",
        "The grade of each mapping at each bookmaker, when it changes; the last one is kept.",
        cleanup="compact",
    ),
)


def asyncapi() -> dict[str, Any]:
    """The whole document. Topic names are the defaults; an installation may set others."""
    return {
        "asyncapi": "3.0.0",
        "info": {
            "title": "Market mapping",
            "version": "1.0.0",
            "description": (
                "Resolves the markets of bookmakers to canonical markets. "
                "The version is that of the messages. Messages on the observation topics "
                "are 20 kB to 1.4 MB; clients and topics must allow 4 MiB."
            ),
        },
        "defaultContentType": _JSON,
        "channels": {channel.name: _channel(channel) for channel in CHANNELS},
        "operations": {
            f"{channel.action}_{channel.name}": _operation(channel) for channel in CHANNELS
        },
        "components": {"messages": _messages(), "schemas": _schemas()},
    }


def _channel(channel: Channel) -> dict[str, Any]:
    return {
        "address": channel.topic,
        "description": channel.summary,
        "messages": {name: {"$ref": f"#/components/messages/{name}"} for name in channel.messages},
        "bindings": {
            "kafka": {
                "topic": channel.topic,
                "topicConfiguration": {"cleanup.policy": [channel.cleanup]},
                "bindingVersion": "0.5.0",
            }
        },
    }


def _operation(channel: Channel) -> dict[str, Any]:
    return {
        "action": channel.action,
        "channel": {"$ref": f"#/channels/{channel.name}"},
        "summary": channel.summary,
        "messages": [
            {"$ref": f"#/channels/{channel.name}/messages/{name}"} for name in channel.messages
        ],
    }


def _messages() -> dict[str, Any]:
    return {
        "Observation": _message(
            "Observation",
            "One event of one bookmaker as a scraper saw it.",
            key=_EVENT_KEY,
            examples=[
                {"name": platform, "payload": example}
                for platform, example in examples.OBSERVATIONS.items()
            ],
        ),
        "ResolvedEvent": _message(
            "ResolvedEvent",
            "What one observation says in canonical terms.",
            key=_EVENT_KEY,
            headers="ResolvedHeaders",
            examples=[
                _example(
                    "ResolvedEvent", _SOURCE_ID, "observations.sportybet", examples.RESOLVED_EVENT
                )
            ],
        ),
        "LatestEvent": _latest_event(),
        "UnmappedMarket": _message(
            "UnmappedMarket",
            "A market was missed for the first time.",
            key="`source:external_market_id`.",
            headers="IdHeader",
            examples=[
                _example(
                    "UnmappedMarket", _UNMAPPED_ID, "unmapped_market_log", examples.UNMAPPED_MARKET
                )
            ],
        ),
        "MappingChanged": _message(
            "MappingChanged",
            "A mapping was changed.",
            key="The canonical_id.",
            headers="IdHeader",
            examples=[
                _example(
                    "MappingChanged", _AUDIT_ID, "mapping_audit_log", examples.MAPPING_CHANGED
                ),
            ],
        ),
        "MappingGraded": _mapping_graded(),
        "DeadLetter": _dead_letter(),
        "Redriven": _redriven(),
    }


def _message(
    name: str, summary: str, *, key: str, examples: list[dict[str, Any]], headers: str | None = None
) -> dict[str, Any]:
    referred = {"headers": {"$ref": f"#/components/schemas/{headers}"}} if headers else {}
    return {
        "name": name,
        "title": name,
        "summary": summary,
        "contentType": _JSON,
        **referred,
        "payload": {"$ref": f"#/components/schemas/{name}"},
        "bindings": _key({"type": "string", "description": key}),
        "examples": examples,
    }


def _latest_event() -> dict[str, Any]:
    example = _example(
        "ResolvedEvent", _SOURCE_ID, "observations.sportybet", examples.RESOLVED_EVENT
    )
    moment = "2026-11-22T14:05:00Z"
    key = latest_key(examples.RESOLVED_EVENT["platform"], examples.EVENT["id"]).decode()
    gone = {
        ID_HEADER: f"ended:{key}@{moment}",
        TOMBSTONE_HEADER: "ended",
        OBSERVED_AT_HEADER: moment,
    }
    return {
        **_message(
            "LatestEvent",
            "The newest resolved event of an event or a part, or a tombstone.",
            key="`platform:event id`, of a part `platform:event id/number`.",
            headers="LatestHeaders",
            examples=[example, {"name": "tombstone", "headers": gone, "payload": None}],
        ),
        "payload": {
            "anyOf": [{"$ref": "#/components/schemas/ResolvedEvent"}, {"type": "null"}],
            "description": "The resolved event, byte for byte; null for a tombstone.",
        },
    }


def _mapping_graded() -> dict[str, Any]:
    example = _example("MappingGraded", _GRADE_ID, "mapping_evidence", examples.MAPPING_GRADED)
    gone = {"name": "tombstone", "headers": example["headers"], "payload": None}
    return {
        **_message(
            "MappingGraded",
            "The grade of a mapping at a bookmaker, or a tombstone when nothing is known of it any more.",
            key="`platform:canonical_id`.",
            headers="IdHeader",
            examples=[example, gone],
        ),
        "payload": {
            "anyOf": [{"$ref": "#/components/schemas/MappingGraded"}, {"type": "null"}],
            "description": "The grade; null for a tombstone.",
        },
    }


def _dead_letter() -> dict[str, Any]:
    return {
        "name": "DeadLetter",
        "title": "DeadLetter",
        "summary": "A record that could not be read; its own headers are kept next to those of this message.",
        "contentType": "application/octet-stream",
        "headers": {"$ref": "#/components/schemas/DeadLetter"},
        "payload": {
            "description": "The bytes of the record, untouched; of a value that is too long, its head."
        },
        "bindings": _key({"description": "The key of the record, untouched."}),
        "examples": [
            {
                "name": "no_offset",
                "headers": examples.DEAD_LETTER_HEADERS,
                "payload": examples.DEAD_LETTER_BODY,
            }
        ],
    }


def _redriven() -> dict[str, Any]:
    return {
        "name": "Redriven",
        "title": "Redriven",
        "summary": "The mark that a dead letter was sent back to its topic, once it was.",
        "contentType": "application/octet-stream",
        "headers": {"$ref": "#/components/schemas/Redriven"},
        "payload": {"description": "Empty.", "type": "string", "maxLength": 0},
        "bindings": _key({"type": "string", "description": "The id of the dead letter."}),
        "examples": [{"name": "typical", "headers": examples.REDRIVEN_HEADERS, "payload": ""}],
    }


def _example(message: str, source_id: str, source: str, payload: dict[str, Any]) -> dict[str, Any]:
    attributes = cloud_event(message, source_id, source, _EXAMPLE_TIME)
    headers = {name: (value or b"").decode() for name, value in attributes}
    return {"name": "typical", "headers": {ID_HEADER: source_id, **headers}, "payload": payload}


def _key(schema: dict[str, Any]) -> dict[str, Any]:
    return {"kafka": {"key": schema, "bindingVersion": "0.5.0"}}


def _schemas() -> dict[str, Any]:
    id_header = {
        "title": "IdHeader",
        "type": "object",
        "description": "Names the source of the message; the same source gives the same id again.",
        "properties": {
            ID_HEADER: {
                "type": "string",
                "description": (
                    "`topic id/partition/offset` of an observation, `source:external_market_id` of a first "
                    "sighting, `mapping_audit_log/mapping_version` of a change of a mapping, or "
                    "`platform:canonical_id@time` of a grade."
                ),
                "examples": [_SOURCE_ID, _UNMAPPED_ID, _AUDIT_ID],
            },
            **header_schemas(),
        },
        "required": [ID_HEADER, "ce_specversion", "ce_id", "ce_source", "ce_type"],
    }
    return {
        "IdHeader": id_header,
        "ResolvedHeaders": _resolved_headers(id_header),
        "LatestHeaders": _latest_headers(_resolved_headers(id_header)),
        **shared_schemas("#/components/schemas/{model}"),
    }


def _resolved_headers(id_header: dict[str, Any]) -> dict[str, Any]:
    replay = {
        "type": "string",
        "description": (
            "The id of the side replay that published the message; absent from what the live workers publish."
        ),
        "examples": ["4f2a9c01d7be"],
    }
    return {
        **id_header,
        "title": "ResolvedHeaders",
        "properties": {**id_header["properties"], REPLAY_HEADER: replay},
    }


def _latest_headers(resolved: dict[str, Any]) -> dict[str, Any]:
    """Of a resolved event its own headers; of a tombstone only why it is there, and as of when."""
    moment = {"type": "string", "format": "date-time"}
    properties = {
        **resolved["properties"],
        TOMBSTONE_HEADER: {
            "type": "string",
            "enum": list(TOMBSTONE_REASONS),
            "description": " ".join(
                f"{reason}: {sentence}" for reason, sentence in TOMBSTONE_REASONS.items()
            ),
        },
        OBSERVED_AT_HEADER: {**moment, "description": "On a tombstone: as of when."},
        WHOLE_AT_HEADER: {
            **moment,
            "description": "For the snapshot process itself: of when the newest whole snapshot is.",
        },
    }
    return {
        "title": "LatestHeaders",
        "type": "object",
        "description": "Headers of the resolved event, or those of a tombstone.",
        "properties": properties,
        "required": [ID_HEADER],
    }
