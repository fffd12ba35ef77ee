"""Decodes bytes into an observation, or gives the reason why not. Pure, and never raises on any bytes."""

from __future__ import annotations

from datetime import datetime
from typing import Any, Final, NamedTuple

import orjson
from pydantic import ValidationError

from schemas import DeadReason, Observation, refusal
from worker.domain import resolve
from worker.domain.books.rows import abbreviate
from worker.domain.scope import event_scope
from worker.ingest.reading.record_ids import NO_IDS, RecordIds, ids_in

_SHOWN: Final = 200
_ESCAPED_NUL: Final = b"\\u0000"
_ESCAPE: Final = b"\\"


class UnreadableRecord(NamedTuple):
    """A record that is not an observation. ``detail`` names the field, the bounded value and the cause.

    ``ids`` are those of its scrape and event, as far as they can be read.
    """

    reason: DeadReason
    detail: str
    ids: RecordIds = NO_IDS


class Decoded(NamedTuple):
    """An observation: the part that is resolved, and the envelope that goes through unchanged."""

    observation: resolve.Observation
    observed_at: datetime
    envelope: dict[str, Any]


def decode(value: bytes | None, *, max_bytes: int) -> Decoded | UnreadableRecord:
    """Decode one record's value. A value of more than ``max_bytes`` is not parsed."""
    document = _parse(value, max_bytes)
    if isinstance(document, UnreadableRecord):
        return document
    if not isinstance(document, dict):
        return UnreadableRecord(
            "NOT_AN_OBJECT", f"the body is {abbreviate(document)}, not an object"
        )
    try:
        return _decoded(Observation.model_validate(document))
    except ValidationError as error:
        return UnreadableRecord(*refusal(error), ids_in(document))


def _parse(value: bytes | None, max_bytes: int) -> Any:
    if value is None:
        return UnreadableRecord("TOMBSTONE", "the record has no value")
    if not value or value.isspace():
        return UnreadableRecord("EMPTY", "the record's value is empty")
    if len(value) > max_bytes:
        return UnreadableRecord("TOO_LARGE", f"{len(value)} bytes, at most {max_bytes} are read")
    try:
        document = orjson.loads(value)
    except orjson.JSONDecodeError as error:
        return _not_json(value, error)
    if may_hold_nul(value) and holds_nul(document):
        return UnreadableRecord("NUL_CHARACTER", "a text holds a NUL character", ids_in(document))
    return document


def _not_json(value: bytes, error: orjson.JSONDecodeError) -> UnreadableRecord:
    try:
        value.decode()
    except UnicodeDecodeError as cause:
        return UnreadableRecord("INVALID_UTF8", f"byte {cause.start}: {cause.reason}")
    return UnreadableRecord("INVALID_JSON", str(error)[:_SHOWN])


def may_hold_nul(value: bytes) -> bool:
    """Return whether a JSON text may contain a NUL. For most texts the search for one byte decides."""
    return _ESCAPE in value and _ESCAPED_NUL in value


def holds_nul(document: Any) -> bool:
    """Return whether any key or value of a parsed document contains a NUL. Iterative, whatever its depth."""
    waiting = [document]
    while waiting:
        value = waiting.pop()
        if isinstance(value, str):
            if "\x00" in value:
                return True
        elif isinstance(value, dict):
            waiting.extend(value.keys())
            waiting.extend(value.values())
        elif isinstance(value, list):
            waiting.extend(value)
    return False


def _decoded(observation: Observation) -> Decoded:
    event = observation.event
    return Decoded(
        resolve.Observation(
            platform=observation.platform,
            markets=observation.markets,
            home=event.home,
            away=event.away,
            market_names=observation.market_names,
            scope=event_scope(event.sport, live=event.live),
        ),
        observation.observed_at,
        passed_on(observation),
    )


def passed_on(observation: Observation) -> dict[str, Any]:
    """Return the envelope as it goes into the resolved event."""
    return observation.model_dump(
        mode="json", exclude={"markets", "market_names", "schema_version"}
    )
