"""A broker, and topics on it that no other test uses."""

from collections.abc import AsyncIterator
from typing import TYPE_CHECKING

import pytest
from aiokafka import AIOKafkaProducer

from worker.kafka.cluster.admin import KafkaAdmin
from worker.kafka.cluster.topics import TopicSpec
from worker.kafka.connections import admin_of
from worker.settings.connected import KafkaSettings

if TYPE_CHECKING:
    from tests.conftest import Services


@pytest.fixture
def admin(services: "Services") -> KafkaAdmin:
    return admin_of(KafkaSettings(kafka_bootstrap_servers=services.kafka))


@pytest.fixture
async def topic(admin: KafkaAdmin, topic_prefix: str) -> str:
    """A topic of two partitions."""
    name = f"{topic_prefix}contract"
    await admin.topics.create([TopicSpec(name, 2, {})])
    return name


@pytest.fixture
async def producer(services: "Services") -> AsyncIterator[AIOKafkaProducer]:
    producer = AIOKafkaProducer(bootstrap_servers=services.kafka)
    await producer.start()
    yield producer
    await producer.stop()
