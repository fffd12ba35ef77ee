"""What a group and its members do, held by Kafka and by the one in memory that protocol tests run on."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import AsyncIterator, Callable
from contextlib import AbstractAsyncContextManager, asynccontextmanager
from typing import TYPE_CHECKING, Any, Protocol

import confluent_kafka
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer, ConsumerRebalanceListener, TopicPartition
from aiokafka.errors import CommitFailedError, IllegalStateError
from aiokafka.structs import OffsetAndMetadata
from confluent_kafka import ConsumerGroupTopicPartitions, KafkaException
from confluent_kafka.admin import AdminClient

from tests.support.services.installation import until
from tests.support.services.stranger import read_as_another
from tests.support.world.client import FakeConsumer
from tests.support.world.group import FakeGroup, NotEmptyError
from tests.support.world.log import FakeLog
from tests.support.world.network import Network, Sender
from worker.kafka.cluster.topics import TopicSpec
from worker.kafka.connections import admin_of
from worker.kafka.record import Committed
from worker.settings.connected import KafkaSettings

if TYPE_CHECKING:
    pass

PATIENCE_S = 60


class Listener(ConsumerRebalanceListener):
    """Notes what is assigned and revoked; holds a revocation up when told to."""

    def __init__(self) -> None:
        self.assigned: asyncio.Queue[set[TopicPartition]] = asyncio.Queue()
        self.revoking = asyncio.Event()
        self.may_go_on = asyncio.Event()
        self.may_go_on.set()

    async def on_partitions_revoked(self, revoked: set[TopicPartition]) -> None:
        if revoked:
            self.revoking.set()
        await self.may_go_on.wait()

    async def on_partitions_assigned(self, assigned: set[TopicPartition]) -> None:
        self.assigned.put_nowait(set(assigned))


class Member(Protocol):
    """A consumer in the group; ``consumer`` is asked as the assignment asks it."""

    consumer: Any

    async def read(self, count: int) -> list[int]:
        """The offsets of the next records of all its partitions, as many at least."""

    def fall_behind(self) -> None:
        """Believe to be of the generation before."""


class Cluster(Protocol):
    """One topic of two partitions, and one group."""

    topic: str

    def member(self, listener: Listener) -> AbstractAsyncContextManager[Member]: ...

    async def append(self, partition: int, count: int) -> None: ...

    async def append_marker(self, partition: int) -> None: ...

    async def delete_before(self, partition: int, offset: int) -> None: ...

    async def committed(self) -> dict[TopicPartition, Committed]: ...

    async def read_as_another(self, count: int) -> None:
        """Read the first partition up to an offset as a consumer that commits by itself, and leave."""

    async def reset(self, partition: int, offset: int) -> bool:
        """As Kafka's own tool resets an offset; false when it is refused."""


class AtOnce(Network):
    """Carries every request out as soon as it is sent."""

    async def ask(self, kind: str, sender: Sender, steps: Any) -> Any:
        await asyncio.sleep(0)
        return [step() for step in steps][-1]


class InMemoryMember:
    def __init__(self, cluster: InMemory, listener: Listener) -> None:
        self.sender = Sender(uuid.uuid4().hex)
        self.consumer = FakeConsumer(cluster, self.sender, listener)

    async def read(self, count: int) -> list[int]:
        offsets: list[int] = []
        while len(offsets) < count:
            offsets += [record.offset for record in self.consumer.fetch(count)]
            await asyncio.sleep(0)
        return offsets

    def fall_behind(self) -> None:
        self.consumer.generation -= 1


class InMemory:
    topic = "topic"

    def __init__(self) -> None:
        self.network: Network = AtOnce()
        self.log = FakeLog(self.topic, "id", 2)
        self.group = FakeGroup(lambda: self.log.places)

    @asynccontextmanager
    async def member(self, listener: Listener) -> AsyncIterator[InMemoryMember]:
        member = InMemoryMember(self, listener)
        tasks = [
            asyncio.create_task(work) for work in (member.consumer.run(), self._heartbeats(member))
        ]
        try:
            async with asyncio.timeout(PATIENCE_S):
                yield member
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            self.group.leave(member.sender.name)

    async def _heartbeats(self, member: InMemoryMember) -> None:
        while True:
            await asyncio.sleep(0)
            is_joined = member.consumer.generation >= 0
            if (
                is_joined
                and not member.consumer.is_told
                and self.group.must_rejoin(member.sender.name)
            ):
                member.consumer.learn_of_rebalance()

    async def append(self, partition: int, count: int) -> None:
        for _ in range(count):
            self.log.append(partition, b"x")

    async def append_marker(self, partition: int) -> None:
        self.log.append(partition, b"x")
        self.log.append_marker(partition)

    async def delete_before(self, partition: int, offset: int) -> None:
        self.log.delete_before(partition, offset)

    async def committed(self) -> dict[TopicPartition, Committed]:
        return self.group.committed(self.log.places)

    async def read_as_another(self, count: int) -> None:
        self.group.commit_of_another(TopicPartition(self.topic, 0), count)

    async def reset(self, partition: int, offset: int) -> bool:
        try:
            self.group.alter({TopicPartition(self.topic, partition): offset})
        except NotEmptyError:
            return False
        return True


class RealMember:
    def __init__(self, consumer: AIOKafkaConsumer) -> None:
        self.consumer = consumer

    async def read(self, count: int) -> list[int]:
        offsets: list[int] = []
        while len(offsets) < count:
            for records in (await self.consumer.getmany(timeout_ms=100)).values():
                offsets += [record.offset for record in records]
        return offsets

    def fall_behind(self) -> None:
        coordinator: Any = self.consumer._coordinator
        coordinator.generation -= 1


class OnKafka:
    def __init__(self, servers: str, topic: str) -> None:
        self.topic = topic
        self._servers = servers
        self._group = f"{topic}.group"
        self._client = AdminClient({"bootstrap.servers": servers, "log_level": 0})
        self._admin = admin_of(KafkaSettings(kafka_bootstrap_servers=servers))

    @asynccontextmanager
    async def member(self, listener: Listener) -> AsyncIterator[RealMember]:
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._servers,
            group_id=self._group,
            auto_offset_reset="earliest",
            enable_auto_commit=False,
            session_timeout_ms=6000,
            heartbeat_interval_ms=300,
            rebalance_timeout_ms=30_000,
        )
        consumer.subscribe([self.topic], listener=listener)
        try:
            async with asyncio.timeout(PATIENCE_S):
                await consumer.start()  # returns once there is an assignment
                yield RealMember(consumer)
        finally:
            await consumer.stop()

    async def append(self, partition: int, count: int) -> None:
        producer = AIOKafkaProducer(bootstrap_servers=self._servers)
        await producer.start()
        for _ in range(count):
            await producer.send_and_wait(self.topic, b"x", partition=partition)
        await producer.stop()

    async def append_marker(self, partition: int) -> None:
        producer = AIOKafkaProducer(
            bootstrap_servers=self._servers, transactional_id=f"{self.topic}.tx"
        )
        await producer.start()
        before = (await self._admin.backlog("nobody", [self.topic])).total
        async with producer.transaction():
            await producer.send(self.topic, b"x", partition=partition)
        await producer.stop()

        async def marker_is_written() -> bool:
            return (await self._admin.backlog("nobody", [self.topic])).total == before + 2

        await until(marker_is_written)

    async def delete_before(self, partition: int, offset: int) -> None:
        place = confluent_kafka.TopicPartition(self.topic, partition, offset)
        (future,) = self._client.delete_records([place]).values()
        await asyncio.to_thread(future.result, PATIENCE_S)

    async def committed(self) -> dict[TopicPartition, Committed]:
        return await self._admin.groups.committed(
            self._group, [TopicPartition(self.topic, number) for number in (0, 1)]
        )

    async def read_as_another(self, count: int) -> None:
        await read_as_another(self._servers, self._group, self.topic, count)

    async def reset(self, partition: int, offset: int) -> bool:
        place = confluent_kafka.TopicPartition(self.topic, partition, offset)
        wanted = ConsumerGroupTopicPartitions(self._group, [place])
        (future,) = self._client.alter_consumer_group_offsets([wanted]).values()
        try:
            answer = await asyncio.to_thread(future.result, PATIENCE_S)
        except KafkaException:
            return False
        # What is refused for a partition is not raised.
        return answer.topic_partitions[0].error is None


@pytest.fixture(params=["in memory", pytest.param("on kafka", marks=pytest.mark.services)])
async def cluster(request: pytest.FixtureRequest) -> Cluster:
    if request.param == "in memory":
        return InMemory()
    servers = request.getfixturevalue("services").kafka
    topic = f"{request.getfixturevalue('topic_prefix')}contract"
    await admin_of(KafkaSettings(kafka_bootstrap_servers=servers)).topics.create(
        [TopicSpec(topic, 2, {})]
    )
    return OnKafka(servers, topic)


def places(cluster: Cluster) -> tuple[TopicPartition, TopicPartition]:
    return TopicPartition(cluster.topic, 0), TopicPartition(cluster.topic, 1)


async def stay_until_assigned(cluster: Cluster, listener: Listener) -> None:
    async with cluster.member(listener):
        await listener.assigned.get()


async def test_a_commit_comes_back_with_its_metadata_and_a_partition_without_one_is_left_out(
    cluster: Cluster,
) -> None:
    first, _ = places(cluster)
    listener = Listener()
    async with cluster.member(listener) as member:
        await listener.assigned.get()
        await member.consumer.commit({first: OffsetAndMetadata(7, "mark:9")})
    assert await cluster.committed() == {first: Committed(7, "mark:9")}


async def test_an_operators_reset_leaves_the_metadata_empty(cluster: Cluster) -> None:
    first, _ = places(cluster)
    listener = Listener()
    async with cluster.member(listener) as member:
        await listener.assigned.get()
        await member.consumer.commit({first: OffsetAndMetadata(7, "mark")})
    assert await cluster.reset(0, 3)
    assert await cluster.committed() == {first: Committed(3, "")}


async def test_another_consumers_commit_has_the_leader_epoch_and_a_reset_after_it_has_none(
    cluster: Cluster,
) -> None:
    first, _ = places(cluster)
    await cluster.append(0, 4)
    await cluster.read_as_another(4)
    commit = (await cluster.committed())[first]
    assert commit == Committed(4, "", leader_epoch=0)
    assert not commit.is_reset
    assert await cluster.reset(0, 3)
    commit = (await cluster.committed())[first]
    assert commit == Committed(3, "")
    assert commit.is_reset


async def test_a_reset_is_refused_while_the_group_has_a_member(cluster: Cluster) -> None:
    listener = Listener()
    async with cluster.member(listener):
        await listener.assigned.get()
        assert not await cluster.reset(0, 3)
    assert await cluster.committed() == {}


async def test_every_rebalance_takes_everything_and_sends_positions_back_to_the_commit(
    cluster: Cluster,
) -> None:
    await cluster.append(0, 3)
    one, other = Listener(), Listener()
    async with cluster.member(one) as first:
        assert await one.assigned.get() == set(places(cluster))
        assert await first.read(3) == [0, 1, 2]
        async with cluster.member(other) as second:
            shares = [await one.assigned.get(), await other.assigned.get()]
            assert one.revoking.is_set()
            assert sorted(map(len, shares)) == [1, 1]
            reader = first if places(cluster)[0] in shares[0] else second
            assert await reader.read(3) == [0, 1, 2]


async def test_nobody_gets_a_partition_before_its_owner_has_let_it_go(cluster: Cluster) -> None:
    one, other = Listener(), Listener()
    async with cluster.member(one) as first:
        await one.assigned.get()
        one.may_go_on.clear()
        joining = asyncio.create_task(stay_until_assigned(cluster, other))
        await one.revoking.wait()
        await first.consumer.commit({places(cluster)[0]: OffsetAndMetadata(5, "in the drain")})
        assert other.assigned.empty()
        one.may_go_on.set()
        await joining
    assert (await cluster.committed())[places(cluster)[0]] == Committed(5, "in the drain")


async def test_a_commit_of_an_earlier_generation_is_refused(cluster: Cluster) -> None:
    listener = Listener()
    async with cluster.member(listener) as member:
        await listener.assigned.get()
        member.fall_behind()
        with pytest.raises(CommitFailedError):
            await member.consumer.commit({places(cluster)[0]: OffsetAndMetadata(5, "")})
    assert await cluster.committed() == {}


async def test_a_partition_can_be_paused_moved_and_resumed(cluster: Cluster) -> None:
    first, second = places(cluster)
    await cluster.append(0, 4)
    await cluster.append(1, 2)
    listener = Listener()
    async with cluster.member(listener) as member:
        await listener.assigned.get()
        member.consumer.pause(first)
        member.consumer.seek(first, 2)
        assert await member.read(2) == [0, 1]
        member.consumer.pause(second)
        member.consumer.resume(first)
        assert await member.read(2) == [2, 3]
        assert await member.consumer.position(first) == 4


async def test_a_partition_that_is_not_assigned_cannot_be_moved(cluster: Cluster) -> None:
    listener = Listener()
    elsewhere = TopicPartition("elsewhere", 0)
    async with cluster.member(listener) as member:
        await listener.assigned.get()
        calls: list[Callable[[], None]] = [
            lambda: member.consumer.seek(elsewhere, 1),
            lambda: member.consumer.pause(elsewhere),
            lambda: member.consumer.resume(elsewhere),
        ]
        for call in calls:
            with pytest.raises(IllegalStateError):
                call()


async def test_the_position_is_behind_the_marker_of_a_transaction(cluster: Cluster) -> None:
    await cluster.append_marker(0)
    await cluster.append(0, 1)
    listener = Listener()
    async with cluster.member(listener) as member:
        await listener.assigned.get()
        assert await member.read(2) == [0, 2]
        assert await member.consumer.position(places(cluster)[0]) == 3


async def test_a_position_that_is_not_in_the_log_becomes_its_start_without_a_word(
    cluster: Cluster,
) -> None:
    await cluster.append(0, 5)
    await cluster.delete_before(0, 2)
    listener = Listener()
    async with cluster.member(listener) as member:
        await listener.assigned.get()
        for wrong in (0, 9):
            member.consumer.seek(places(cluster)[0], wrong)
            assert await member.read(3) == [2, 3, 4]


async def test_the_client_tells_where_it_stands_without_waiting(cluster: Cluster) -> None:
    """What the assignment reads of the client's own state; its ``position`` may wait for the broker."""
    listener = Listener()
    async with cluster.member(listener) as member:
        await listener.assigned.get()
        assigned = member.consumer._subscription.subscription.assignment
        member.consumer.seek(places(cluster)[0], 4)
        state = assigned.state_value(places(cluster)[0])
        assert (state.has_valid_position, state.position) == (True, 4)
        assert assigned.state_value(TopicPartition("elsewhere", 0)) is None
