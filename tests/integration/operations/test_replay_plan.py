"""What a replay would read, on real topics."""

from __future__ import annotations

import signal
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from tests.support.people.commands import SIGNED, Running, command
from tests.support.services.cluster import delete_records
from tests.support.services.installation import Installation, until
from tests.support.stream import numbers, resolved, stream

pytestmark = pytest.mark.services

TOTAL = 30
PLAN = ("replay", "plan", "--json", "--from")
SPORTYBET = ("--platform", "sportybet")


def by_partition(plan: Any) -> dict[int, Any]:
    return {
        each["partition"]: each
        for each in plan["partitions"]
        if each["topic"].endswith("sportybet")
    }


async def test_a_plan_is_the_records_of_the_window_and_writes_nothing(
    installation: Installation,
) -> None:
    await installation.publish(stream(TOTAL))
    halfway = datetime.now(UTC).isoformat()
    await installation.publish(stream(TOTAL, TOTAL))
    all_of_it = (await command(installation, *PLAN, "1h")).json
    later = (await command(installation, *PLAN, halfway, "--rate", "3", *SPORTYBET)).json
    earlier = (await command(installation, *PLAN, "1h", "--to", halfway, *SPORTYBET)).json
    assert [plan["records"] for plan in (all_of_it, later, earlier)] == [2 * TOTAL, TOTAL, TOTAL]
    assert later["about_seconds"] == TOTAL / 3
    sent = sum(len(value or b"") + len(key or b"") for _, key, value, _ in stream(TOTAL, TOTAL))
    assert later["about_bytes"] == pytest.approx(sent, rel=0.02)
    assert len(all_of_it["partitions"]) == 9
    for number, each in by_partition(later).items():
        before = by_partition(earlier)[number]
        assert (before["first_offset"], before["last_offset"] + 1) == (0, each["first_offset"])
    assert await resolved(installation) == []
    assert (await command(installation, "replay", "list", "--json")).json == []


async def test_a_hole_that_retention_has_left_is_told_and_the_rest_is_replayed(
    installation: Installation,
) -> None:
    await installation.publish(stream(TOTAL))
    whole = by_partition((await command(installation, *PLAN, "1h", *SPORTYBET)).json)
    gone = {0: 2, 1: whole[1]["last_offset"] + 1}
    await delete_records(installation, "observations.sportybet", gone)
    plan = by_partition((await command(installation, *PLAN, "1h", *SPORTYBET)).json)
    held_from = datetime.fromisoformat(plan[0]["retention_hole"]["held_from"])
    assert datetime.now(UTC) - held_from < timedelta(hours=1)
    assert plan[0]["first_offset"] == 2
    assert plan[1]["retention_hole"] == {"held_from": None}
    assert (plan[1]["records"], plan[2]["retention_hole"]) == (0, None)
    done = await command(installation, "replay", "run", "--from", "1h", *SIGNED, "--json")
    left = TOTAL - 2 - whole[1]["records"]
    assert (done.json["published"], len(numbers(await resolved(installation)))) == (left, left)
    assert "retention has deleted" in done.stderr


async def test_where_there_is_nothing_to_replay_nothing_is_recorded(
    installation: Installation,
) -> None:
    done = await command(installation, "replay", "run", "--from", "1h", *SIGNED)
    assert (done.code, "nothing to replay" in done.stderr) == (0, True)
    assert (await command(installation, "replay", "list", "--json")).json == []


async def test_what_retention_deletes_under_a_killed_replay_is_told_when_it_goes_on(
    installation: Installation,
) -> None:
    await installation.publish(stream(TOTAL))
    running = Running(installation, ("replay", "run", "--from", "1h", "--rate", "0.1", *SIGNED), {})
    recorded: list[Any] = []

    async def is_recorded() -> bool:
        recorded[:] = await installation.query("SELECT id FROM replay_run WHERE published > 0")
        return bool(recorded)

    await until(is_recorded)
    running.send(signal.SIGKILL)
    await running.finished()
    await delete_records(installation, "observations.sportybet", dict.fromkeys(range(3), 3))
    again = ("replay", "run", "--resume", recorded[0].id, "--rate", "9999", "--json")
    done = (await command(installation, *again)).json
    assert done["lost"] in {8, 9}, "one record was published, and perhaps not committed"
    assert done["published"] == TOTAL - 9
