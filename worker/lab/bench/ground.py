"""Where runs take place: observations published once, and outputs and a database for each run."""

from __future__ import annotations

import asyncio
import os
import uuid
from collections.abc import AsyncIterator, Collection, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any, Final, Self
from urllib.parse import urlsplit, urlunsplit

import asyncpg
from aiokafka import AIOKafkaProducer, TopicPartition
from aiokafka.admin import AIOKafkaAdminClient

from worker.domain.mapping import Mapping as MarketMapping
from worker.kafka.cluster.topics import TopicSpec
from worker.kafka.connections import admin_of, client_connection
from worker.kafka.topic_specs import topic_specs
from worker.lab.bench.workloads import Message, Workload
from worker.local.services import LocalServices
from worker.settings.connected import ConnectedSettings
from worker.settings.settings import variable
from worker.storage.engine import opened
from worker.storage.mappings import import_mappings
from worker.storage.migrate import upgrade

_EXTENSION: Final = "CREATE EXTENSION IF NOT EXISTS pg_stat_statements"
_TIME_OF_ARRIVAL: Final = {"message.timestamp.type": "LogAppendTime"}
_IN_FLIGHT: Final = 1000

# The place of a record: topic, partition, offset.
Coordinate = tuple[str, int, int]


@dataclass(frozen=True)
class Published:
    """A workload on its topics; ``settings`` name them, ``places`` has the place of each message."""

    workload: Workload
    settings: ConnectedSettings
    places: Mapping[Coordinate, Message]

    @property
    def ends(self) -> dict[TopicPartition, int]:
        """The offset after the last message of each partition that has one."""
        ends: dict[TopicPartition, int] = {}
        for topic, partition, offset in self.places:
            place = TopicPartition(topic, partition)
            ends[place] = max(ends.get(place, 0), offset + 1)
        return ends


@dataclass(frozen=True)
class RunSite:
    """Where one run takes place: ``settings`` with outputs, a group and a database that nothing else uses."""

    published: Published
    settings: ConnectedSettings

    @property
    def outputs(self) -> list[str]:
        return [self.resolved, self.dead, self.settings.topics.unmapped]

    @property
    def resolved(self) -> str:
        return self.settings.topics.resolved

    @property
    def dead(self) -> str:
        return self.settings.topics.dead

    @property
    def database(self) -> str:
        return urlsplit(self.settings.database_url).path.strip("/")

    @property
    def environment(self) -> dict[str, str]:
        """For a process that is to work here."""
        chosen = self.settings.model_dump(exclude_none=True, exclude_defaults=True)
        inherited = {
            name: value for name, value in os.environ.items() if not name.startswith("MARKETMAP_")
        }
        return inherited | {variable(name): str(value) for name, value in chosen.items()}


class Ground:
    """``services`` are the bench's own. Use it as a context; the databases are dropped at its end."""

    def __init__(self, services: LocalServices, catalogue: Sequence[MarketMapping]) -> None:
        self.services = services
        self._catalogue = catalogue
        self._template = f"bench_{uuid.uuid4().hex[:8]}"

    async def __aenter__(self) -> Self:
        await self.administer(f"CREATE DATABASE {self._template}")
        await self.administer(_EXTENSION)
        url = self.url_of(self._template)
        await upgrade(url)
        async with opened(url) as engine, engine.begin() as connection:
            await import_mappings(
                connection, self._catalogue, actor="bench", reason="shipped catalogue"
            )
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.administer(f"DROP DATABASE IF EXISTS {self._template} WITH (FORCE)")

    def url_of(self, database: str) -> str:
        return urlunsplit(urlsplit(self.services.postgres)._replace(path=f"/{database}"))

    async def publish(self, workload: Workload, *, partitions: int = 6) -> Published:
        """Write a workload to observation topics of its own, uncompressed and in its order."""
        settings = await self.topics(partitions)
        return Published(workload, settings, await _write(settings, workload.messages))

    async def topics(self, partitions: int) -> ConnectedSettings:
        """ConnectedSettings of new observation topics, which are empty."""
        settings = ConnectedSettings(
            kafka_bootstrap_servers=self.services.kafka,
            database_url=self.url_of(self._template),
            topic_prefix=f"b{uuid.uuid4().hex[:8]}.",
            partitions=partitions,
            http_port=0,
            log_format="json",
        )
        await admin_of(settings).topics.create(
            _specs(settings, settings.topics.observations.values())
        )
        return settings

    @asynccontextmanager
    async def place(self, published: Published, **settings: Any) -> AsyncIterator[RunSite]:
        """A place for one run over what is published; its database and its outputs go with it."""
        run = uuid.uuid4().hex[:8]
        names = {
            "topic_resolved": f"odds.resolved.{run}",
            "topic_dead": f"observations.dead.{run}",
            "topic_unmapped": f"unmapped.markets.{run}",
        }
        chosen = (
            {"database_url": self.url_of(f"bench_{run}"), "group_id": f"bench-{run}"}
            | names
            | settings
        )
        place = RunSite(published, published.settings.model_copy(update=chosen))
        await self.administer(f"CREATE DATABASE bench_{run} TEMPLATE {self._template}")
        await admin_of(place.settings).topics.create(_specs(place.settings, place.outputs))
        try:
            yield place
        finally:
            await self.administer(f"DROP DATABASE bench_{run} WITH (FORCE)")
            await _delete(place.settings, place.outputs)

    async def administer(self, statement: str) -> None:
        connection = await asyncpg.connect(self.services.postgres)
        try:
            await connection.execute(statement)
        finally:
            await connection.close()


def _specs(settings: ConnectedSettings, names: Collection[str]) -> list[TopicSpec]:
    """Topics whose records bear the broker's time of arrival."""
    wanted = [spec for spec in topic_specs(settings) if spec.name in names]
    return [spec._replace(config=spec.config | _TIME_OF_ARRIVAL) for spec in wanted]


async def _write(
    settings: ConnectedSettings, messages: Sequence[Message]
) -> dict[Coordinate, Message]:
    places: dict[Coordinate, Message] = {}
    async with scraper(settings) as producer:
        for start in range(0, len(messages), _IN_FLIGHT):
            some = messages[start : start + _IN_FLIGHT]
            acks = [await send(producer, settings, message) for message in some]
            for message, where in zip(some, await asyncio.gather(*acks), strict=True):
                places[where.topic, where.partition, where.offset] = message
    return places


def scraper(settings: ConnectedSettings) -> AIOKafkaProducer:
    """Who publishes observations; to be used as a context."""
    return AIOKafkaProducer(
        **client_connection(settings),
        max_request_size=settings.max_message_bytes,
        enable_idempotence=True,
    )


async def send(producer: AIOKafkaProducer, settings: ConnectedSettings, message: Message) -> Any:
    """A future with its place."""
    topic = settings.topics.observations[message.seen.platform]
    return await producer.send(topic, message.value, message.key)


async def _delete(settings: ConnectedSettings, topics: Sequence[str]) -> None:
    client = AIOKafkaAdminClient(**client_connection(settings))
    await client.start()
    try:
        await client.delete_topics(list(topics))
    finally:
        await client.close()
