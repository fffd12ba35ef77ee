"""An event whose record key changed is in two partitions of `odds.latest` until the former one lets it go.

The partitions are read in any order. Whatever is read first, neither the former entry nor its tombstone hides
what is newer, and an event that has ended stays away.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import permutations
from typing import NamedTuple

import pytest

from clients.python.market_mapping_client.follow import newer
from clients.python.market_mapping_client.latest import Latest
from tests.support.kit_events import event

KEY = b"sportybet:sportybet-1"
FORMER, PRESENT = 0, 1


class Record(NamedTuple):
    partition: int
    second: int
    reason: str | None = None  # of a tombstone
    key: bytes = KEY
    topic: str = "odds.latest"
    offset: int = 0

    @property
    def moment(self) -> str:
        return f"2026-11-22T12:00:{self.second:02d}Z"

    @property
    def value(self) -> bytes | None:
        if self.reason is not None:
            return None
        number = None if self.partition == FORMER else "1"
        state = event("sportybet", [], observed_at=self.moment, event={"sportradar_id": number})
        return state.model_dump_json().encode()

    @property
    def headers(self) -> list[tuple[str, bytes | None]]:
        said = {"marketmap-tombstone": self.reason, "marketmap-observed-at": self.moment}
        return [(name, text.encode()) for name, text in said.items() if self.reason and text]


OLD, NEW = Record(FORMER, 1), Record(PRESENT, 2)
LET_GO, ENDED = Record(FORMER, 1, "unseen"), Record(PRESENT, 3, "ended")


def orders(*records: Record) -> Iterator[tuple[Record, ...]]:
    """Every order in which a reader may see them: within a partition there is one, between them none."""
    for order in permutations(records):
        if all(
            [one for one in order if one.partition == place]
            == [one for one in records if one.partition == place]
            for place in (FORMER, PRESENT)
        ):
            yield order


def read(order: tuple[Record, ...]) -> list[int]:
    """The second of the state that a reader holds after each record; 0 if it holds none."""
    latest = Latest(max_ahead_s=1e9)
    seconds = []
    for record in order:
        newer(latest, record)
        held = latest.get("sportybet", "sportybet-1")
        seconds.append(0 if held is None else held.observed_at.second)
    return seconds


@pytest.mark.parametrize("order", list(orders(OLD, LET_GO, NEW)))
def test_neither_the_former_entry_nor_its_tombstone_hides_the_newer_one(
    order: tuple[Record, ...],
) -> None:
    held = read(order)
    since = order.index(NEW)
    assert set(held[since:]) == {NEW.second}


@pytest.mark.parametrize("order", list(orders(OLD, LET_GO, NEW, ENDED)))
def test_the_former_entry_does_not_bring_back_an_event_that_has_ended(
    order: tuple[Record, ...],
) -> None:
    held = read(order)
    assert set(held[order.index(ENDED) :]) == {0}


@pytest.mark.parametrize("order", list(orders(OLD, ENDED)))
def test_the_topic_after_compaction_says_the_same(order: tuple[Record, ...]) -> None:
    """Of each key and partition the last record is left, while the former entry waits for its tombstone."""
    assert read(order)[-1] == 0
