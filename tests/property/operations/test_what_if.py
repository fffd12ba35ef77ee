"""What a draft is said to change is what changes once it is saved, byte for byte, on a generated stream."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import UTC, datetime
from functools import cache
from random import Random
from typing import Any, Final

import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.support.laws import LAWS
from tests.support.records import TOPIC_ID, FakeRecord
from worker.cli.shipped import shipped_catalogue
from worker.domain.books.platforms import PLATFORMS, Platform
from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS
from worker.domain.catalogue import load_catalogue
from worker.domain.index import MappingIndex
from worker.domain.mapping import Mapping
from worker.ingest.planning.encode import Encoder
from worker.ingest.planning.plan import Planner
from worker.kafka.record import Outgoing, Partition
from worker.lab.synthetic.scrape import generate_scrape
from worker.operations.what_if.difference import CHANGE_KINDS, difference
from worker.operations.what_if.draft import Draft
from worker.operations.what_if.forecast import DraftTrial, PlannedValue

MOST_BYTES: Final = 1_000_000
STARTED: Final = datetime(2026, 11, 22, 12, tzinfo=UTC)
VERSION: Final = 7
Active = dict[str, Mapping]
Edit = Callable[[Active, Random], None]


@cache
def catalogue() -> Active:
    """The shipped mappings, with the ids that a table would give them."""
    shipped = load_catalogue(shipped_catalogue().read_text(encoding="utf-8"))
    return {one.canonical_id: replace(one, id=n) for n, one in enumerate(shipped, start=1)}


@cache
def records() -> Sequence[tuple[Platform, FakeRecord]]:
    """Two events at three bookmakers, and what nobody can read."""
    found: list[tuple[Platform, FakeRecord]] = []
    for offset, item in enumerate(generate_scrape(seed=5, events=2, started_at=STARTED)):
        platform: Any = item.platform
        value = orjson.dumps(item.observation)
        found.append((platform, FakeRecord(f"observations.{platform}", 0, offset, value=value)))
    found.append(("betpawa", FakeRecord("observations.betpawa", 0, 100, value=b'{"platform"')))
    found.append(("betpawa", FakeRecord("observations.betpawa", 0, 101, value=None)))
    return found


def published(record: FakeRecord, index: MappingIndex) -> PlannedValue:
    """What a worker with this index publishes of a record."""
    encoder = Encoder(
        resolved_topic="resolved",
        dead_topic="dead",
        group="g",
        max_bytes=MOST_BYTES,
        max_dead_bytes=2 * MOST_BYTES,
    )
    planner: Planner[Outgoing] = Planner(encoder, max_message_bytes=MOST_BYTES)
    planned = planner.plan(record, Partition(record.topic, record.partition, TOPIC_ID), index)
    return PlannedValue(None if planned.dead else planned.output.value, planned.dead)


@cache
def published_before() -> Sequence[PlannedValue]:
    index = MappingIndex(catalogue().values(), VERSION)
    return [published(record, index) for _, record in records()]


def removed(active: Active, drawn: Random) -> None:
    del active[drawn.choice(sorted(active))]


def other_priority(active: Active, drawn: Random) -> None:
    name = drawn.choice(sorted(active))
    active[name] = replace(active[name], priority=drawn.randrange(-3, 9))


def exchanged_ids(active: Active, drawn: Random) -> None:
    """Two mappings read each other's market of one bookmaker, or one gets the id of the other."""
    one, other = drawn.sample(sorted(active), 2)
    column = ID_COLUMNS[drawn.choice(PLATFORMS)]
    mine, theirs = getattr(active[one], column), getattr(active[other], column)
    changes: dict[str, Any] = {column: theirs}
    active[one] = replace(active[one], **changes)
    changes = {column: drawn.choice([mine, theirs])}
    active[other] = replace(active[other], **changes)


def swapped_labels(active: Active, drawn: Random) -> None:
    named = [name for name in sorted(active) if len(active[name].outcomes) > 1]
    name = drawn.choice(named)
    column = LABEL_COLUMNS[drawn.choice(PLATFORMS)]
    first, second, *rest = active[name].outcomes
    one: dict[str, Any] = {column: getattr(second, column)}
    other: dict[str, Any] = {column: getattr(first, column)}
    outcomes = (replace(first, **one), replace(second, **other), *rest)
    active[name] = replace(active[name], outcomes=outcomes)


def fewer_labels(active: Active, drawn: Random) -> None:
    name = drawn.choice([name for name in sorted(active) if len(active[name].outcomes) > 1])
    active[name] = replace(active[name], outcomes=active[name].outcomes[1:])


def fewer_ids(active: Active, drawn: Random) -> None:
    name = drawn.choice([name for name in sorted(active) if active[name].also])
    active[name] = replace(active[name], also=active[name].also[1:])


def unmapped_id(active: Active, drawn: Random) -> None:
    """A market that was missed is read by some mapping."""
    name = drawn.choice(sorted(active))
    missed = [
        (platform, one["external_market_id"].partition("?")[0])
        for (platform, _), before in zip(records(), published_before(), strict=True)
        if before.value is not None
        for one in orjson.loads(before.value)["misses"]
    ]
    platform, market_id = drawn.choice(missed)
    changes: dict[str, Any] = {ID_COLUMNS[platform]: market_id}
    active[name] = replace(active[name], **changes)


EDITS: Final[list[Edit]] = [
    *(removed, other_priority, exchanged_ids, swapped_labels, fewer_labels, fewer_ids),
    unmapped_id,
]


def document(planned: PlannedValue) -> Any:
    return orjson.loads(planned.value) if planned.value else None


@settings(LAWS, max_examples=60)
@given(st.lists(st.sampled_from(EDITS), min_size=1, max_size=4), st.integers(0, 2**32))
def test_what_is_foreseen_is_what_a_worker_publishes_afterwards(
    edits: list[Edit], seed: int
) -> None:
    drawn, after = Random(seed), dict(catalogue())
    for edit in edits:
        edit(after, drawn)
    trial = DraftTrial(Draft(catalogue(), after, VERSION), max_message_bytes=MOST_BYTES)
    saved = MappingIndex(after.values(), VERSION)
    kinds: Counter[str] = Counter()
    changed = 0
    for (platform, record), before in zip(records(), published_before(), strict=True):
        really = published(record, saved)
        foreseen = trial.planned(platform, record)
        if foreseen is None:
            assert really == before
        else:
            assert foreseen[1:] == (before, really)
        changed += really != before
        real = difference(*map(document, (before, really)))
        kinds.update(change.kind for change in real.markets)
        part = trial.foreseen(platform, record)
        assert part is None or difference(*map(document, part[1:])) == real
        trial.take(platform, [record])
    assert trial.forecast.changed == changed
    assert {kind: trial.forecast.count(kind) for kind in CHANGE_KINDS} == {
        kind: kinds[kind] for kind in CHANGE_KINDS
    }


def test_a_draft_that_changes_nothing_touches_nothing() -> None:
    draft = Draft(catalogue(), dict(catalogue()), VERSION)
    trial = DraftTrial(draft, max_message_bytes=MOST_BYTES)
    for platform, record in records():
        assert trial.planned(platform, record) is None or b"\\" in (record.value or b"")
    assert (draft.names, draft.touched) == ([], {})
