"""Changes of mappings to records. Pure."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any, Final, Protocol

import orjson
from pydantic import ValidationError

from schemas import ID_HEADER, MappingState, OutcomeMapping, audit_id
from schemas.cloud_events import cloud_event
from worker.kafka.record import Outgoing

MappingRowJson = dict[str, Any]


class AuditedChange(Protocol):
    """A row of the audit log: the values are rows of the mapping table as JSON."""

    @property
    def id(self) -> int: ...
    @property
    def canonical_id(self) -> str: ...
    @property
    def action(self) -> str: ...
    @property
    def old_value(self) -> Mapping[str, Any] | None: ...
    @property
    def new_value(self) -> Mapping[str, Any] | None: ...
    @property
    def reason(self) -> str | None: ...
    @property
    def created_at(self) -> datetime: ...
    @property
    def created_by(self) -> str | None: ...


_STATE_FIELDS: Final = tuple(MappingState.model_fields)


def mapping_changed(topic: str, change: AuditedChange, *, max_bytes: int) -> Outgoing:
    """The MappingChanged of an audit row. Every row gets one, else the relay would stand still for ever.

    Plain SQL can leave a row that no worker uses: of its outcomes only the well-formed ones are told. Of a
    change that does not fit into ``max_bytes`` the old state is left out, and then the outcomes.
    """
    new = _state(change.canonical_id, change.new_value)
    message: MappingRowJson = {
        "schema_version": 1,
        "action": change.action,
        "mapping_version": change.id,
        "canonical_id": change.canonical_id,
        "old": _state(change.canonical_id, change.old_value),
        "new": new,
        "reason": change.reason,
        "created_by": change.created_by,
        "created_at": change.created_at.isoformat(),
    }
    value = orjson.dumps(message)
    if len(value) > max_bytes:
        value = orjson.dumps(message | {"old": None})
    if len(value) > max_bytes:
        value = orjson.dumps(message | {"old": None, "new": _without_lists(new), "reason": None})
    headers: list[tuple[str, bytes | None]] = [
        (ID_HEADER, audit_id(change.id).encode()),
        ("content-type", b"application/json"),
        *cloud_event("MappingChanged", audit_id(change.id), "mapping_audit_log", change.created_at),
    ]
    return Outgoing(topic, change.canonical_id.encode(), value, headers)


def _state(canonical_id: str, row: object) -> MappingRowJson | None:
    """The row in the schema's form; the log may hold rows of before it was kept by triggers."""
    if not isinstance(row, Mapping):
        return None
    state = {name: row[name] for name in _STATE_FIELDS if name in row}
    outcomes = row.get("outcome_mapping")
    entries = outcomes if isinstance(outcomes, list) else []
    required = {"canonical_id": canonical_id, "name": canonical_id}
    return (
        required | state | {"outcome_mapping": [entry for entry in entries if _is_outcome(entry)]}
    )


def _is_outcome(entry: Any) -> bool:
    try:
        OutcomeMapping.model_validate(entry)
    except ValidationError:
        return False
    return True


def _without_lists(state: MappingRowJson | None) -> MappingRowJson | None:
    return state and state | {"outcome_mapping": [], "line_rule": None}
