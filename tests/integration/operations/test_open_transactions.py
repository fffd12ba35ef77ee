"""A sender whose transaction stays open holds up its partition: every tool says so, and whose it is."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition
from prometheus_client.parser import text_string_to_metric_families

from tests.support.people.commands import command
from tests.support.services.installation import (
    Installation,
    installed,
    temporary_database,
    until,
)
from tests.support.stream import expected_counts, numbers, resolved, stream

if TYPE_CHECKING:
    from tests.conftest import Services

pytestmark = pytest.mark.services

SOON = {"MARKETMAP_WATCHDOG_INTERVAL_S": "0.2"}
HOUR_MS = 3_600_000


@pytest.fixture
async def single(services: Services, template: str, tmp_path: Path) -> AsyncIterator[Installation]:
    async with (
        temporary_database(services.postgres, template) as url,
        installed(services.kafka, url, tmp_path, partitions=1) as installation,
    ):
        yield installation


@asynccontextmanager
async def hanging_transaction(
    installation: Installation, record: int
) -> AsyncIterator[AIOKafkaProducer]:
    """Write a record an hour ago, in a transaction that is open until the end of the block."""
    (_, key, value, _) = stream(1, record)[0]
    producer = AIOKafkaProducer(
        bootstrap_servers=installation.settings.kafka_bootstrap_servers,
        transactional_id=f"{installation.settings.group_id}.sender",
        transaction_timeout_ms=900_000,
    )
    await producer.start()
    try:
        await producer.begin_transaction()
        await producer.send_and_wait(
            installation.settings.topics.observations["sportybet"],
            value,
            key,
            timestamp_ms=round(time.time() * 1000) - HOUR_MS,
        )
        yield producer
        await producer.abort_transaction()
    finally:
        await producer.stop()


async def lag_metric(installation: Installation) -> float:
    _, body = await installation.ask("/metrics")
    return sum(
        sample.value
        for family in text_string_to_metric_families(body)
        for sample in family.samples
        if sample.name == "marketmap_lag_records"
    )


async def notes(installation: Installation) -> list[str]:
    _, body = await installation.ask("/readyz")
    return list(orjson.loads(body)["notes"])


async def test_a_transaction_that_hangs_is_shown_by_every_tool_until_it_ends(
    single: Installation,
) -> None:
    single.start_worker(**SOON)
    await single.publish(stream(40))
    await single.caught_up()
    place = TopicPartition(single.settings.topics.observations["sportybet"], 0)
    async with hanging_transaction(single, 999):
        await single.publish(stream(500, 40))

        async def metric_has_seen_it() -> bool:
            return await lag_metric(single) == 501

        await until(metric_has_seen_it)
        owner = (await single.admin.transactions.open([place]))[place]
        assert owner.first_offset == 40

        report = (await command(single, "lag", "--json")).json
        (shown,) = [each for each in report["partitions"] if each["topic"] == place.topic]
        assert (report["records"], shown["log_end"], shown["high_watermark"]) == (501, 40, 541)
        assert shown["seconds"] >= HOUR_MS / 1000
        assert shown["open_transaction"] == owner._asdict()
        (sign,) = shown["signs"]
        assert sign["code"] == "OPEN_TRANSACTION"
        assert f"producer id {owner.producer_id}, epoch {owner.producer_epoch}" in sign["detail"]
        assert "501 offsets from 40 on" in sign["detail"]

        table = await command(single, "lag", COLUMNS="200")
        assert "40 of 541" in table.stdout
        examined = await command(single, "doctor")
        assert "OPEN_TRANSACTION" in examined.stdout

        async def is_noted() -> bool:
            return any("501 offsets from 40 on" in note for note in await notes(single))

        await until(is_noted)
        assert await single.reasons() == []
        assert await single.counts() == expected_counts(40)

    async def is_counted() -> bool:
        return await single.counts() == expected_counts(540)

    await until(is_counted)
    assert sorted(numbers(await resolved(single))) == list(range(540))
    report = (await command(single, "lag", "--json")).json
    (shown,) = [each for each in report["partitions"] if each["topic"] == place.topic]
    assert (shown["log_end"], shown["committed"]) == (542, 541), "the marker is the last offset"
    assert (report["records"], shown["signs"]) == (0, [])

    async def is_noted_no_longer() -> bool:
        return not await notes(single)

    await until(is_noted_no_longer)
