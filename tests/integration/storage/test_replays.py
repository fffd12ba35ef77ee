"""The record of side replays: one process at a time, counts that add up, states that say what happened."""

from __future__ import annotations

from typing import Any

import pytest
from sqlalchemy.ext.asyncio import AsyncEngine

from worker.storage import replays
from worker.storage.engine import transaction
from worker.storage.errors import StorageRefused
from worker.storage.replays import Replay, ReplayNotResumable, ReplayRun, UnknownReplay

pytestmark = pytest.mark.services

RANGE = {"topic": "t", "topic_id": "Wq3nVJ0iSkKZp2bK1yF0Bg", "partition": 0, "first": 3, "end": 9}
REPLAY = Replay(
    id="r1",
    consumer_group="group",
    ranges=[RANGE],
    filters={"platforms": [], "markets": ["sportybet:8?goalnr=2"]},
    mapping_version=7,
    rate=2.5,
    actor="ada",
    reason="because",
)


async def read(engine: AsyncEngine, replay_id: str = "r1") -> ReplayRun:
    async with transaction(engine) as connection:
        return await replays.get(connection, replay_id)


async def test_a_replay_is_recorded_as_it_was_asked_for(engine: AsyncEngine) -> None:
    async with replays.start(engine, REPLAY):
        run = await read(engine)
    assert Replay(*run[:8]) == REPLAY
    assert (run.state, run.error, run.finished_at, run.published) == ("RUNNING", None, None, 0)


async def test_counts_add_up_over_all_attempts(engine: AsyncEngine) -> None:
    async with replays.start(engine, REPLAY) as running:
        await running.add(published=3, passed_over=1)
        await running.finish("FAILED", "away")
    assert (await read(engine)).error == "away"
    async with replays.resume(engine, "r1") as running:
        assert (await running.read()).error is None
        await running.add(published=2, unreadable=4, lost=5)
        await running.finish("DONE")
    run = await read(engine)
    assert (run.published, run.passed_over, run.unreadable, run.lost) == (5, 1, 4, 5)
    assert (run.state, run.finished_at is not None) == ("DONE", True)


async def test_one_process_at_a_time_runs_a_replay(engine: AsyncEngine) -> None:
    async with replays.start(engine, REPLAY):
        with pytest.raises(ReplayNotResumable, match="another process"):
            async with replays.resume(engine, "r1"):
                pass
    async with replays.resume(engine, "r1") as running:
        await running.finish("ABANDONED")


async def test_what_is_done_or_unknown_is_not_resumed(engine: AsyncEngine) -> None:
    async with replays.start(engine, REPLAY) as running:
        await running.finish("DONE")
    with pytest.raises(ReplayNotResumable, match="is done"):
        async with replays.resume(engine, "r1"):
            pass
    with pytest.raises(UnknownReplay):
        async with replays.resume(engine, "r2"):
            pass


async def test_the_newest_come_first(engine: AsyncEngine) -> None:
    for name in ("r1", "r2", "r3"):
        async with replays.start(engine, REPLAY._replace(id=name)) as running:
            await running.finish("DONE")
    async with transaction(engine) as connection:
        assert [run.id for run in await replays.newest(connection, 2)] == ["r3", "r2"]


@pytest.mark.parametrize(
    "fault",
    [
        {"id": "R/1"},
        {"ranges": []},
        {"mapping_version": -1},
        {"rate": 0.0},
        {"actor": " "},
        {"reason": ""},
    ],
    ids=lambda fault: next(iter(fault)),
)
async def test_what_no_replay_can_be_is_refused(engine: AsyncEngine, fault: dict[str, Any]) -> None:
    with pytest.raises(StorageRefused):
        async with replays.start(engine, REPLAY._replace(**fault)):
            pass


async def test_only_a_failed_replay_has_an_error(engine: AsyncEngine) -> None:
    async with replays.start(engine, REPLAY) as running:
        with pytest.raises(StorageRefused):
            await running.finish("DONE", "away")
