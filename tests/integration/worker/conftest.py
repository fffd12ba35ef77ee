"""A whole installation on real services: database, topics, worker processes, and what they wrote."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.app.kafka import admin_of
from worker.app.settings import Settings
from worker.app.topic_reader import AnyRecord, read_topic
from worker.app.topics import ensure_topics, topic_specs
from worker.domain.catalogue import load_catalogue
from worker.domain.errors import TransientError
from worker.ingest.admin import KafkaAdmin
from worker.storage.engine import create_engine
from worker.storage.mappings import import_mappings
from worker.storage.migrate import upgrade

CATALOGUE = Path(__file__).parents[3] / "catalogue" / "football.json"
PATIENCE_S = 60.0
LARGEST = 16 * 1024 * 1024

Published = tuple[str, bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]


@dataclass
class Installation:
    """One isolated installation: a database, a topic prefix, and the worker processes that were started."""

    settings: Settings
    engine: AsyncEngine
    admin: KafkaAdmin
    folder: Path
    workers: list[subprocess.Popen[bytes]] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        given = self.settings.model_dump(exclude_none=True, exclude_defaults=True)
        ours = {f"MARKETMAP_{name.upper()}": str(value) for name, value in given.items()}
        return {name: v for name, v in os.environ.items() if not name.startswith("MARKETMAP_")} | ours

    def start_worker(self, **environment: str) -> subprocess.Popen[bytes]:
        log = (self.folder / f"worker-{len(self.workers)}.log").open("wb")
        with log:
            process = subprocess.Popen(
                [sys.executable, "-m", "worker.cli", "run", "worker"],
                env=self.environment | environment,
                stdout=log,
                stderr=log,
            )
        self.workers.append(process)
        return process

    def logs(self) -> list[dict[str, Any]]:
        """Every line that the workers logged, in the order of the workers."""
        lines = []
        for number in range(len(self.workers)):
            content = (self.folder / f"worker-{number}.log").read_bytes()
            lines += [orjson.loads(line) for line in content.splitlines() if line.startswith(b"{")]
        return lines

    async def publish(self, records: Iterable[Published]) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers, max_request_size=LARGEST
        )
        await producer.start()
        try:
            acks = [
                await producer.send(self.settings.prefixed(topic), value, key, headers=headers)
                for topic, key, value, headers in records
            ]
            await asyncio.gather(*acks)
        finally:
            await producer.stop()

    async def caught_up(self) -> None:
        """Wait until the group has committed everything that was published."""
        topics = self.settings.observation_topics.values()

        async def is_caught_up() -> bool:
            backlog = await self.admin.backlog(self.settings.group_id, topics)
            self.check_alive()
            return backlog.done == backlog.total > 0

        await until(is_caught_up)

    async def progressed(self, offsets: int) -> None:
        """Wait until the group has committed at least so many records."""
        topics = self.settings.observation_topics.values()

        async def has_progressed() -> bool:
            self.check_alive()
            return (await self.admin.backlog(self.settings.group_id, topics)).done >= offsets

        await until(has_progressed)

    def check_alive(self) -> None:
        """Fail at once, with the log, when a worker has ended by itself."""
        for number, process in enumerate(self.workers):
            if process.poll() not in {None, 0, -signal.SIGKILL}:
                log = (self.folder / f"worker-{number}.log").read_text()
                pytest.fail(f"worker {number} ended with {process.returncode}:\n{log[-4000:]}")

    async def consume(self, topic: str) -> list[AnyRecord]:
        """Everything in a topic, up to where it ends now."""
        return await read_topic(self.settings, self.settings.prefixed(topic))

    async def counts(self) -> Counter[tuple[str, str]]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(
                text("SELECT source, external_market_id, occurrence_count FROM unmapped_market_log")
            )
            return Counter({(source, market): count for source, market, count in rows})

    async def query(self, statement: str, **parameters: Any) -> Sequence[Any]:
        async with self.engine.begin() as connection:
            return (await connection.execute(text(statement), parameters)).all()

    def end(self) -> None:
        for process in self.workers:
            if process.poll() is None:
                process.kill()
            process.wait()


async def until(condition: Callable[[], Awaitable[bool]], patience_s: float = PATIENCE_S) -> None:
    """Ask until the answer is yes; fail when it is not within the time."""
    async with asyncio.timeout(patience_s):
        while not await _holds(condition):  # noqa: ASYNC110  # another process cannot set an event
            await asyncio.sleep(0.05)


async def _holds(condition: Callable[[], Awaitable[bool]]) -> bool:
    try:
        return await condition()
    except TransientError:
        return False


@pytest.fixture
async def installation(
    services: Any, database: str, topic_prefix: str, tmp_path: Path
) -> AsyncIterator[Installation]:
    settings = Settings(
        database_url=database,
        kafka_bootstrap_servers=services.kafka,
        topic_prefix=topic_prefix,
        group_id=f"{topic_prefix}group",
        http_port=0,
        log_format="json",
        partitions=3,
        session_timeout_s=6,
    )
    await upgrade(database)
    engine = create_engine(database)
    async with engine.begin() as connection:
        mappings = load_catalogue(CATALOGUE.read_text())
        await import_mappings(connection, mappings, actor="test", reason="catalogue")
    admin = admin_of(settings)
    await ensure_topics(admin, topic_specs(settings))
    installation = Installation(settings, engine, admin, tmp_path)
    yield installation
    installation.end()
    await engine.dispose()
