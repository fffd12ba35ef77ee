"""A batch that cannot be read, on one partition: snapshot processes keep all others up to date."""

from __future__ import annotations

import re

import pytest
from aiokafka import TopicPartition

from tests.support.hostile.bombs import MIB, send_bomb
from tests.support.services.installation import Installation, until
from tests.support.services.operator import Operator
from tests.support.services.snapshots import (
    SECOND,
    latest,
    read_through,
    resolved,
    shows,
    start_snapshot,
)

pytestmark = pytest.mark.services

EVENTS = 24
AFTER = 12


def moments(names: set[str]) -> dict[str, tuple[str, int]]:
    return {f"sportybet:{name}": (SECOND.format(1), 1) for name in names}


async def test_a_batch_of_resolved_events_that_cannot_be_read_stops_its_partition_alone(
    installation: Installation,
) -> None:
    settings = installation.settings
    bombed = TopicPartition(settings.topics.resolved, 0)
    await installation.publish([resolved(f"e{number}", 1) for number in range(AFTER)])
    offset = await send_bomb(installation, "odds.resolved")
    await installation.publish([resolved(f"e{number}", 1) for number in range(AFTER, EVENTS)])
    processes = [start_snapshot(installation, number) for number in range(2)]
    every = {f"e{number}" for number in range(EVENTS)}

    reasons: list[str] = []

    async def has_stopped() -> bool:
        assert [each.process.poll() for each in processes] == [None, None]
        found = [reason for each in processes for reason in await each.reasons()]
        reasons[:] = [reason for reason in found if "is stopped" in reason]
        return bool(reasons)

    await until(has_stopped)
    (reason,) = reasons
    assert f"{bombed.topic}/0 from offset {offset} on: UnpacksTooLargeError(" in reason

    async def all_others_are_there() -> bool:
        held = await latest(installation)
        # Of twelve events that come later, each of the two other partitions has some.
        return len(held) >= EVENTS - AFTER and await is_committed_up_to_it()

    async def is_committed_up_to_it() -> bool:
        commits = await installation.admin.groups.committed(settings.snapshot_group_id, [bombed])
        return bombed in commits and commits[bombed].offset == offset

    await until(all_others_are_there)
    read_by = "\n".join([await each.ask("/metrics") for each in processes])
    found = re.findall(r"^marketmap_stopped_partition_info\{(.*)\} 1.0$", read_by, re.MULTILINE)
    assert len(found) == 1
    assert 'cause="UNREADABLE"' in found[0]
    assert [await each.stop() for each in processes] == [0, 0]
    operator = Operator(installation, "odds.resolved", settings.snapshot_group_id)
    await operator.reset_offset(offset + 1)
    process = start_snapshot(installation, 2)
    await shows(installation, moments(every))

    async def is_ready() -> bool:
        return not await process.reasons()

    await until(is_ready)
    assert await process.stop() == 0


async def test_a_partition_of_the_newest_odds_that_cannot_be_opened_keeps_no_other_from_it(
    installation: Installation,
) -> None:
    settings = installation.settings
    others = [TopicPartition(settings.topics.resolved, number) for number in (1, 2)]
    await send_bomb(installation, "odds.latest", key=b"sportybet:x")
    await installation.publish([resolved(f"e{number}", 1) for number in range(EVENTS)])
    process = start_snapshot(installation)

    async def are_read() -> bool:
        assert process.process.poll() is None, process.log.read_text()[-4000:]
        commits = await installation.admin.groups.committed(settings.snapshot_group_id, others)
        ends = await installation.admin.offsets.log_ends(others)
        return {place: each.offset for place, each in commits.items()} == ends

    await until(are_read)
    line = await process.logged("snapshot_not_opened")
    assert (line["partition"], "UnpacksTooLargeError(" in line["error"]) == (0, True)
    (reason,) = await process.reasons()
    assert reason.startswith(f"{settings.topics.latest}/0 cannot be opened: ")
    assert await process.stop() == 0
    process = start_snapshot(installation, 1, MARKETMAP_MAX_UNPACKED_BYTES=str(256 * MIB))
    await read_through(installation)
    assert await process.reasons() == []
    assert await process.stop() == 0
