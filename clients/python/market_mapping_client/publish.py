"""An example: publish observations from a file, one JSON document a line."""

import argparse
import asyncio
from collections.abc import Iterable
from pathlib import Path

from aiokafka import AIOKafkaProducer

from . import Observation, observation_key

LARGEST = 4 * 1024 * 1024


async def publish(
    bootstrap_servers: str, observations: Iterable[Observation], prefix: str = ""
) -> None:
    """Send the observations to the topics of their platforms; returns when all are acknowledged."""
    async with AIOKafkaProducer(
        bootstrap_servers=bootstrap_servers,
        acks="all",
        enable_idempotence=True,
        max_request_size=LARGEST,
        compression_type="lz4",
    ) as producer:
        sent = [
            await producer.send(
                f"{prefix}observations.{observation.platform}",
                observation.model_dump_json().encode(),
                observation_key(observation),
            )
            for observation in observations
        ]
        await asyncio.gather(*sent)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--bootstrap-servers", required=True, metavar="HOST:PORT")
    parser.add_argument("--topic-prefix", default="", help="put before the names of the topics")
    parser.add_argument("file", type=Path)
    options = parser.parse_args()
    lines = options.file.read_text(encoding="utf-8").splitlines()
    observations = [Observation.model_validate_json(line) for line in lines if line.strip()]
    asyncio.run(publish(options.bootstrap_servers, observations, options.topic_prefix))


if __name__ == "__main__":
    main()
