"""A batch that cannot be read, on one partition: the insight process judges what it can read."""

from __future__ import annotations

import pytest
from aiokafka import TopicPartition

from tests.support.hostile.bombs import send_bomb
from tests.support.services.insights import (
    PATIENCE_S,
    judged,
    keep_usual,
    on_two_books,
    scraped,
    start_insight,
)
from tests.support.services.installation import Installation, until
from tests.support.services.operator import Operator
from worker.insight.drift.sampling import read_records
from worker.kafka.bounded_reader import OffsetRange

pytestmark = pytest.mark.services


async def test_all_that_can_be_read_is_judged_and_nothing_is_stepped_over(
    installation: Installation,
) -> None:
    settings = installation.settings
    records = scraped(events=4)
    behind = [record for record in records if record[0] == "observations.bet9ja"]
    await keep_usual(installation)
    offset = await send_bomb(installation, "observations.bet9ja")
    await installation.publish([record for record in records if record not in behind])
    process = start_insight(installation)
    await judged(installation, process, on_two_books(r for r in records if r not in behind))
    (reason,) = await process.reasons()
    assert "observations.bet9ja/0 is stopped: records cannot be read: " in reason
    assert f"from offset {offset} on: UnpacksTooLargeError(" in reason
    assert 'cause="UNREADABLE"' in await process.ask("/metrics")
    bombed = TopicPartition(settings.topics.observations["bet9ja"], 0)

    async def is_committed_up_to_it() -> bool:
        commits = await installation.admin.groups.committed(settings.insight_group_id, [bombed])
        return bombed in commits and commits[bombed].offset == offset

    await until(is_committed_up_to_it, PATIENCE_S)
    assert await process.stop() == 0
    await installation.publish(behind)
    operator = Operator(installation, "observations.bet9ja", settings.insight_group_id)
    await operator.reset_offset(offset + 1)
    process = start_insight(installation, 1)
    await judged(installation, process, on_two_books(records))
    assert await process.reasons() == []
    assert await process.stop() == 0


async def test_a_sample_is_of_what_can_be_read(installation: Installation) -> None:
    records = [record for record in scraped(events=2) if record[0] == "observations.betpawa"]
    await installation.publish(records)
    await send_bomb(installation, "observations.bet9ja")
    admin, topics = installation.admin, installation.settings.topics.observations
    ends = await admin.offsets.log_ends(
        await admin.topics.partitions([topics["betpawa"], topics["bet9ja"]])
    )
    ranges = {place: OffsetRange(0, end) for place, end in ends.items()}
    found = await read_records(installation.settings, ranges)
    assert [record.topic for record in found] == [topics["betpawa"]] * len(records)
