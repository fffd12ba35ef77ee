"""How fast one worker takes a scrape through all steps, against decoding and encoding the same bytes.

    python -m tests.bench.throughput --events 300 --rounds 3

A real process on real Kafka and Postgres, with every guarantee on. The rate is taken from opened partitions
to everything committed. The reference runs in the process of this script: orjson reads and writes each
message once. Ratios hold on a noisy machine, times do not.
"""

from __future__ import annotations

import argparse
import asyncio
import os
import re
import statistics
import tempfile
import time
from datetime import datetime
from pathlib import Path
from typing import NamedTuple

import orjson

from tests.support.installation import Installation, Published, fill, installed, temporary_database
from worker.local.owned import owned_services
from worker.synthetic.scrape import generate_scrape

STARTED_AT = datetime.fromisoformat("2026-11-22T12:00:00+00:00")
TICKS_PER_S = os.sysconf("SC_CLK_TCK")


class Round(NamedTuple):
    seconds: float
    cpu_s: float
    peak_mib: float
    markets: int


async def measure(kafka: str, postgres: str, scrape: list[Published]) -> Round:
    with tempfile.TemporaryDirectory() as folder:
        async with temporary_database(postgres) as url:
            await fill(url)
            async with installed(kafka, url, Path(folder), partitions=6) as installation:
                await installation.publish(scrape)
                return await run(installation)


async def run(installation: Installation) -> Round:
    worker = installation.start_worker()
    await installation.logged("partition_opened", 0)
    since = time.perf_counter()
    await installation.caught_up()
    seconds = time.perf_counter() - since
    cpu_s, peak_mib = used(worker.pid)
    events = [orjson.loads(record.value or b"") for record in await installation.consume("odds.resolved")]
    return Round(
        seconds,
        cpu_s,
        peak_mib,
        sum(len(event["markets"]) + len(event["misses"]) + len(event["rejected"]) for event in events),
    )


def used(pid: int) -> tuple[float, float]:
    """CPU seconds and the peak of resident memory in MiB, as the kernel tells them."""
    ticks = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()[11:13]
    peak = re.search(r"VmHWM:\s+(\d+)", Path(f"/proc/{pid}/status").read_text(encoding="ascii"))
    return sum(map(int, ticks)) / TICKS_PER_S, int(peak[1]) / 1024 if peak else 0.0


def reference_s(scrape: list[Published]) -> float:
    """CPU seconds for reading and writing every message once."""
    since = time.process_time()
    for _, _, value, _ in scrape:
        orjson.dumps(orjson.loads(value or b""))
    return time.process_time() - since


def show(scrape: list[Published], rounds: list[Round], references: list[float]) -> None:
    messages = len(scrape)
    mib = sum(len(value or b"") for _, _, value, _ in scrape) / 2**20
    rates = [messages / taken.seconds for taken in rounds]
    markets = [taken.markets / taken.seconds for taken in rounds]
    cpu = [1000 * taken.cpu_s / messages for taken in rounds]
    ratios = [taken.cpu_s / reference for taken, reference in zip(rounds, references, strict=True)]
    lines = {
        "messages/s": rates,
        "markets/s": markets,
        "CPU ms per message, start included": cpu,
        "times the CPU of orjson read and write": ratios,
        "peak resident MiB": [taken.peak_mib for taken in rounds],
    }
    print(  # noqa: T201  # what it is for
        f"{messages} messages, {mib:.0f} MiB, {os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}"
    )
    for name, values in lines.items():
        print(f"{name}: median {statistics.median(values):.1f} ({min(values):.1f} to {max(values):.1f})")  # noqa: T201  # as above


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--events", type=int, default=300)
    parser.add_argument("--rounds", type=int, default=3)
    arguments = parser.parse_args()
    scrape: list[Published] = [
        (f"observations.{seen.platform}", seen.key.encode(), orjson.dumps(seen.observation), [])
        for seen in generate_scrape(seed=1, events=arguments.events, started_at=STARTED_AT)
    ]
    rounds, references = [], []
    with owned_services() as services:
        for _ in range(arguments.rounds):
            references.append(reference_s(scrape))
            rounds.append(asyncio.run(measure(services.kafka, services.postgres, scrape)))
    show(scrape, rounds, references)


if __name__ == "__main__":
    main()
