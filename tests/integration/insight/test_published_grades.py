"""Grades on their compacted topic: as the table has them, after a kill, a swap and a takeover."""

from __future__ import annotations

import pytest

from clients.python.market_mapping_client import KafkaAccess
from clients.python.market_mapping_client.present import read_grades
from tests.support.services.insights import (
    PATIENCE_S,
    judged,
    keep_usual,
    on_two_books,
    scraped,
    start_insight,
)
from tests.support.services.installation import Installation, until
from worker.insight.graded import read_graded
from worker.storage.engine import opened, transaction

pytestmark = pytest.mark.services

Grades = dict[tuple[str, str], tuple[str, int]]
OFF = (
    "UPDATE user_market_mappings SET is_active = false WHERE canonical_id = 'btts_1h' RETURNING id"
)


async def table(installation: Installation) -> Grades:
    async with opened(installation.settings.database_url) as engine, transaction(engine) as reading:
        found = await read_graded(reading)
    return {(one.canonical_id, one.platform): (one.grade, one.version) for one in found}


async def topic(installation: Installation) -> Grades:
    settings = installation.settings
    access = KafkaAccess(
        bootstrap_servers=settings.kafka_bootstrap_servers, topic_prefix=settings.topic_prefix
    )
    held = await read_grades(access)
    return {key: (one.grade, one.mapping_version) for key, one in held.items()}


async def converged(installation: Installation) -> Grades:
    """Wait until the topic says what the table says; return it."""

    async def is_equal() -> bool:
        return await topic(installation) == await table(installation)

    await until(is_equal, PATIENCE_S)
    return await topic(installation)


async def test_the_topic_says_what_the_table_says_whoever_is_killed(
    installation: Installation,
) -> None:
    records = scraped(events=12)
    await keep_usual(installation)
    await installation.publish(records[: len(records) // 2])
    one = start_insight(installation)
    await one.logged("insight_judged")
    one.kill()
    two = start_insight(installation, 1)
    await installation.publish(records[len(records) // 2 :])
    await judged(installation, two, on_two_books(records))
    grades = await converged(installation)
    assert grades["1x2_ft", "sportybet"][0] == "verified"
    two.kill()

    await installation.query(OFF)
    three = start_insight(installation, 2)
    await judged(installation, three, on_two_books(records))
    left = await converged(installation)
    assert {name for name, _ in grades} - {name for name, _ in left} == {"btts_1h"}
    assert await three.stop() == 0
