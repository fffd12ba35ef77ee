"""A stream of observations of markets that are being edited, and what it must resolve to as of a version."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import orjson

from tests.support.markets import observation, sportybet
from tests.support.services.installation import Published
from worker.domain.index import MappingIndex
from worker.domain.resolve import resolve
from worker.ingest.planning.encode import resolved_event
from worker.ingest.reading.decode import Decoded, decode
from worker.kafka.record import RawRecord
from worker.runtime.index.live import build_index
from worker.storage.audit import AuditRow

MARKETS = 200
OUTCOMES = ("yes", "no")
LABELS = ("Yes", "No")
_OFFERED = 25
_UNPRICED = 5
_ANSWERS = ("markets", "misses", "rejected")


def _market(number: int) -> dict[str, Any]:
    """Every fifth has a price that is no price: rejected while it is mapped, else missed."""
    yes = "1.5" if number % _UNPRICED else "none"
    return sportybet(f"e{number}", prices=dict(zip(LABELS, (yes, "2.5"), strict=True)))


_PRICES = [_market(number) for number in range(MARKETS)]


def records(first: int, count: int) -> list[Published]:
    """Numbered observations; any eight that follow each other offer every market that editors change."""
    return [
        ("observations.sportybet", b"%d" % (n % 31), _payload(n), [])
        for n in range(first, first + count)
    ]


def _payload(number: int) -> bytes:
    offered = [_PRICES[(number * _OFFERED + n) % MARKETS] for n in range(_OFFERED)]
    return observation("sportybet", offered, id=str(number % 31), home=str(number))


def indexes_of(rows: Sequence[AuditRow], wanted: set[int]) -> dict[int, MappingIndex]:
    """The index of each version wanted, built from the audit log alone."""
    table: dict[str, Any] = {}
    indexes = {}
    for row in rows:
        table[row.canonical_id] = row.new_value
        if row.id in wanted:
            active = [state for state in table.values() if state is not None and state["is_active"]]
            indexes[row.id] = build_index(row.id, active)
    return indexes


def wrongly_resolved(
    outputs: Sequence[RawRecord], indexes: dict[int, MappingIndex]
) -> list[dict[str, Any]]:
    """The outputs that differ from what their observation gives under the version that they name."""
    return [
        event
        for event in (orjson.loads(record.value or b"") for record in outputs)
        if {name: event[name] for name in _ANSWERS}
        != _expected(event, indexes[event["mapping_version"]])
    ]


def _expected(event: dict[str, Any], index: MappingIndex) -> dict[str, Any]:
    decoded = decode(_payload(int(event["event"]["home"])), max_bytes=1 << 20)
    assert isinstance(decoded, Decoded)
    written = orjson.loads(resolved_event({}, resolve(decoded.observation, index), index.version))
    return {name: written[name] for name in _ANSWERS}
