"""What a compacted topic says now: the newest over partitions, without what a tombstone removed."""

from __future__ import annotations

import itertools
import json
from typing import NamedTuple

import pytest

from clients.python.market_mapping_client.compacted_state import CompactedState
from clients.python.market_mapping_client.mappings import Mappings
from clients.python.market_mapping_client.messages import examples


class Record(NamedTuple):
    partition: int
    key: bytes | None
    value: bytes | None
    headers: tuple[()] = ()
    topic: str = "a topic"
    offset: int = 0


def state_after(*records: Record) -> CompactedState[int]:
    state = CompactedState(int, lambda value: value)
    for record in records:
        state.take(record)
    return state


@pytest.mark.parametrize("order", list(itertools.permutations([1, 2, 3])))
def test_the_newest_value_of_a_key_counts_in_any_order(order: tuple[int, ...]) -> None:
    records = [Record(number % 2, b"k", str(number).encode()) for number in order]
    assert state_after(*records).get(b"k") == 3


def test_a_tombstone_removes_what_its_own_partition_said() -> None:
    old, new = Record(0, b"k", b"1"), Record(1, b"k", b"2")
    assert state_after(old, new, Record(1, b"k", None)).get(b"k") == 1
    assert state_after(old, new, Record(0, b"k", None)).get(b"k") == 2
    assert state_after(old, Record(0, b"k", None)).get(b"k") is None


def test_a_key_without_a_value_takes_no_memory() -> None:
    state = state_after(Record(0, b"k", b"1"), Record(0, b"k", None), Record(0, b"never", None))
    assert len(state) == 0
    assert list(state) == []


def test_taking_says_whether_something_changed() -> None:
    state = state_after(Record(0, b"k", b"2"))
    assert not state.take(Record(0, b"k", b"2"))
    assert not state.take(Record(1, b"k", b"1"))
    assert not state.take(Record(1, b"k", None))
    assert state.take(Record(0, b"k", b"3"))
    assert state.take(Record(0, b"k", None))


def change(version: int, canonical_id: str = "over_under_ft", *, deleted: bool = False) -> Record:
    document = json.loads(json.dumps(examples.MAPPING_CHANGED)) | {
        "mapping_version": version,
        "canonical_id": canonical_id,
    }
    if deleted:
        document |= {"action": "DELETE", "new": None}
    return Record(0, canonical_id.encode(), json.dumps(document).encode())


def mappings_after(*records: Record) -> Mappings:
    mappings = Mappings()
    for record in records:
        mappings.take(record)
    return mappings


def test_a_copy_of_the_table_has_the_newest_state_of_each_mapping() -> None:
    mappings = mappings_after(change(3), change(4, "btts_ft"), change(2))
    assert set(mappings) == {"over_under_ft", "btts_ft"}
    assert mappings["over_under_ft"].outcome_mapping
    assert mappings.version == 4


@pytest.mark.parametrize(
    "order", list(itertools.permutations([change(2), change(3, deleted=True)]))
)
def test_a_deleted_mapping_does_not_come_back(order: tuple[Record, ...]) -> None:
    mappings = mappings_after(*order)
    assert mappings.get("over_under_ft") is None
    assert len(mappings) == 0
    assert mappings.version == 3
