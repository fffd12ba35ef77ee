"""How much memory and time `marketmap dead list` takes, of some dead letters and of a million.

    python -m tests.bench.dead_letters [LETTERS]

Kafka is started on the same machine. The letters are small.
"""

from __future__ import annotations

import asyncio
import os
import sys

from confluent_kafka import Producer

from schemas import DeadLetter
from tests.support.services.long_lists import printed
from worker.kafka.topic_specs import ensure_topics
from worker.local.owned import owned_services
from worker.settings.connected import KafkaSettings

MANY = 1_000_000
FEW = 10_000
MIB = 1024 * 1024
VALUE = b'{"platform": "sportybet", "markets": [' + b'{"id": 1}, ' * 20 + b"]}"
FORMS = (["--limit", "30"], ["--limit", "10000", "--output", "csv"], ["--histogram"])


def letter(number: int) -> list[tuple[str, str | bytes | None]]:
    details = DeadLetter.model_validate(
        {
            "id": f"AAAAAAAAAAAAAAAAAAAAAA/0/{number}",
            "reason": "WRONG_SHAPE",
            "detail": "event: is missing",
            "topic": "observations.sportybet",
            "partition": 0,
            "offset": number,
            "timestamp": 1_790_000_000_000 + number,
            "group": "marketmap",
            "scrape_id": None,
            "event_id": f"event {number % 1000}",
            "truncated_from": None,
            "left_out": None,
        }
    )
    return list(details.to_headers())


def publish(settings: KafkaSettings, first: int, end: int) -> None:
    producer = Producer(
        {"bootstrap.servers": settings.kafka_bootstrap_servers, "compression.type": "zstd"}
    )
    for number in range(first, end):
        key = str(number % 1000).encode()
        producer.produce(settings.topics.dead, VALUE, key, headers=letter(number))
        if number % 1000 == 0:
            producer.flush()
    producer.flush()


def measure(settings: KafkaSettings, letters: int) -> None:
    environment = {
        "MARKETMAP_KAFKA_BOOTSTRAP_SERVERS": settings.kafka_bootstrap_servers,
        "COLUMNS": "200",
    }
    for options in FORMS:
        found = printed(["dead", "list", *options], environment)
        print(  # noqa: T201  # what it is for
            f"{letters:>9,} {' '.join(options):<30} {found.lines:>7,} {found.seconds:>7.1f}"
            f" {found.peak_bytes / MIB:>8.1f}  {found.exit_code}",
            flush=True,
        )


def main() -> None:
    print(f"{os.cpu_count()} CPUs, load average {os.getloadavg()[0]:.1f}")  # noqa: T201  # as above
    print(f"{'letters':>9} {'options':<30} {'lines':>7} {'s':>7} {'peak MiB':>8}")  # noqa: T201
    many = int(sys.argv[1]) if len(sys.argv) > 1 else MANY
    with owned_services(["kafka"]) as services:
        settings = KafkaSettings(kafka_bootstrap_servers=services.kafka)
        asyncio.run(ensure_topics(settings))
        publish(settings, 0, FEW)
        measure(settings, FEW)
        publish(settings, FEW, many)
        measure(settings, many)


if __name__ == "__main__":
    main()
