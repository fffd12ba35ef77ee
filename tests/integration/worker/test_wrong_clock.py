"""A clock that is wrong is named when Kafka refuses what it stamped.

The topic takes nothing that is older than a millisecond, so for it every clock of a producer is behind.
"""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from confluent_kafka.admin import AdminClient, NewTopic

from tests.support.services.installation import Installation
from worker.domain.errors import FatalError, TransientError
from worker.kafka.fenced_producer import fenced_outputs
from worker.kafka.producer import Outputs
from worker.kafka.record import Outgoing

pytestmark = pytest.mark.services

STRICT = {"message.timestamp.before.max.ms": "1"}


@pytest.fixture
async def strict(installation: Installation) -> Outgoing:
    topic = installation.settings.topic_prefix + "strict"
    admin = AdminClient({"bootstrap.servers": installation.settings.kafka_bootstrap_servers or ""})
    asked = admin.create_topics([NewTopic(topic, num_partitions=1, config=STRICT)])
    await asyncio.to_thread(asked[topic].result, 30)
    return Outgoing(topic, b"k", b"v", [])


def connection(installation: Installation) -> dict[str, Any]:
    return {"bootstrap_servers": installation.settings.kafka_bootstrap_servers}


def old_by_then(strict: Outgoing) -> list[Outgoing]:
    """Return so many records that the first is more than a millisecond old when they are sent."""
    return [strict] * 10_000


async def test_a_worker_says_that_its_clock_is_refused(
    installation: Installation, strict: Outgoing
) -> None:
    outputs = Outputs(connection(installation), timeout_s=20)
    await outputs.start()
    try:
        with pytest.raises(FatalError, match="this machine's clock says 20"):
            await outputs.send(old_by_then(strict))
    finally:
        await outputs.stop()


async def test_a_relay_says_that_its_clock_is_refused(
    installation: Installation, strict: Outgoing
) -> None:
    async with fenced_outputs(
        connection(installation), strict.topic, max_bytes=1_000_000, timeout_s=20
    ) as outputs:
        with pytest.raises(TransientError, match="this machine's clock says 20"):
            await outputs.send(old_by_then(strict))
