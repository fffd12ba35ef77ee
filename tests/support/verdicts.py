"""What the worker makes of generated observations, held against what the generator knows to be true."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from typing import Any

import orjson

from tests.support.records import FakeRecord, place
from worker.domain.index import MappingIndex
from worker.domain.resolve import resolve
from worker.ingest.planning.encode import resolved_event
from worker.ingest.planning.plan import Planner
from worker.ingest.reading.decode import Decoded, decode
from worker.kafka.record import Outgoing
from worker.lab.synthetic.expected import Generated
from worker.lab.synthetic.oracle import Discrepancy, check


def resolved_plainly(generated: Generated, index: MappingIndex) -> Any:
    """The resolved event by the model and the pure resolver alone."""
    value = orjson.dumps(generated.observation)
    decoded = decode(value, max_bytes=len(value))
    assert isinstance(decoded, Decoded), decoded
    found = resolve(decoded.observation, index)
    return orjson.loads(resolved_event(decoded.envelope, found, index.version))


def planned(generated: Generated, planner: Planner[Outgoing], index: MappingIndex) -> Any:
    """The resolved event as the worker writes it: typed reader, recall where it is installed."""
    observed_at = datetime.fromisoformat(generated.observation["observed_at"])
    record = FakeRecord(
        value=orjson.dumps(generated.observation), timestamp=int(observed_at.timestamp() * 1000)
    )
    output = planner.plan(record, place(), index).output
    return orjson.loads(output.value or b"{}")


def plain_faults(made: Iterable[Generated], index: MappingIndex) -> list[tuple[str, Discrepancy]]:
    return [
        (one.key, fault)
        for one in made
        for fault in check(one.expected, resolved_plainly(one, index))
    ]


def planned_faults(
    made: Iterable[Generated], planner: Planner[Outgoing], index: MappingIndex
) -> list[tuple[str, Discrepancy]]:
    return [
        (one.key, fault)
        for one in made
        for fault in check(one.expected, planned(one, planner, index))
    ]
