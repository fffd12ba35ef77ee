"""How soon a committed change of a mapping is in use, in every one of several workers under load.

    python -m tests.bench.propagation --workers 3 --edits 200

The time runs from just before the commit to the swap of the index, as the worker's log line tells it: one
machine, one clock. Kafka and Postgres are started on the same machine.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path

import asyncpg
import orjson

from tests.support.editing.edits import INSERT, OUTCOMES
from tests.support.editing.following import delays_ms
from tests.support.services.installation import (
    Installation,
    Published,
    fill,
    installed,
    temporary_database,
    until,
)
from worker.lab.synthetic.scrape import generate_scrape
from worker.local.owned import owned_services

STARTED_AT = datetime.fromisoformat("2026-11-22T12:00:00+00:00")


async def load(installation: Installation, events: int, stop: asyncio.Event) -> int:
    """Publish real-sized observations for as long as it takes, at the rate that the workers keep up with."""
    scrape: list[Published] = [
        (f"observations.{seen.platform}", seen.key.encode(), orjson.dumps(seen.observation), [])
        for seen in generate_scrape(seed=1, events=events, started_at=STARTED_AT, size="slim")
    ]
    sent = 0
    while not stop.is_set():
        await installation.publish(scrape)
        sent += len(scrape)
        while not stop.is_set() and (await installation.backlog()).done < sent - len(scrape):  # noqa: ASYNC110  # the group tells nobody
            await asyncio.sleep(0.1)
    return (await installation.backlog()).done


async def edit(url: str, edits: int, pause_s: float) -> dict[int, float]:
    """The time before the commit of each version."""
    connection = await asyncpg.connect(url)
    committed = {}
    for number in range(edits):
        transaction = connection.transaction()
        await transaction.start()
        await connection.execute(INSERT, f"bench {number}", f"b{number}", json.dumps(OUTCOMES))
        version = await connection.fetchval("SELECT max(id) FROM mapping_audit_log")
        committed[version] = time.time()
        await transaction.commit()
        await asyncio.sleep(pause_s)
    await connection.close()
    return committed


async def measure(installation: Installation, url: str, arguments: argparse.Namespace) -> None:
    for _ in range(arguments.workers):
        installation.start_worker()
    for number in range(arguments.workers):
        await installation.logged("partition_opened", number)
    stop = asyncio.Event()
    began = time.perf_counter()
    stream = asyncio.create_task(load(installation, arguments.events, stop))
    if arguments.events:
        await installation.progressed(arguments.events)
    committed = await edit(url, arguments.edits, arguments.pause_s)

    async def converged() -> bool:
        return all(
            any(line.get("version") == max(committed) for line in installation.log_of(number))
            for number in range(arguments.workers)
        )

    await until(converged)
    stop.set()
    done, seconds = await stream, time.perf_counter() - began
    print(  # noqa: T201  # what it is for
        f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}, {arguments.workers} workers, "
        f"{done / seconds:.0f} records/s, {len(committed)} changes"
    )
    for number in range(arguments.workers):
        show(f"worker {number}", delays_ms(installation.log_of(number), committed))
    show(
        "all",
        [
            ms
            for n in range(arguments.workers)
            for ms in delays_ms(installation.log_of(n), committed)
        ],
    )


def show(name: str, delays: list[float]) -> None:
    cuts = statistics.quantiles(delays, n=100)
    print(f"{name}: p50 {cuts[49]:.0f} ms, p99 {cuts[98]:.0f} ms, max {max(delays):.0f} ms")  # noqa: T201  # as above


async def run(kafka: str, postgres: str, arguments: argparse.Namespace) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with temporary_database(postgres) as url:
            await fill(url)
            async with installed(
                kafka, url, Path(folder), partitions=6, session_timeout_s=30
            ) as installation:
                await measure(installation, url, arguments)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--workers", type=int, default=3)
    parser.add_argument("--edits", type=int, default=200)
    parser.add_argument(
        "--events", type=int, default=100, help="Events of a scrape; 0 for no load."
    )
    parser.add_argument("--pause-s", type=float, default=0.05, help="Between two changes.")
    arguments = parser.parse_args()
    with owned_services() as services:
        asyncio.run(run(services.kafka, services.postgres, arguments))


if __name__ == "__main__":
    main()
