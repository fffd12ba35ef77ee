"""Workers of which one part is stuck: each says so, and ends, whatever its libraries believe."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import orjson
import pytest

from tests.support.services.installation import Installation, until
from tests.support.stream import expected_counts, numbers, resolved, stream

pytestmark = pytest.mark.services

RECORDS = 20
# Five processes start at once, and each waits for its timeout.
PATIENCE_S = 180.0
TIGHT = {
    "MARKETMAP_STALL_TIMEOUT_S": "20",
    "MARKETMAP_WATCHDOG_INTERVAL_S": "0.2",
    "MARKETMAP_REBALANCE_TIMEOUT_S": "10",
    "MARKETMAP_DRAIN_TIMEOUT_S": "1",
    "MARKETMAP_SHUTDOWN_TIMEOUT_S": "4",
}
STUCK = ("batch", "fetch", "opening", "loop", "fetch error")
REASONS = {
    "batch": "a batch is in progress",
    "fetch": "are not fetched",
    "opening": "partitions are not assigned or not opened",
}


@dataclass
class Ended:
    """How a worker ended: its exit code, its log by event, all that it wrote, and what its endpoints said."""

    exit_code: int
    events: dict[str, dict[str, Any]]
    text: str
    alive: tuple[int, Any]
    ready: tuple[int, Any]


async def ending(installation: Installation, number: int, part: str) -> Ended:
    """What is stuck in its own event loop cannot be asked; the others are, once they have noticed."""
    alive: tuple[int, Any] = (0, None)
    ready: tuple[int, Any] = (0, None)
    if part in REASONS:

        async def is_stalled() -> bool:
            nonlocal alive
            status, body = await installation.ask("/livez", number)
            alive = status, orjson.loads(body)
            return status == 503

        await until(is_stalled, PATIENCE_S)
        status, body = await installation.ask("/readyz", number)
        ready = status, orjson.loads(body)
    exit_code = await installation.ended(number, PATIENCE_S)
    events = {line["event"]: line for line in installation.log_of(number)}
    text = (installation.folder / f"worker-{number}.log").read_text()
    return Ended(exit_code, events, text, alive, ready)


async def scenario(installation: Installation) -> dict[str, Ended]:
    """One worker for each part, all at once: each in a group of its own, so that all read all records."""
    await installation.publish(stream(RECORDS))
    for part in STUCK:
        group = f"{installation.settings.group_id}.{part}"
        installation.start_worker(
            "tests.support.services.stuck_worker", STUCK_IN=part, MARKETMAP_GROUP_ID=group, **TIGHT
        )
    installation.check_alive = lambda: None  # type: ignore[method-assign]  # ending is what they are to do
    endings = [ending(installation, number, part) for number, part in enumerate(STUCK)]
    return dict(zip(STUCK, await asyncio.gather(*endings), strict=True))


@pytest.fixture(scope="module")
def seen(in_installation: Callable[..., Any]) -> dict[str, Ended]:
    outcome: dict[str, Ended] = in_installation(scenario)
    return outcome


@pytest.mark.parametrize("part", STUCK)
def test_a_worker_that_is_stuck_ends_with_exit_code_1(seen: dict[str, Ended], part: str) -> None:
    assert seen[part].exit_code == 1


@pytest.mark.parametrize("part", REASONS)
def test_before_it_ends_it_says_at_its_endpoints_what_stands(
    seen: dict[str, Ended], part: str
) -> None:
    status, told = seen[part].alive
    assert (status, told["alive"]) == (503, False)
    assert any(REASONS[part] in reason for reason in told["reasons"])
    status, told = seen[part].ready
    assert (status, told["ready"]) == (503, False)
    assert any(REASONS[part] in reason for reason in told["reasons"])


@pytest.mark.parametrize("part", REASONS)
def test_the_log_says_what_stood_and_what_everything_was_doing(
    seen: dict[str, Ended], part: str
) -> None:
    stalled = seen[part].events["stalled"]
    assert any(REASONS[part] in reason for reason in stalled["reasons"])
    assert "task " in stalled["stacks"]
    assert "thread MainThread" in stalled["stacks"]
    assert REASONS[part] in seen[part].events["fatal"]["error"]


def test_the_stacks_lead_to_the_part_that_is_stuck(seen: dict[str, Ended]) -> None:
    assert "stuck_worker.py" in seen["batch"].events["stalled"]["stacks"]
    assert "never_ends" in seen["batch"].events["stalled"]["stacks"]


def test_an_event_loop_that_stands_still_ends_the_process_from_outside(
    seen: dict[str, Ended],
) -> None:
    assert "fatal" not in seen["loop"].events
    assert "Timeout (" in seen["loop"].text
    assert "in blocks_the_loop" in seen["loop"].text


def test_a_fetch_that_raises_is_fatal_at_once_and_not_tried_again(seen: dict[str, Ended]) -> None:
    fatal = seen["fetch error"].events["fatal"]
    assert (fatal["kind"], fatal["error"]) == ("RuntimeError", "this fetch went wrong")
    assert "stalled" not in seen["fetch error"].events


async def test_a_part_that_does_not_stop_is_left_behind_and_costs_nothing(
    installation: Installation,
) -> None:
    await installation.publish(stream(RECORDS))
    installation.start_worker("tests.support.services.stuck_worker", STUCK_IN="shutdown", **TIGHT)
    await installation.caught_up()
    assert await installation.stop_worker() == 0
    log = installation.log_of(0)
    assert [line["part"] for line in log if line["event"] == "not_stopped"] == ["consumer"]
    assert log[-1]["event"] == "worker_stopped"
    assert sorted(numbers(await resolved(installation))) == list(range(RECORDS))
    assert await installation.counts() == expected_counts(RECORDS)


async def test_a_shutdown_that_holds_the_event_loop_up_is_ended_from_outside(
    installation: Installation,
) -> None:
    installation.start_worker(
        "tests.support.services.stuck_worker", STUCK_IN="loop at shutdown", **TIGHT
    )
    await installation.ready()
    assert await installation.stop_worker() == 1
    text = (installation.folder / "worker-0.log").read_text()
    assert "Timeout (" in text
    assert "in blocks_the_loop" in text
