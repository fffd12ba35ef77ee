"""A whole installation on real services: database, topics, worker processes, and what they wrote."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import uuid
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import asynccontextmanager, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import aiohttp
import asyncpg
import orjson
import pytest
from aiokafka import AIOKafkaProducer
from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.services.nursery import Process, start_process
from worker.domain.catalogue import load_catalogue
from worker.domain.errors import TransientError
from worker.kafka.bounded_reader import read_topic
from worker.kafka.cluster.admin import Backlog, KafkaAdmin
from worker.kafka.connections import admin_of
from worker.kafka.record import RawRecord
from worker.kafka.topic_specs import ensure_topics
from worker.settings.connected import ConnectedSettings
from worker.settings.settings import Settings
from worker.storage.engine import opened
from worker.storage.mappings import import_mappings
from worker.storage.migrate import upgrade

CATALOGUE = Path(__file__).parents[3] / "catalogue" / "markets.json"
PATIENCE_S = 120.0
LARGEST = 16 * 1024 * 1024

# Where an installation has a Kafka of its own: what `marketmap` takes without any setting.
DEFAULT_NAMES: dict[str, Any] = {
    name: Settings.model_fields[name].default
    for name in (
        "topic_prefix",
        "group_id",
        "snapshot_group_id",
        "insight_group_id",
        "partitions",
    )
}

Published = tuple[str, bytes | None, bytes | None, Sequence[tuple[str, bytes | None]]]


@dataclass
class Installation:
    """One isolated installation: a database, a topic prefix, and the worker processes that were started."""

    settings: ConnectedSettings
    engine: AsyncEngine
    admin: KafkaAdmin
    folder: Path
    workers: list[Process] = field(default_factory=list)
    commands: list[Process] = field(default_factory=list)

    @property
    def environment(self) -> dict[str, str]:
        given = self.settings.model_dump(exclude_none=True, exclude_defaults=True)
        ours = {f"MARKETMAP_{name.upper()}": str(value) for name, value in given.items()}
        return {
            name: v for name, v in os.environ.items() if not name.startswith("MARKETMAP_")
        } | ours

    def start_worker(self, module: str | None = None, **environment: str) -> Process:
        """Start a worker process; ``module`` is what is run in place of the command."""
        if module is not None:
            return self._start(module, None, environment)
        process = start_process("worker", self.environment | environment, self._new_log())
        self.workers.append(process)
        return process

    def start_older_worker(self, source: Path, **environment: str) -> Process:
        """Start a worker process of another version of the code, which is in a folder."""
        return self._start("worker.cli", source, environment)

    def _new_log(self) -> Path:
        return self.folder / f"worker-{len(self.workers)}.log"

    def _start(self, module: str, folder: Path | None, environment: dict[str, str]) -> Process:
        with self._new_log().open("wb") as log:
            process = subprocess.Popen(
                [sys.executable, "-m", module, "run", "worker"],
                cwd=folder,
                env=self.environment | environment,
                stdout=log,
                stderr=log,
            )
        self.workers.append(process)
        return process

    def logs(self) -> list[dict[str, Any]]:
        """Every line that the workers logged, in the order of the workers."""
        return [line for number in range(len(self.workers)) for line in self.log_of(number)]

    def log_of(self, number: int) -> list[dict[str, Any]]:
        """Every whole line that a worker has logged so far."""
        content = (self.folder / f"worker-{number}.log").read_bytes()
        lines = content[: content.rfind(b"\n") + 1].splitlines()
        return [orjson.loads(line) for line in lines if line.startswith(b"{")]

    async def make_topics(self) -> None:
        await ensure_topics(self.settings)

    async def publish(self, records: Iterable[Published], *, at: datetime | None = None) -> None:
        """Publish records; ``at`` is their time in the log, by default now."""
        moment = None if at is None else round(at.timestamp() * 1000)
        producer = AIOKafkaProducer(
            bootstrap_servers=self.settings.kafka_bootstrap_servers, max_request_size=LARGEST
        )
        await producer.start()
        try:
            acks = [
                await producer.send(
                    self.settings.topic_prefix + topic,
                    value,
                    key,
                    headers=headers,
                    timestamp_ms=moment,
                )
                for topic, key, value, headers in records
            ]
            await asyncio.gather(*acks)
        finally:
            await producer.stop()

    async def backlog(self) -> Backlog:
        return await self.admin.backlog(
            self.settings.group_id, self.settings.topics.observations.values()
        )

    async def caught_up(self) -> None:
        """Wait until the group has committed everything that was published."""

        async def is_caught_up() -> bool:
            self.check_alive()
            backlog = await self.backlog()
            return backlog.done == backlog.total > 0

        await until(is_caught_up)

    async def progressed(self, offsets: int) -> None:
        """Wait until the group has committed at least so many records."""

        async def has_progressed() -> bool:
            self.check_alive()
            return (await self.backlog()).done >= offsets

        await until(has_progressed)

    def check_alive(self) -> None:
        """Fail at once, with the log, when a worker has ended by itself."""
        for number, process in enumerate(self.workers):
            if process.poll() not in {None, 0, -signal.SIGKILL}:
                log = (self.folder / f"worker-{number}.log").read_text()
                pytest.fail(f"worker {number} ended with {process.returncode}:\n{log[-4000:]}")

    async def consume(self, topic: str) -> list[RawRecord]:
        """Everything in a topic, up to where it ends now."""
        return await read_topic(self.settings, self.settings.topic_prefix + topic)

    async def counts(self) -> Counter[tuple[str, str]]:
        async with self.engine.connect() as connection:
            rows = await connection.execute(
                text("SELECT source, external_market_id, occurrence_count FROM unmapped_market_log")
            )
            return Counter({(source, market): count for source, market, count in rows})

    async def query(self, statement: str, **parameters: Any) -> Sequence[Any]:
        async with self.engine.begin() as connection:
            return (await connection.execute(text(statement), parameters)).all()

    async def resolved_from(self, records: int) -> None:
        """Wait until there are at least so many resolved events."""

        async def are_resolved() -> bool:
            self.check_alive()
            return len(await self.consume(self.settings.topic_resolved)) >= records

        await until(are_resolved)

    def running(self) -> list[int]:
        """The numbers of the workers that have not ended."""
        return [number for number, process in enumerate(self.workers) if process.poll() is None]

    async def logged(self, event: str, number: int = 0) -> dict[str, Any]:
        """Wait until a worker has logged an event; its first line."""
        found: list[dict[str, Any]] = []

        async def has_logged() -> bool:
            self.check_alive()
            found[:] = [line for line in self.log_of(number) if line.get("event") == event]
            return bool(found)

        await until(has_logged)
        return found[0]

    async def ask(self, path: str, number: int = 0) -> tuple[int, str]:
        """GET from a worker's endpoint: status and body."""
        address = (await self.logged("listening", number))["address"]
        async with aiohttp.ClientSession() as session, session.get(address + path) as response:
            return response.status, await response.text()

    async def reasons(self, number: int = 0) -> list[str]:
        """Why a worker is not ready; empty when it is."""
        status, body = await self.ask("/readyz", number)
        answer = orjson.loads(body)
        assert (status == 200) == answer["ready"] == (not answer["reasons"])
        return list(answer["reasons"])

    async def ready(self, number: int = 0) -> None:
        async def is_ready() -> bool:
            return not await self.reasons(number)

        await until(is_ready)

    async def stop_worker(self, number: int = 0) -> int:
        """Ask a worker to stop by SIGTERM; its exit code."""
        self.workers[number].terminate()
        return await asyncio.to_thread(self.workers[number].wait, PATIENCE_S)

    async def ended(self, number: int = 0, patience_s: float = PATIENCE_S) -> int:
        """Wait until a worker has ended by itself; its exit code."""
        return await asyncio.to_thread(self.workers[number].wait, patience_s)

    def end(self) -> None:
        for process in [*self.workers, *self.commands]:
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


@asynccontextmanager
async def installed(
    kafka: str, database_url: str, folder: Path, *, topics: bool = True, **settings: Any
) -> AsyncIterator[Installation]:
    """An installation on a migrated database that holds the shipped catalogue; workers end with it."""
    prefix = f"t{uuid.uuid4().hex[:10]}."
    names = {
        "topic_prefix": prefix,
        "group_id": f"{prefix}group",
        "snapshot_group_id": f"{prefix}snapshot",
        "insight_group_id": f"{prefix}insight",
    }
    chosen: dict[str, Any] = {
        "partitions": 3,
        "session_timeout_s": 6,
        "max_clock_ahead_s": 0,
        "count_interval_s": 0.2,
    }
    chosen |= names | settings
    known = ConnectedSettings(
        database_url=database_url,
        kafka_bootstrap_servers=kafka,
        http_port=0,
        log_format="json",
        **chosen,
    )
    async with opened(database_url) as engine:
        installation = Installation(known, engine, admin_of(known), folder)
        if topics:
            await installation.make_topics()
        try:
            yield installation
        finally:
            installation.end()


async def fill(database_url: str) -> None:
    """Migrate an empty database and import the shipped catalogue."""
    await upgrade(database_url)
    async with opened(database_url) as engine, engine.begin() as connection:
        mappings = load_catalogue(CATALOGUE.read_text(encoding="utf-8"))
        await import_mappings(connection, mappings, actor="test", reason="catalogue")


@asynccontextmanager
async def temporary_database(server: str, template: str = "template1") -> AsyncIterator[str]:
    """The URL of a database that is a copy of ``template`` and is dropped at the end."""
    name = f"test_{uuid.uuid4().hex[:12]}"
    await execute(server, f"CREATE DATABASE {name} TEMPLATE {template}")
    try:
        yield urlunsplit(urlsplit(server)._replace(path=f"/{name}"))
    finally:
        await execute(server, f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@contextmanager
def template_database(server: str, make: Callable[[str], Awaitable[None]]) -> Iterator[str]:
    """The name of a database to copy, as ``make`` fills it; dropped at the end.

    It is made in a thread of its own: the event loops of the tests stay untouched.
    """
    name = f"template_{uuid.uuid4().hex[:12]}"

    async def filled() -> None:
        await execute(server, f"CREATE DATABASE {name}")
        await make(urlunsplit(urlsplit(server)._replace(path=f"/{name}")))

    with ThreadPoolExecutor(1) as thread:
        thread.submit(asyncio.run, filled()).result()
        yield name
        thread.submit(asyncio.run, execute(server, f"DROP DATABASE {name}")).result()


async def execute(url: str, statement: str) -> None:
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(statement)
    finally:
        await connection.close()
