"""What counting a scrape writes: WAL, rows and HOT updates for 1,000 messages, by how large a batch is.

    python -m tests.bench.counting [--short]

Postgres is started on the same machine. The batches are those of a generated scrape, missed under the shipped
catalogue. They are counted once before anything is measured, so all markets are known, as they are in a
running installation. A busy worker counts up to 650 messages together, and at 50 messages a second 50. If it
counted after each fetch, as it did before ADR 17, it would count 128 and 2.
"""

from __future__ import annotations

import asyncio
import os
import sys
import time
from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import NamedTuple

import asyncpg
import orjson
import psutil

from tests.support.records import FakeRecord, place
from tests.support.services.installation import CATALOGUE, temporary_database
from worker.domain.catalogue import load_catalogue
from worker.domain.index import MappingIndex
from worker.ingest.planning.plan import combine
from worker.lab.bench.meters import cpu_with_children_s
from worker.lab.bench.peers.memory import planner_of
from worker.lab.bench.workloads import scrape
from worker.local.owned import owned_services
from worker.runtime.counting import miss_rows
from worker.settings.settings import Settings
from worker.storage.engine import create_engine
from worker.storage.ledger import Ledger, MissRow
from worker.storage.migrate import upgrade
from worker.storage.watermarks import WatermarkKey, WatermarkMove

TOPIC_ID = "A" * 22
BATCH_SIZES = (650, 128, 50, 2)
EVENTS = {650: 1300, 128: 800, 50: 400, 2: 100}
EVENTS_IN_SHORT = 30
ROUNDS = 2
LIMIT_OF_NEW_MARKETS = 2000
WRITTEN = """
SELECT pg_current_wal_insert_lsn() - '0/0'::pg_lsn AS wal,
    sum(n_tup_ins + n_tup_upd + n_tup_del)::bigint AS rows,
    sum(n_tup_upd) FILTER (WHERE relname = 'unmapped_market_log')::bigint AS updated,
    sum(n_tup_hot_upd) FILTER (WHERE relname = 'unmapped_market_log')::bigint AS hot
FROM pg_stat_user_tables
"""
FILL = "ALTER TABLE unmapped_market_log SET (fillfactor = {})"


class Written(NamedTuple):
    wal: int
    rows: int
    updated: int
    hot: int


class Variant(NamedTuple):
    """A schema that counting writes to, with statements that change it."""

    name: str
    revision: str = "head"
    statements: Sequence[str] = ()


def batches(events: int, size: int) -> list[list[MissRow]]:
    """The misses of each batch of a scrape."""
    index = MappingIndex(load_catalogue(CATALOGUE.read_text(encoding="utf-8")), version=7)
    planner = planner_of(Settings())
    records = [
        (
            FakeRecord(
                topic=f"observations.{seen.platform}",
                offset=offset,
                value=orjson.dumps(seen.observation),
            ),
            place(topic=f"observations.{seen.platform}"),
        )
        for offset, seen in enumerate(scrape(events))
    ]
    found = []
    for start in range(0, len(records), size):
        plan = combine(planner.plan_all(records[start : start + size], index))
        found.append(miss_rows(planner.tally(sighting for _, _, sighting in plan.sightings)))
    return found


def later(rows: Sequence[MissRow], minutes: int) -> list[MissRow]:
    """The same misses in a later scrape."""
    moved = timedelta(minutes=minutes)
    return [
        row._replace(first_seen_at=row.first_seen_at + moved, last_seen_at=row.last_seen_at + moved)
        for row in rows
    ]


async def written(url: str) -> Written:
    """From a connection of its own: statistics arrive when a session ends."""
    connection = await asyncpg.connect(url)
    try:
        row = await connection.fetchrow(WRITTEN)
        return Written(*(int(value or 0) for value in row))
    finally:
        await connection.close()


def moves() -> Iterator[list[WatermarkMove]]:
    offset = 0
    while True:
        yield [WatermarkMove(TOPIC_ID, "observations.sportybet", 0, offset, offset + 1)]
        offset += 1


async def measure(
    url: str,
    variant: Variant,
    scraped: Sequence[Sequence[MissRow]],
    size: int,
    server: psutil.Process,
) -> str:
    await upgrade(url, variant.revision)
    await execute_all(url, variant.statements)
    engine = create_engine(url)
    ledger = Ledger(engine, "bench", most_new=LIMIT_OF_NEW_MARKETS)
    await ledger.open_partitions([WatermarkKey(TOPIC_ID, "observations.sportybet", 0)])
    moved = moves()
    for rows in scraped:
        await ledger.commit(next(moved), rows)
    await engine.dispose()
    await execute_all(url, ("VACUUM ANALYZE", "CHECKPOINT"))
    before, cpu_before = await written(url), cpu_with_children_s(server)
    taken = []
    for rows in scraped:
        since = time.perf_counter()
        await ledger.commit(next(moved), later(rows, 5))
        taken.append(time.perf_counter() - since)
    await engine.dispose()
    after, cpu = await written(url), cpu_with_children_s(server) - cpu_before
    found = Written(*(late - early for late, early in zip(after, before, strict=True)))
    messages = size * len(scraped)
    median = sorted(taken)[len(taken) // 2]
    hot = 100 * found.hot / max(1, found.updated)
    return (
        f"{variant.name:<34} {size:>5} {found.wal / messages:>9,.0f} {1000 * found.rows / messages:>9,.0f}"
        f" {found.wal / max(1, found.rows):>7,.0f} {hot:>5.0f}% {1e6 * cpu / messages:>8,.0f}"
        f" {1000 * median:>7.1f}"
    )


async def execute_all(url: str, statements: Sequence[str]) -> None:
    connection = await asyncpg.connect(url)
    try:
        for statement in statements:
            await connection.execute(statement)
    finally:
        await connection.close()


async def run(server: str, process: psutil.Process, *, is_short: bool) -> None:
    for size in BATCH_SIZES:
        scraped = batches(EVENTS_IN_SHORT if is_short else EVENTS[size], size)
        for _ in range(1 if is_short else ROUNDS):
            for variant in VARIANTS:
                async with temporary_database(server) as url:
                    print(await measure(url, variant, scraped, size, process), flush=True)  # noqa: T201  # as below


DROP = "DROP INDEX idx_unmapped_occurrences, idx_unmapped_last_seen"
VARIANTS = [
    Variant("0020", "0020"),
    Variant("0020, two indexes less", "0020", statements=(DROP,)),
    Variant("0020, three indexes less", "0020", statements=(f"{DROP}, idx_unmapped_priority",)),
    Variant("head"),
    Variant("head, fill factor 100", statements=(FILL.format(100),)),
    Variant("head, fill factor 30", statements=(FILL.format(30),)),
]


def main() -> None:
    is_short = "--short" in sys.argv
    print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}; for 1,000 messages")  # noqa: T201  # what it is for
    print(  # noqa: T201  # as above
        f"{'':<34} {'batch':>5} {'WAL kB':>9} {'rows':>9} {'B/row':>7} {'HOT':>6} {'CPU us':>8} {'ms':>7}"
    )
    with owned_services(["postgres"]) as services:
        pid = int((services.folder / "postgres" / "data" / "postmaster.pid").read_text().split()[0])
        asyncio.run(run(services.postgres, psutil.Process(pid), is_short=is_short))


if __name__ == "__main__":
    main()
