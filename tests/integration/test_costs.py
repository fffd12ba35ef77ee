"""What a batch costs the servers: counted, not timed. And that the bench judges a run on real servers."""

from __future__ import annotations

from collections.abc import AsyncIterator, Sequence
from typing import TYPE_CHECKING, NamedTuple

import asyncpg
import pytest

from tests.support.services.installation import CATALOGUE
from worker.domain.catalogue import load_catalogue
from worker.lab.bench.contestants import CONTESTANTS
from worker.lab.bench.ground import Ground, RunSite
from worker.lab.bench.meters import log_bytes, rows_written
from worker.lab.bench.processes import started
from worker.lab.bench.trial import Ends, run
from worker.lab.bench.verdict import judge
from worker.lab.bench.workloads import scrape, workload
from worker.lab.synthetic.expected import Generated, expected_miss_counts

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services

EVENTS = 20
BATCH = 10
STATEMENTS = """
SELECT sum(calls)::int AS statements, (sum(calls) FILTER (WHERE query LIKE $2))::int AS batches
FROM pg_stat_statements AS statement
JOIN pg_database AS database ON database.oid = statement.dbid
WHERE database.datname = $1
"""
MOVES_WATERMARKS = "%FOR UPDATE OF watermark%"
# A batch is one transaction: of one statement, or of seven when markets in it are new. The relay announces
# them in one of five. Both begin and commit. Now and then comes one more, to look for changed mappings.
MOST_STATEMENTS_A_BATCH = 16
# Six connections are prepared: their settings, their types, what they speak to.
MOST_TO_START = 60
# Of the input, compressed: what was measured, and half of that again.
MOST_BYTES_OUT = 0.06


class Counts(NamedTuple):
    statements: int
    batches: int


@pytest.fixture(scope="module")
def source() -> list[Generated]:
    return scrape(EVENTS)


@pytest.fixture
async def ground(services: Services) -> AsyncIterator[Ground]:
    if services.local is None:
        pytest.skip("the servers are not ours to look into")
    async with Ground(
        services.local, load_catalogue(CATALOGUE.read_text(encoding="utf-8"))
    ) as ground:
        yield ground


async def counts(server: str, place: RunSite) -> Counts:
    connection = await asyncpg.connect(server)
    try:
        return Counts(*await connection.fetchrow(STATEMENTS, place.database, MOVES_WATERMARKS))
    finally:
        await connection.close()


async def test_a_batch_costs_a_few_statements_and_a_row_for_each_market_missed(
    ground: Ground, source: Sequence[Generated]
) -> None:
    published = await ground.publish(workload("scrape", source))
    worker = CONTESTANTS["worker"]
    async with ground.place(published, batch_max_records=BATCH) as place:
        async with started(worker, place) as running:
            await (await Ends.of(place)).reached(running)
            statements, batches = await counts(ground.services.postgres, place)
            size = log_bytes(ground.services, place.outputs)
        rows = await rows_written(ground.services, place.database)
        assert await judge(place, worker) == []
    missed = len(expected_miss_counts(source))
    assert statements <= MOST_TO_START + MOST_STATEMENTS_A_BATCH * batches
    assert rows <= (batches + 1) * (missed + len(published.ends)), (
        "more than each market once, and its mark"
    )
    assert size <= MOST_BYTES_OUT * published.workload.bytes


async def test_a_passthrough_is_measured_and_judged_like_the_worker(
    ground: Ground, source: Sequence[Generated]
) -> None:
    published = await ground.publish(workload("scrape", source))
    trial = await run(ground, published, CONTESTANTS["json"])
    assert trial.faults == []
    assert trial.messages == len(source)
    assert trial.seconds > 0
    assert trial.cpu_s > 0
    assert trial.bytes_out > 0
