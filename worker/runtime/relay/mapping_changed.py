"""Changes of mappings to records. Pure.

The audit log may hold what nobody can publish or read: plain SQL writes the mappings, and whoever owns the
log can write anything into it. Of such a row as much is published as has the form of the message: a reader
may stop at a record that has another one.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import datetime
from typing import Any, Final, NamedTuple, Protocol

import orjson

from schemas import ID_HEADER, MappingChanged, MappingState, OutcomeMapping, audit_id
from schemas.cloud_events import cloud_event
from worker.kafka.record import Outgoing

MappingRowJson = dict[str, Any]


class AuditedChange(Protocol):
    """A row of the audit log: the values are rows of the mapping table as JSON, or of any other shape."""

    @property
    def id(self) -> int: ...
    @property
    def canonical_id(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def old_value(self) -> object: ...
    @property
    def new_value(self) -> object: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def created_by(self) -> str | None: ...
    @property
    def login(self) -> str | None: ...


class UnpublishableChangeError(ValueError):
    """No message in the form of the schema can be made of an audit row."""


class EncodedChange(NamedTuple):
    """The record of a change. ``is_whole`` is False when values of the row are left out of it."""

    output: Outgoing
    is_whole: bool


_STATE_FIELDS: Final = tuple(MappingState.model_fields)


def mapping_changed(topic: str, change: AuditedChange, *, max_bytes: int) -> EncodedChange:
    """The MappingChanged of an audit row, as much of it as can be published.

    Of outcomes only the well-formed ones are published. What does not have the form of the schema is left
    out. Of a change that does not fit into ``max_bytes``, so is the old state, and then the outcomes. Raises
    UnpublishableChangeError.
    """
    for message in _messages(change):
        value = _encoded(message)
        if value is not None and len(value) <= max_bytes:
            output = Outgoing(topic, change.canonical_id.encode(), value, _headers(change))
            return EncodedChange(output, is_whole=_is_whole(change, message))
    raise UnpublishableChangeError(f"audit row {change.id} has no message in the schema's form")


def _messages(change: AuditedChange) -> Iterator[MappingRowJson]:
    """The whole message, then ever less of it."""
    new = _state(change, change.new_value)
    message: MappingRowJson = {
        "schema_version": 1,
        "action": change.action,
        "mapping_version": change.id,
        "canonical_id": change.canonical_id,
        "old": _state(change, change.old_value),
        "new": new,
        "reason": change.reason,
        "created_by": change.created_by,
        "login": change.login,
        "created_at": change.created_at.isoformat(),
    }
    yield message
    yield message | {"old": None}
    yield message | {"old": None, "new": _without_lists(new), "reason": None}
    yield message | {"old": None, "new": new and _least_state(change), "reason": None}


def _encoded(message: MappingRowJson) -> bytes | None:
    """The message as JSON; None when it cannot be encoded, or is not in the form of the schema."""
    try:
        value = orjson.dumps(message)
        MappingChanged.model_validate_json(value)
    except (TypeError, ValueError):  # what orjson and Pydantic raise are kinds of these
        return None
    return value


def _headers(change: AuditedChange) -> list[tuple[str, bytes | None]]:
    return [
        (ID_HEADER, audit_id(change.id).encode()),
        ("content-type", b"application/json"),
        *cloud_event("MappingChanged", audit_id(change.id), "mapping_audit_log", change.created_at),
    ]


def _is_whole(change: AuditedChange, message: MappingRowJson) -> bool:
    return all(
        value is None or _is_same_state(value, message[name])
        for name, value in (("old", change.old_value), ("new", change.new_value))
    )


def _is_same_state(value: object, state: MappingRowJson | None) -> bool:
    return (
        isinstance(value, Mapping)
        and state is not None
        and all(state.get(name) == value[name] for name in _STATE_FIELDS if name in value)
    )


def _state(change: AuditedChange, value: object) -> MappingRowJson | None:
    """The row in the schema's form; the log may hold rows of before it was kept by triggers."""
    if value is None:
        return None
    if not isinstance(value, Mapping):
        return _least_state(change)
    state = {name: value[name] for name in _STATE_FIELDS if name in value}
    outcomes = state.get("outcome_mapping")
    entries = outcomes if isinstance(outcomes, list) else []
    state["outcome_mapping"] = [entry for entry in entries if _is_outcome(entry)]
    least = _least_state(change)
    if _is_state(least | state):
        return least | state
    return least | {name: one for name, one in state.items() if _is_state(least | {name: one})}


def _least_state(change: AuditedChange) -> MappingRowJson:
    """What a state has at least. One that cannot be read is no deletion: readers keep the mapping."""
    return {
        "canonical_id": change.canonical_id,
        "name": change.canonical_id,
        "outcome_mapping": [],
        "is_active": change.action != "DEACTIVATE",
    }


def _is_state(state: MappingRowJson) -> bool:
    try:
        MappingState.model_validate_json(orjson.dumps(state))
    except (TypeError, ValueError):
        return False
    return True


def _is_outcome(entry: Any) -> bool:
    try:
        OutcomeMapping.model_validate_json(orjson.dumps(entry))
    except (TypeError, ValueError):
        return False
    return True


def _without_lists(state: MappingRowJson | None) -> MappingRowJson | None:
    return state and state | {"outcome_mapping": [], "line_rule": None, "also": None}
