"""One record that is no message of its topic ends no reader, and none is skipped silently."""

from __future__ import annotations

import json
import logging
from typing import NamedTuple

import pytest

from clients.python.market_mapping_client.compacted_state import CompactedState
from clients.python.market_mapping_client.follow import newer
from clients.python.market_mapping_client.latest import Latest
from clients.python.market_mapping_client.mappings import Mappings
from clients.python.market_mapping_client.messages import examples
from clients.python.market_mapping_client.unreadable import UnreadableRecord
from tests.support.kit_events import event


class Record(NamedTuple):
    value: bytes | None
    key: bytes | None = b"1"
    partition: int = 3
    offset: int = 1042
    topic: str = "odds.resolved"
    headers: tuple[tuple[str, bytes | None], ...] = ()


def resolved(observed_at: str = "2026-11-22T12:00:00Z") -> bytes:
    return event("sportybet", [], observed_at=observed_at).model_dump_json().encode()


LATER_VERSION = json.dumps(json.loads(resolved()) | {"schema_version": 2}).encode()


def settled() -> Latest:
    return Latest(max_ahead_s=1e9)


@pytest.mark.parametrize(
    "value", [b"", b"not json", b"[]", b"\xff", b'{"platform": "sportybet"}', LATER_VERSION]
)
def test_a_reader_goes_on_after_a_record_that_it_cannot_read(value: bytes) -> None:
    latest, skipped = settled(), list[UnreadableRecord]()
    assert newer(latest, Record(resolved()), skipped.append) is not None
    assert newer(latest, Record(value), skipped.append) is None
    assert newer(latest, Record(resolved("2026-11-22T12:01:00Z")), skipped.append) is not None
    assert [(one.topic, one.partition, one.offset) for one in skipped] == [
        ("odds.resolved", 3, 1042)
    ]


def test_what_was_known_before_a_record_that_cannot_be_read_stays() -> None:
    latest = settled()
    newer(latest, Record(resolved()))
    newer(latest, Record(b"not json"))
    assert len(latest) == 1


def test_the_report_names_the_place_and_the_fault_and_is_short() -> None:
    skipped: list[UnreadableRecord] = []
    newer(settled(), Record(LATER_VERSION), skipped.append)
    (one,) = skipped
    assert str(one).startswith("odds.resolved [3] at offset 1042: the record cannot be read (")
    assert "schema_version = 2" in one.reason
    huge = json.dumps({"platform": "x" * 100_000, "markets": ["y" * 1000] * 1000}).encode()
    newer(settled(), Record(huge), skipped.append)
    assert len(str(skipped[-1])) < 500


def test_without_a_function_it_is_a_warning_in_the_log(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING, logger="market_mapping_client"):
        newer(settled(), Record(b"not json"))
    assert [record.levelname for record in caplog.records] == ["WARNING"]
    assert "offset 1042" in caplog.text


@pytest.mark.parametrize(
    ("key", "headers"),
    [
        (None, ()),
        (b"\xff", (("marketmap-tombstone", b"ended"),)),
        (b"sportybet:1", ()),
        (b"sportybet:1", (("marketmap-tombstone", b"ended"),)),
        (b"sportybet:1", (("marketmap-tombstone", b"why not"), ("marketmap-observed-at", b"1"))),
    ],
)
def test_a_record_without_a_value_that_is_no_tombstone_is_reported(
    key: bytes | None, headers: tuple[tuple[str, bytes | None], ...]
) -> None:
    reports: list[str] = []
    latest = Latest(max_ahead_s=1e9, report=reports.append)
    newer(latest, Record(resolved()))
    newer(latest, Record(None, key, headers=headers))
    assert len(latest) == 1
    assert ["is no tombstone" in one for one in reports] == [True]


def change(version: int, key: str = "over_under_ft") -> Record:
    document = json.loads(json.dumps(examples.MAPPING_CHANGED)) | {"mapping_version": version}
    return Record(json.dumps(document).encode(), key.encode(), topic="mappings.changes")


def test_a_mapping_whose_newest_record_cannot_be_read_is_left_out() -> None:
    """What it said before is no longer true, and what it says now is not known."""
    skipped: list[UnreadableRecord] = []
    mappings = Mappings(on_unreadable=skipped.append)
    mappings.take(change(7))
    assert list(mappings) == ["over_under_ft"]
    assert mappings.take(Record(b"not json", b"over_under_ft", topic="mappings.changes"))
    assert (list(mappings), len(skipped)) == ([], 1)
    mappings.take(change(8))
    assert list(mappings) == ["over_under_ft"]


def test_a_value_in_another_partition_stays_where_one_cannot_be_read() -> None:
    skipped: list[UnreadableRecord] = []
    state: CompactedState[int] = CompactedState(int, lambda value: value, skipped.append)
    for record in (Record(b"1", partition=0), Record(b"2"), Record(b"x")):
        state.take(record)
    assert state.get(b"1") == 1
    assert "invalid literal" in skipped[0].reason
