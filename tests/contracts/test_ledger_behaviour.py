"""What the ledger promises, held by the real one and by the one in memory that protocol tests run on."""

from __future__ import annotations

import asyncio
import random
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import TYPE_CHECKING, Any, Protocol
from urllib.parse import urlsplit, urlunsplit

import pytest
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.services.installation import execute
from tests.support.world.ledger import FakeLedger, Tables
from worker.storage.engine import create_engine
from worker.storage.errors import StorageRefused
from worker.storage.ledger import Counted, Ledger, MissRow
from worker.storage.migrate import upgrade
from worker.storage.watermarks import WatermarkConflict, WatermarkKey, WatermarkMove

if TYPE_CHECKING:
    from tests.conftest import Services

NOON = datetime(2026, 11, 22, 12, tzinfo=UTC)
MINUTE = timedelta(minutes=1)
LARGEST_INTEGER = 2**31 - 1


class Store(Protocol):
    """Where ledgers write, and how to read what they wrote."""

    def ledger(self, group: str, *, most_new: int = 0) -> Any: ...

    async def miss(self, market: str) -> tuple[int, datetime, datetime] | None:
        """Occurrences, first seen, last seen."""

    async def markets(self, source: str) -> dict[str, int]:
        """Occurrences by market."""

    async def quota(self, source: str) -> tuple[int, int]:
        """New markets and overflowed occurrences, of all hours."""

    async def pass_an_hour(self, source: str) -> None:
        """What was written before belongs to an hour before."""


class InMemory:
    def __init__(self) -> None:
        self._tables = Tables()

    def ledger(self, group: str, *, most_new: int = 0) -> FakeLedger:
        return FakeLedger(self._tables, group, most_new=most_new)

    async def miss(self, market: str) -> tuple[int, datetime, datetime] | None:
        row = self._tables.misses.get(("sportybet", market))
        return None if row is None else (row.occurrence_count, row.first_seen_at, row.last_seen_at)

    async def markets(self, source: str) -> dict[str, int]:
        rows = self._tables.misses.values()
        return {
            row.external_market_id: row.occurrence_count for row in rows if row.source == source
        }

    async def quota(self, source: str) -> tuple[int, int]:
        quotas = [quota for (each, _), quota in self._tables.quotas.items() if each == source]
        return sum(quota.new_markets for quota in quotas), sum(quota.overflowed for quota in quotas)

    async def pass_an_hour(self, source: str) -> None:
        self._tables.hour += 60 * MINUTE


class OnPostgres:
    def __init__(self, engine: AsyncEngine) -> None:
        self._engine = engine

    def ledger(self, group: str, *, most_new: int = 0) -> Ledger:
        return Ledger(self._engine, group, most_new=most_new)

    async def miss(self, market: str) -> tuple[int, datetime, datetime] | None:
        statement = (
            "SELECT occurrence_count, first_seen_at, last_seen_at FROM unmapped_market_log"
            " WHERE source = 'sportybet' AND external_market_id = :market"
        )
        (row,) = await self._rows(statement, market=market) or [None]
        return None if row is None else (row[0], row[1], row[2])

    async def markets(self, source: str) -> dict[str, int]:
        asked = "SELECT external_market_id, occurrence_count FROM unmapped_market_log WHERE source = :source"
        return {row[0]: row[1] for row in await self._rows(asked, source=source)}

    async def quota(self, source: str) -> tuple[int, int]:
        asked = "SELECT new_markets, overflowed FROM unmapped_overflow WHERE source = :source"
        rows = await self._rows(asked, source=source)
        return sum(row[0] for row in rows), sum(row[1] for row in rows)

    async def pass_an_hour(self, source: str) -> None:
        await self._rows(
            "UPDATE unmapped_overflow SET hour = hour - interval '1 hour' WHERE source = :source RETURNING 1",
            source=source,
        )

    async def ends_soon(self) -> bool:
        """Whether the hour will be another one in a moment."""
        asked = "SELECT date_trunc('hour', now()) <> date_trunc('hour', now() + interval '20 s')"
        return bool((await self._rows(asked))[0][0])

    async def _rows(self, statement: str, **parameters: str) -> Sequence[Any]:
        async with self._engine.begin() as connection:
            return (await connection.execute(text(statement), parameters)).all()


@pytest.fixture(scope="module")
def ledger_database(services: Services) -> Iterator[str]:
    """The URL of a migrated database. Tests share it: each has a group, topics and markets of its own."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    url = urlunsplit(urlsplit(services.postgres)._replace(path=f"/{name}"))
    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, execute(services.postgres, f"CREATE DATABASE {name}")).result()
        thread.submit(asyncio.run, upgrade(url)).result()
        yield url
        drop = execute(services.postgres, f"DROP DATABASE {name} WITH (FORCE)")
        thread.submit(asyncio.run, drop).result()


@pytest.fixture(params=["in memory", pytest.param("on postgres", marks=pytest.mark.services)])
async def store(request: pytest.FixtureRequest) -> AsyncIterator[Store]:
    if request.param == "in memory":
        yield InMemory()
        return
    engine = create_engine(request.getfixturevalue("ledger_database"))
    yield OnPostgres(engine)
    await engine.dispose()


class Ground:
    """A ledger of a group of its own, with partitions 0 and 1 of a topic of its own open at 0."""

    def __init__(self, store: Store) -> None:
        self.store = store
        self.group = uuid.uuid4().hex
        self.topic_id = uuid.uuid4().hex[:22]
        self.market = uuid.uuid4().hex
        self.topic = f"observations.{self.market}"
        self.ledger: Any = store.ledger(self.group)

    def partition(self, number: int = 0) -> WatermarkKey:
        return WatermarkKey(self.topic_id, self.topic, number)

    def move(self, expected: int, next_offset: int, number: int = 0) -> WatermarkMove:
        return WatermarkMove(self.topic_id, self.topic, number, expected, next_offset)

    def missed(self, **fields: Any) -> MissRow:
        row = MissRow(
            "sportybet", self.market, "name", "[]", "UNKNOWN_MARKET", 1, NOON, NOON, 1, ()
        )
        return row._replace(**fields)

    async def watermarks(self) -> list[int]:
        opened = await self.ledger.open_partitions([self.partition(0), self.partition(1)])
        return [opened[self.topic_id, number] for number in (0, 1)]

    async def occurrences(self) -> int:
        row = await self.store.miss(self.market)
        return 0 if row is None else row[0]


@pytest.fixture
async def ground(store: Store) -> Ground:
    ground = Ground(store)
    await ground.watermarks()
    return ground


async def test_a_partition_is_opened_at_zero_once_and_keeps_where_it_was_moved_to(
    ground: Ground,
) -> None:
    assert await ground.watermarks() == [0, 0]
    assert await ground.ledger.commit([ground.move(0, 10)], []) == Counted(0)
    assert await ground.watermarks() == [10, 0]


async def test_watermarks_and_counts_move_together(ground: Ground) -> None:
    moves = [ground.move(0, 3), ground.move(0, 2, number=1)]
    assert await ground.ledger.commit(moves, [ground.missed(occurrence_count=5)]) == Counted(1)
    assert (await ground.watermarks(), await ground.occurrences()) == ([3, 2], 5)


async def test_counts_add_up_and_only_the_first_is_a_first_sighting(ground: Ground) -> None:
    assert await ground.ledger.commit(
        [ground.move(0, 1)], [ground.missed(occurrence_count=3)]
    ) == Counted(1)
    assert await ground.ledger.commit(
        [ground.move(1, 2)], [ground.missed(occurrence_count=4)]
    ) == Counted(0)
    assert await ground.occurrences() == 7


@pytest.mark.parametrize("ages", [(0, 1, 2), (2, 1, 0)])
async def test_a_market_was_seen_from_its_oldest_to_its_newest_sighting(
    ground: Ground, ages: tuple[int, ...]
) -> None:
    for offset, age in enumerate(ages):
        seen_at = NOON + age * MINUTE
        row = ground.missed(first_seen_at=seen_at, last_seen_at=seen_at)
        await ground.ledger.commit([ground.move(offset, offset + 1)], [row])
    assert await ground.store.miss(ground.market) == (3, NOON, NOON + 2 * MINUTE)


async def test_a_watermark_that_is_elsewhere_stops_everything_and_is_told(ground: Ground) -> None:
    await ground.ledger.commit([ground.move(0, 5)], [])
    with pytest.raises(WatermarkConflict) as conflict:
        await ground.ledger.commit(
            [ground.move(0, 7), ground.move(0, 3, number=1)], [ground.missed()]
        )
    assert conflict.value.current == {(ground.topic_id, 0): 5, (ground.topic_id, 1): 0}
    assert (await ground.watermarks(), await ground.occurrences()) == ([5, 0], 0)


async def test_a_partition_that_was_never_opened_is_a_conflict_that_tells_of_nothing(
    ground: Ground,
) -> None:
    with pytest.raises(WatermarkConflict) as conflict:
        await ground.ledger.commit([ground.move(0, 1, number=9)], [ground.missed()])
    assert conflict.value.current == {}


async def test_a_move_that_stands_still_compares_all_the_same(ground: Ground) -> None:
    await ground.ledger.commit([ground.move(0, 0), ground.move(0, 2, number=1)], [])
    with pytest.raises(WatermarkConflict):
        await ground.ledger.commit([ground.move(1, 1), ground.move(2, 4, number=1)], [])
    assert await ground.watermarks() == [0, 2]


async def test_groups_and_topic_ids_count_on_their_own(ground: Ground) -> None:
    await ground.ledger.commit([ground.move(0, 5)], [])
    place = (ground.topic_id, 0)
    assert await ground.store.ledger(uuid.uuid4().hex).open_partitions([ground.partition()]) == {
        place: 0
    }
    another = WatermarkKey(uuid.uuid4().hex[:22], ground.topic, 0)
    assert await ground.ledger.open_partitions([another]) == {(another.topic_id, 0): 0}


async def test_every_group_adds_to_the_same_counts(ground: Ground) -> None:
    other = ground.store.ledger(uuid.uuid4().hex)
    await other.open_partitions([ground.partition()])
    await other.commit([ground.move(0, 1)], [ground.missed()])
    assert await ground.ledger.commit([ground.move(0, 1)], [ground.missed()]) == Counted(0)
    assert await ground.occurrences() == 2


@pytest.mark.parametrize(
    "bad", [{"external_market_id": "a\x00b"}, {"external_market_id": "x" * 101}], ids=str
)
async def test_a_value_that_does_not_fit_is_refused_with_all_that_came_with_it(
    ground: Ground, bad: dict[str, str]
) -> None:
    with pytest.raises(StorageRefused):
        await ground.ledger.commit([ground.move(0, 1)], [ground.missed(), ground.missed(**bad)])
    assert (await ground.watermarks(), await ground.occurrences()) == ([0, 0], 0)


async def test_a_count_beyond_the_largest_integer_is_refused(ground: Ground) -> None:
    await ground.ledger.commit(
        [ground.move(0, 1)], [ground.missed(occurrence_count=LARGEST_INTEGER)]
    )
    with pytest.raises(StorageRefused):
        await ground.ledger.commit([ground.move(1, 2)], [ground.missed()])
    assert (await ground.watermarks(), await ground.occurrences()) == ([1, 0], LARGEST_INTEGER)


async def test_calls_that_no_batch_leads_to_are_refused(ground: Ground) -> None:
    wrong: list[tuple[list[WatermarkMove], list[MissRow]]] = [
        ([ground.move(0, 1), ground.move(1, 2)], []),
        ([ground.move(0, 1)], [ground.missed(), ground.missed()]),
        ([ground.move(5, 4)], []),
        ([ground.move(0, 0)], [ground.missed()]),
    ]
    for moves, misses in wrong:
        with pytest.raises(ValueError, match=r"twice|backwards|again"):
            await ground.ledger.commit(moves, misses)


async def test_what_a_group_opened_is_known_by_the_name_of_its_topic(ground: Ground) -> None:
    earlier = WatermarkKey(uuid.uuid4().hex[:22], ground.topic, 0)
    await ground.ledger.open_partitions(
        [earlier, WatermarkKey(uuid.uuid4().hex[:22], "another", 0)]
    )
    await ground.ledger.commit([ground.move(0, 4)], [])
    assert sorted(map(tuple, await ground.ledger.known([ground.topic]))) == sorted(
        [
            (ground.topic, ground.topic_id, 0, 4),
            (ground.topic, ground.topic_id, 1, 0),
            (ground.topic, earlier.topic_id, 0, 0),
        ]
    )
    assert await ground.store.ledger(uuid.uuid4().hex).known([ground.topic]) == []


async def test_a_watermark_is_moved_on_purpose_in_either_direction(ground: Ground) -> None:
    why = {"actor": "ops", "reason": "test"}
    await ground.ledger.skip_to(ground.partition(), 0, 9, **why)
    await ground.ledger.set_back(ground.partition(), 9, 4, **why)
    assert await ground.watermarks() == [4, 0]
    with pytest.raises(WatermarkConflict):
        await ground.ledger.set_back(ground.partition(), 9, 2, **why)
    for wrong in (
        ground.ledger.skip_to(ground.partition(), 4, 3, **why),
        ground.ledger.set_back(ground.partition(), 4, 5, **why),
    ):
        with pytest.raises(ValueError, match="moves a watermark"):
            await wrong
    assert await ground.watermarks() == [4, 0]


class Limited(Ground):
    """A source of its own, of which an hour takes up two new markets."""

    MOST = 2

    def __init__(self, store: Store) -> None:
        super().__init__(store)
        self.source = self.market[:20]
        self.ledger = self.another_worker()
        self._offset = 0

    def another_worker(self) -> Any:
        return self.store.ledger(self.group, most_new=self.MOST)

    async def count(self, *, by: Any = None, **occurrences: int) -> Counted:
        """A batch of these markets."""
        rows = [
            self.missed(source=self.source, external_market_id=name, occurrence_count=times)
            for name, times in occurrences.items()
        ]
        move = self.move(self._offset, self._offset + 1)
        counted: Counted = await (by or self.ledger).commit([move], rows)
        self._offset += 1
        return counted


@pytest.fixture
async def limited(store: Store) -> Limited:
    if isinstance(store, OnPostgres) and await store.ends_soon():
        pytest.skip("the hour is about to end")
    limited = Limited(store)
    await limited.watermarks()
    return limited


def overflowed(counted: Counted) -> list[tuple[str, int]]:
    return [(overflow.source, overflow.occurrences) for overflow in counted.overflows]


async def test_new_markets_beyond_the_most_of_an_hour_are_added_up(limited: Limited) -> None:
    counted = await limited.count(a=1, b=9, c=4, d=4)
    assert counted.first_sightings == 2
    assert overflowed(counted) == [(limited.source, 5)]
    assert await limited.store.markets(limited.source) == {"b": 9, "c": 4}
    assert await limited.store.quota(limited.source) == (2, 5)


async def test_what_is_known_is_counted_whatever_the_hour_has_taken_up(limited: Limited) -> None:
    await limited.count(a=1, b=1)
    for worker in (limited.ledger, limited.another_worker()):
        counted = await limited.count(by=worker, a=2, b=3, c=4)
        assert counted.first_sightings == 0
        assert overflowed(counted) == [(limited.source, 4)]
    assert await limited.store.markets(limited.source) == {"a": 5, "b": 7}
    assert await limited.store.quota(limited.source) == (2, 8)


async def test_what_had_no_place_is_taken_up_in_another_hour(limited: Limited) -> None:
    await limited.count(a=1, b=1, c=1)
    await limited.store.pass_an_hour(limited.source)
    assert await limited.count(a=1, c=5) == Counted(1)
    assert await limited.store.markets(limited.source) == {"a": 2, "b": 1, "c": 5}
    assert await limited.store.quota(limited.source) == (3, 1)


async def test_each_source_has_places_of_its_own(limited: Limited) -> None:
    await limited.count(a=1, b=1)
    limited.source = limited.source[::-1]
    assert await limited.count(a=1, b=1) == Counted(2)


async def test_a_batch_that_is_not_counted_takes_no_place(limited: Limited) -> None:
    stale = limited.move(7, 8)
    with pytest.raises(WatermarkConflict):
        await limited.ledger.commit([stale], [limited.missed(source=limited.source)])
    assert await limited.store.quota(limited.source) == (0, 0)
    assert await limited.count(a=1, b=1) == Counted(2)


async def test_without_a_limit_no_place_is_counted(limited: Limited) -> None:
    anyone = limited.store.ledger(limited.group)
    assert await limited.count(by=anyone, a=1, b=1, c=1) == Counted(3)
    assert await limited.store.quota(limited.source) == (0, 0)


@pytest.mark.parametrize("seed", range(3))
async def test_every_occurrence_is_in_its_row_or_in_the_overflow_however_batches_are_cut(
    limited: Limited, seed: int
) -> None:
    dice = random.Random(seed)
    workers = [limited.another_worker() for _ in range(3)]
    sent: Counter[str] = Counter()
    for _ in range(25):
        batch = Counter(dice.choices("abcdefgh", k=dice.randint(1, 12)))
        sent += batch
        await limited.count(by=dice.choice(workers), **batch)
    rows = await limited.store.markets(limited.source)
    new_markets, lost = await limited.store.quota(limited.source)
    assert len(rows) == new_markets == limited.MOST
    assert sum(rows.values()) + lost == sent.total()
    assert all(rows[market] <= sent[market] for market in rows)
