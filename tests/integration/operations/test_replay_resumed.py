"""A replay that is killed, stopped or cannot go on, and what it takes to finish it."""

from __future__ import annotations

import signal
from collections import Counter
from dataclasses import dataclass
from typing import Any

import pytest
from aiokafka import AIOKafkaProducer

from schemas import REPLAY_HEADER
from tests.support.people.commands import SIGNED, Finished, Running, command
from tests.support.services.cluster import recreate_topic
from tests.support.services.installation import Installation, until
from tests.support.stream import expected_counts, ids, numbers, resolved, stream
from worker.kafka.record import RawRecord

pytestmark = pytest.mark.services

TOTAL = 240
# At this rate a replay takes a minute: however busy the machine, there is a middle to be stopped in.
SLOWLY = ("--rate", "4")
RUN = ("replay", "run", "--from", "1h", "--json")


def replayed(records: list[RawRecord]) -> list[RawRecord]:
    return [record for record in records if REPLAY_HEADER in dict(record.headers)]


async def begun(installation: Installation, records: int = 8) -> Running:
    """A replay that has published at least so many records."""
    running = Running(installation, (*RUN, *SLOWLY, *SIGNED), {})

    async def has_published() -> bool:
        if running.has_ended:
            pytest.fail(f"the replay ended: {await running.finished()}")
        return len(replayed(await resolved(installation))) >= records

    await until(has_published)
    return running


async def only_run(installation: Installation) -> Any:
    (run,) = (await command(installation, "replay", "list", "--json")).json
    return run


@dataclass
class Killed:
    when_killed: list[RawRecord]
    state_when_killed: str
    resumed: Finished
    again: Finished
    state: str
    outputs: list[RawRecord]
    replay_id: str
    committed: tuple[Any, Any]
    counts: tuple[Any, Any]


async def killed(installation: Installation) -> Killed:
    await installation.publish(stream(TOTAL))
    installation.start_worker()
    await installation.caught_up()
    committed, counts = await installation.backlog(), await installation.counts()
    running = await begun(installation)
    running.send(signal.SIGKILL)
    assert (await running.finished()).code == -signal.SIGKILL
    run, when_killed = await only_run(installation), await resolved(installation)
    resume = ("replay", "run", "--resume", run["id"], "--rate", "100000", "--json")
    resumed, again = await command(installation, *resume), await command(installation, *resume)
    state = (await only_run(installation))["state"]
    assert await installation.stop_worker() == 0
    return Killed(
        when_killed,
        run["state"],
        resumed,
        again,
        state,
        replayed(await resolved(installation)),
        run["id"],
        (committed, await installation.backlog()),
        (counts, await installation.counts()),
    )


@pytest.fixture(scope="module")
def after_a_kill(in_installation: Any) -> Killed:
    outcome: Killed = in_installation(killed)
    return outcome


def test_it_was_killed_in_the_middle(after_a_kill: Killed) -> None:
    assert 0 < len(set(ids(replayed(after_a_kill.when_killed)))) < TOTAL
    assert after_a_kill.state_when_killed == "RUNNING"


def test_a_resumed_replay_publishes_every_record_of_its_range(after_a_kill: Killed) -> None:
    assert set(numbers(after_a_kill.outputs)) == set(range(TOTAL))
    assert after_a_kill.state == "DONE"


def test_it_goes_on_where_it_was_and_repeats_one_batch_at_most(after_a_kill: Killed) -> None:
    assert len(after_a_kill.outputs) <= TOTAL + 4
    assert after_a_kill.resumed.json["published"] < TOTAL


def test_what_is_repeated_has_the_same_id_and_the_same_replay(after_a_kill: Killed) -> None:
    assert {dict(record.headers)[REPLAY_HEADER] for record in after_a_kill.outputs} == {
        after_a_kill.replay_id.encode()
    }
    assert (
        len(set(zip(ids(after_a_kill.outputs), numbers(after_a_kill.outputs), strict=True)))
        == TOTAL
    )


def test_the_kill_leaves_the_live_group_and_its_counts_as_they_were(after_a_kill: Killed) -> None:
    before, after = after_a_kill.committed
    assert before == after
    assert after_a_kill.counts == (expected_counts(TOTAL), expected_counts(TOTAL))


def test_a_replay_that_is_done_is_not_resumed(after_a_kill: Killed) -> None:
    assert after_a_kill.again.code == 1
    assert f"replay {after_a_kill.replay_id} is done" in after_a_kill.again.stderr


async def test_ctrl_c_stops_after_the_batch_in_progress_and_says_how_to_go_on(
    installation: Installation,
) -> None:
    await installation.publish(stream(TOTAL))
    running = await begun(installation)
    replay_id = (await only_run(installation))["id"]
    beside = await command(installation, "replay", "run", "--resume", replay_id)
    assert (beside.code, "is running in another process" in beside.stderr) == (1, True)
    running.send(signal.SIGINT)
    stopped = await running.finished()
    assert stopped.code == 1
    assert f"marketmap replay run --resume {replay_id}" in stopped.stderr
    run = await only_run(installation)
    assert (run["state"], run["published"]) == ("ABANDONED", len(await resolved(installation)))
    rest = await command(
        installation, "replay", "run", "--resume", replay_id, "--rate", "100000", "--json"
    )
    assert rest.json["published"] == TOTAL - run["published"]
    assert Counter(numbers(await resolved(installation))) == Counter(range(TOTAL))
    assert await installation.counts() == Counter()


async def test_a_range_that_ends_in_markers_of_transactions_comes_to_its_end(
    installation: Installation,
) -> None:
    await installation.publish(stream(6))
    producer = AIOKafkaProducer(
        bootstrap_servers=installation.settings.kafka_bootstrap_servers,
        transactional_id=installation.settings.topic_prefix,
    )
    async with producer:
        for first, is_kept in ((6, True), (12, False)):
            await producer.begin_transaction()
            for topic, key, value, _ in stream(6, first):
                await producer.send_and_wait(installation.settings.topic_prefix + topic, value, key)
            end: Any = producer.commit_transaction if is_kept else producer.abort_transaction
            await end()
    done = await command(installation, *RUN, *SIGNED)
    assert done.json["published"] == 12
    assert Counter(numbers(await resolved(installation))) == Counter(range(12))


async def test_a_topic_that_was_created_anew_is_not_taken_for_the_old_one(
    installation: Installation,
) -> None:
    await installation.publish(stream(TOTAL))
    running = await begun(installation)
    running.send(signal.SIGKILL)
    await running.finished()
    replay_id = (await only_run(installation))["id"]
    await recreate_topic(installation, "observations.sportybet")
    await installation.publish(stream(TOTAL, TOTAL))
    before = await resolved(installation)
    resumed = await command(installation, "replay", "run", "--resume", replay_id)
    assert (resumed.code, "deleted and created again" in resumed.stderr) == (1, True)
    assert len(await resolved(installation)) == len(before)
    run = await only_run(installation)
    assert (run["state"], "created again" in run["error"]) == ("FAILED", True)
