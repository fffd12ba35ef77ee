"""How long `mappings what-if` takes for one market over a day of a generated stream.

    python -m tests.bench.what_if [--events 200] [--scrapes 48] [--mappings 20]

Kafka and Postgres are started on the same machine. A scrape of all bookmakers is published again and again,
spread over the last 24 hours. Then the command is run for one mapping after the other, as a process of its
own: the interpreter's start is part of the time. Prices are compared on the watched events of one scrape.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import random
import re
import statistics
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

import orjson
from aiokafka import AIOKafkaProducer

from tests.bench.shared import say
from tests.support.people.commands import Finished, command
from tests.support.services.installation import Installation, fill, installed, temporary_database
from worker.insight.watching.stored import StoredBoard, pack, pack_together
from worker.kafka.producer import PRODUCER
from worker.lab.insight.scrapes import troubled_events
from worker.lab.synthetic.scrape import generate_scrape
from worker.local.owned import owned_services
from worker.storage.engine import opened, transaction
from worker.storage.insight.evidence import StoredEvent, save_event

DAY = timedelta(hours=24)
MIB = 1024 * 1024
_OBSERVED_AT = re.compile(rb'"observed_at":"[^"]+"')


async def publish_day(installation: Installation, events: int, scrapes: int) -> tuple[int, int]:
    """Publish a scrape as often as asked, spread over a day; return how many records and bytes that is."""
    settings = installation.settings
    begun = datetime.now(UTC) - DAY + timedelta(minutes=1)
    scrape = [
        (
            settings.topics.observations[item.platform],
            item.key.encode(),
            orjson.dumps(item.observation),
        )
        for item in generate_scrape(seed=1, events=events, started_at=begun, size="slim")
    ]
    producer = AIOKafkaProducer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        max_request_size=settings.max_message_bytes,
        **PRODUCER | {"linger_ms": 20},
    )
    await producer.start()
    try:
        for number in range(scrapes):
            at = begun + DAY * number / scrapes
            stamp = b'"observed_at":"%s"' % at.isoformat().encode()
            acks = [
                await producer.send(
                    topic,
                    _OBSERVED_AT.sub(stamp, value, count=1),
                    key,
                    timestamp_ms=round(at.timestamp() * 1000),
                )
                for topic, key, value in scrape
            ]
            await asyncio.gather(*acks)
    finally:
        await producer.stop()
    return len(scrape) * scrapes, sum(len(value) for *_, value in scrape) * scrapes


async def watch_events(url: str) -> int:
    """Store watched events, as an insight process does."""
    async with opened(url) as engine, transaction(engine) as connection:
        found = troubled_events(seed=1, events=30)
        for number, (event, boards) in enumerate(found.items()):
            at = datetime.now(UTC) - timedelta(minutes=number)
            packed: dict[str, StoredBoard] = {one.platform: pack(one, at) for one in boards}
            if len(packed) > 1:
                stored = StoredEvent(event, None, None, None, at, pack_together(packed))  # type: ignore[arg-type]  # platforms
                await save_event(connection, stored, len(packed))
        return len(found)


async def names(installation: Installation, most: int) -> list[str]:
    rows = await installation.query(
        "SELECT canonical_id FROM user_market_mappings WHERE is_active AND scope IS NULL ORDER BY 1"
    )
    found = [row.canonical_id for row in rows]
    random.Random(1).shuffle(found)  # no secret
    # The most frequent one is always among them: every observation holds it.
    return ["1x2_ft", *found[: most - 1]]


async def timed(installation: Installation, name: str) -> tuple[float, float, Finished]:
    """Seconds, seconds of CPU of the command's process, and what it said."""
    began, before = time.perf_counter(), os.times()
    found = await command(
        installation, *("mappings", "what-if", name, "--deactivate", "--last", "24h", "--json")
    )
    seconds, after = time.perf_counter() - began, os.times()
    cpu = after.children_user + after.children_system
    return seconds, cpu - before.children_user - before.children_system, found


async def measure(options: argparse.Namespace, kafka: str, postgres: str) -> None:
    with tempfile.TemporaryDirectory() as folder:
        async with temporary_database(postgres) as url:
            await fill(url)
            async with installed(kafka, url, Path(folder)) as installation:
                records, size = await publish_day(installation, options.events, options.scrapes)
                watched = await watch_events(url)
                say(
                    f"{records:,} records, {size / MIB:,.0f} MiB, over 24 hours; {watched} watched events"
                )
                say(
                    f"{'mapping':<34} {'s':>6} {'CPU s':>6} {'read':>7} {'holding':>8} {'changed':>8}"
                )
                taken: list[float] = []
                cpus: list[float] = []
                for name in await names(installation, options.mappings):
                    seconds, cpu, found = await timed(installation, name)
                    cpus.append(cpu)
                    taken.append(seconds)
                    said = found.json
                    counts = f"{said['read']:>7,} {said['holding']:>8,} {said['changed']:>8,}"
                    say(f"{name:<34} {seconds:>6.2f} {cpu:>6.2f} {counts}")
    p95 = statistics.quantiles(taken, n=20)[-1]
    say(f"median {statistics.median(taken):.2f} s, p95 {p95:.2f} s, largest {max(taken):.2f} s")
    p95 = statistics.quantiles(cpus, n=20)[-1]
    say(
        f"CPU: median {statistics.median(cpus):.2f} s, p95 {p95:.2f} s; load {os.getloadavg()[0]:.1f}"
    )


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure mappings what-if over a day.")
    parser.add_argument("--events", type=int, default=200)
    parser.add_argument("--scrapes", type=int, default=48)
    parser.add_argument("--mappings", type=int, default=20)
    options = parser.parse_args()
    say(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")
    with owned_services(["kafka", "postgres"]) as services:
        asyncio.run(measure(options, services.kafka, services.postgres))


if __name__ == "__main__":
    main()
