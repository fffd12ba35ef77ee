"""Two members with one name: what aiokafka does, and what our coordinator makes of it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, TopicPartition
from aiokafka.consumer import consumer as theirs
from aiokafka.consumer.group_coordinator import GroupCoordinator
from aiokafka.errors import UnknownError
from aiokafka.structs import OffsetAndMetadata

from tests.support.services.installation import until
from worker.kafka.client.static_members import FencedMemberError, say_member_names

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services

PATIENCE_S = 60
ATTEMPTS = 5


@pytest.fixture
def _unnamed(monkeypatch: pytest.MonkeyPatch) -> None:
    """As aiokafka has it; an earlier test of this process may have replaced its coordinator."""
    monkeypatch.setattr(theirs, "GroupCoordinator", GroupCoordinator)


@pytest.fixture
def _named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(theirs, "GroupCoordinator", GroupCoordinator)
    say_member_names()


@asynccontextmanager
async def member(
    services: Services, topic: str, *, heartbeat_ms: int = 200
) -> AsyncIterator[AIOKafkaConsumer]:
    consumer = AIOKafkaConsumer(
        topic,
        bootstrap_servers=services.kafka,
        group_id=f"{topic}.g",
        group_instance_id="mapper-0",
        auto_offset_reset="earliest",
        enable_auto_commit=False,
        session_timeout_ms=20_000,
        heartbeat_interval_ms=heartbeat_ms,
    )
    try:
        async with asyncio.timeout(PATIENCE_S):
            await consumer.start()
            yield consumer
    finally:
        await consumer.stop()


def generation_of(consumer: AIOKafkaConsumer) -> int:
    coordinator: Any = consumer._coordinator
    return int(coordinator.generation)


async def polled(consumer: AIOKafkaConsumer) -> None:
    while True:
        await consumer.getmany(timeout_ms=100)


@pytest.mark.usefixtures("_unnamed")
async def test_two_members_with_one_name_take_the_place_from_each_other_without_a_word(
    services: Services, topic: str
) -> None:
    for attempt in range(ATTEMPTS):
        try:
            await _swap(services, topic)
        except* (
            UnknownError
        ):  # a SyncGroup between two joins: Kafka has now and then no other answer
            assert attempt + 1 < ATTEMPTS
        else:
            break


async def _swap(services: Services, topic: str) -> None:
    """Returns when one of two members with one name has lost its place, and has it again."""
    async with member(services, topic) as first, member(services, topic) as second:
        members = set()

        async def have_swapped() -> bool:
            coordinator: Any = first._coordinator
            members.add(coordinator.member_id)
            return len(members) > 2

        async with asyncio.TaskGroup() as polls:  # which ends with the first error of a poll
            tasks = [polls.create_task(polled(each)) for each in (first, second)]
            await until(have_swapped, PATIENCE_S / 2)
            for task in tasks:
                task.cancel()


@pytest.mark.usefixtures("_named")
async def test_a_heartbeat_tells_the_older_member_that_its_name_is_taken(
    services: Services, topic: str
) -> None:
    async with member(services, topic) as first, member(services, topic) as second:
        with pytest.raises(FencedMemberError, match=r"mapper-0.*FENCED_INSTANCE_ID"):
            await polled(first)
        assert second.assignment()


@pytest.mark.usefixtures("_named")
async def test_a_commit_tells_the_older_member_that_its_name_is_taken(
    services: Services, topic: str
) -> None:
    async with member(services, topic, heartbeat_ms=15_000) as first, member(services, topic):
        with pytest.raises(FencedMemberError, match="as mapper-0,"):
            await first.commit({TopicPartition(topic, 0): OffsetAndMetadata(0, "mark")})


@pytest.mark.usefixtures("_named")
async def test_a_named_member_commits_with_its_metadata_and_joins_again_after_its_generation_is_over(
    services: Services, topic: str, producer: AIOKafkaProducer
) -> None:
    place = TopicPartition(topic, 0)
    await producer.send_and_wait(topic, b"x", partition=0)
    async with member(services, topic) as only:
        await only.commit({place: OffsetAndMetadata(1, "mark")})
        assert await only.committed(place) == 1
        before = generation_of(only)
        coordinator: Any = only._coordinator
        coordinator.reset_generation()

        async def is_back() -> bool:
            await only.getmany(timeout_ms=100)
            return generation_of(only) >= before and bool(only.assignment())

        await until(is_back, PATIENCE_S)
        await only.commit({place: OffsetAndMetadata(0, "mark")})
        assert await only.committed(place) == 0
