"""A batch that cannot be read, on one partition: commands name it, and show all others."""

from __future__ import annotations

from typing import Any

import pytest

from tests.support.hostile.bombs import send_bomb
from tests.support.people.commands import command_in_process
from tests.support.services.installation import Installation
from tests.support.stream import stream
from worker.operations.doctor.examination import examine

pytestmark = pytest.mark.services

TOTAL = 30
BOMBED = "observations.betpawa"
WHY = "UnpacksTooLargeError("


def by_place(answer: Any, prefix: str) -> dict[tuple[str, int], Any]:
    return {
        (each["topic"].removeprefix(prefix), each["partition"]): each
        for each in answer["partitions"]
    }


async def test_lag_and_doctor_name_the_partition_and_show_all_others(
    installation: Installation,
) -> None:
    await installation.publish(stream(TOTAL))
    offset = await send_bomb(installation, BOMBED, partition=1)
    prefix = installation.settings.topic_prefix
    partitions = by_place((await command_in_process(installation, "lag", "--json")).json, prefix)
    (sign,) = partitions.pop((BOMBED, 1))["signs"]
    assert sign["code"] == "UNREADABLE"
    assert f"from offset {offset} on" in sign["detail"]
    assert WHY in sign["detail"]
    assert sum(each["records"] for each in partitions.values()) == TOTAL
    assert all(each["seconds"] is not None for each in partitions.values())
    assert not any(each["signs"] for each in partitions.values())
    shown = await command_in_process(installation, "lag")
    assert f"{prefix}{BOMBED} [1] UNREADABLE: " in shown.stdout
    found = await examine(installation.settings, timeout_s=30)
    (finding,) = [one for one in found if "UNREADABLE" in one.message]
    assert (finding.subject, finding.level) == ("offsets", "FAILURE")


async def test_a_plan_of_a_replay_names_the_partition_and_samples_all_others(
    installation: Installation,
) -> None:
    await installation.publish(stream(TOTAL))
    offset = await send_bomb(installation, BOMBED, partition=1)
    plan = ("replay", "plan", "--from", "1h")
    prefix = installation.settings.topic_prefix
    partitions = by_place((await command_in_process(installation, *plan, "--json")).json, prefix)
    bombed = partitions.pop((BOMBED, 1))
    assert WHY in bombed["unreadable"]
    assert (bombed["records"], bombed["about_bytes"], bombed["retention_hole"]) == (1, None, None)
    assert {each["unreadable"] for each in partitions.values()} == {None}
    assert None not in {each["about_bytes"] for each in partitions.values()}
    shown = await command_in_process(installation, *plan)
    said = " ".join((shown.stdout + shown.stderr).split())
    assert f"{prefix}{BOMBED} [1]: the records from offset {offset} on cannot be read: " in said
