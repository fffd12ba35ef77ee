"""What `marketmap lag` says of a group, with members and without."""

from __future__ import annotations

import asyncio
import time
from typing import Any

import pytest
from aiokafka import AIOKafkaConsumer, TopicPartition
from aiokafka.structs import OffsetAndMetadata

from tests.support.people.commands import command, command_in_process
from tests.support.services.installation import Installation
from tests.support.services.snapshots import read_through, resolved, start_snapshot
from tests.support.stream import stream
from worker.ingest.partitions.marks import mark
from worker.kafka.cluster import offsets
from worker.kafka.cluster.offsets import answers_of
from worker.operations.lag.commands import report_json
from worker.operations.lag.report import survey_lag

pytestmark = pytest.mark.services

TOTAL = 30
NO_LEADER = "Broker: Leader not available"
_ASKED = 15


async def lag(installation: Installation) -> Any:
    """What the command would show, without a process for each question."""
    return report_json(await survey_lag(installation.settings, round(time.time() * 1000)))


def sportybet(report: Any) -> list[Any]:
    return [each for each in report["partitions"] if each["topic"].endswith("sportybet")]


def signs(report: Any) -> set[str]:
    return {sign["code"] for each in report["partitions"] for sign in each["signs"]}


async def commit(installation: Installation, offset: int, metadata: str) -> None:
    """Commit for every partition of a topic, for a group that nobody is in."""
    settings = installation.settings
    consumer = AIOKafkaConsumer(
        bootstrap_servers=settings.kafka_bootstrap_servers,
        group_id=settings.group_id,
        enable_auto_commit=False,
    )
    await consumer.start()
    try:
        topic = settings.topics.observations["sportybet"]
        places = [TopicPartition(topic, number) for number in range(settings.partitions)]
        consumer.assign(places)
        await consumer.commit({place: OffsetAndMetadata(offset, metadata) for place in places})
    finally:
        await consumer.stop()


async def test_lag_from_before_the_first_worker_to_after_a_reset(
    installation: Installation,
) -> None:
    await installation.publish(stream(TOTAL))
    report = await lag(installation)
    assert (report["state"], report["members"], report["records"]) == ("Dead", 0, TOTAL)
    assert [each["records"] for each in report["partitions"]].count(0) == 6, "two topics are empty"
    assert all(each["seconds"] > 0 for each in sportybet(report))
    assert report["seconds"] == max(each["seconds"] for each in sportybet(report))
    assert signs(report) == set()

    installation.start_worker()
    await installation.caught_up()
    report = await lag(installation)
    assert (report["state"], report["members"]) == ("Stable", 1)
    assert (report["records"], report["seconds"], signs(report)) == (0, 0, set())
    for each in report["partitions"]:
        assert each["owner"]["host"] == "127.0.0.1"
        assert each["owner"]["client_id"]
        assert each["owner"]["member_id"]
    for each in sportybet(report):
        assert each["committed"] == each["watermark"] == each["log_end"]

    assert await installation.stop_worker() == 0
    report = await lag(installation)
    assert (report["state"], report["members"], signs(report)) == ("Empty", 0, set())
    assert {each["owner"] for each in report["partitions"]} == {None}

    topic_id = sportybet(report)[0]["topic_id"]
    await commit(installation, 1, "")
    report = await lag(installation)
    assert (signs(report), report["records"]) == ({"NO_MARK"}, TOTAL - 3)
    await commit(installation, 1, mark(topic_id, 1, replay_to=5))
    assert signs(await lag(installation)) == {"REPLAY"}
    await commit(installation, 1, mark(topic_id, 1))
    assert signs(await lag(installation)) == {"WATERMARK_AHEAD"}


async def test_the_owner_is_shown_by_member_id_and_host_on_a_narrow_terminal_too(
    installation: Installation,
) -> None:
    installation.start_worker(MARKETMAP_MEMBER_NAME="left-hand")
    await installation.publish(stream(1))
    await installation.caught_up()
    shown = (await command_in_process(installation, "lag", COLUMNS="80")).stdout
    folded = "".join(shown.partition("Members of the group")[2].split())
    assert "left-hand-" in folded
    assert "127.0.0.1" in folded
    assert max(map(len, shown.splitlines())) <= 80


async def test_traffic_that_goes_on_is_no_sign_of_trouble(installation: Installation) -> None:
    installation.start_worker()
    await installation.publish(stream(1))
    await installation.caught_up()

    async def go_on(is_over: asyncio.Event) -> None:
        number = 1
        while not is_over.is_set():
            await installation.publish(stream(50, first=number))
            number += 50

    is_over = asyncio.Event()
    traffic = asyncio.create_task(go_on(is_over))
    try:
        found = [signs(await lag(installation)) for _ in range(_ASKED)]
    finally:
        is_over.set()
        await traffic
    assert found == [set()] * _ASKED


async def test_lag_of_the_snapshot_group_needs_no_database(installation: Installation) -> None:
    async def asked() -> Any:
        return (await command(installation, "lag", "--snapshot", "--json", **nowhere)).json

    nowhere = {"MARKETMAP_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none"}
    group = installation.settings.snapshot_group_id
    await installation.publish([resolved(f"e{number}") for number in range(TOTAL)])
    report = await asked()
    assert (report["group"], report["state"], report["records"]) == (group, "Dead", TOTAL)
    assert report["seconds"] > 0

    process = start_snapshot(installation)
    await read_through(installation)
    report = await asked()
    assert (report["state"], report["members"], report["records"]) == ("Stable", 1, 0)
    assert signs(report) == set()
    assert {each["watermark"] for each in report["partitions"]} == {None}
    assert all(each["owner"]["host"] == "127.0.0.1" for each in report["partitions"])
    assert await process.stop() == 0

    await installation.publish([resolved("e1", 1)])
    shown = await command(installation, "lag", "--snapshot", COLUMNS="80", **nowhere)
    assert f"Group {group}: Empty, 0 members; 1 record behind" in shown.stderr
    assert "counted to" not in shown.stdout
    assert max(map(len, shown.stdout.splitlines())) <= 80


async def test_machines_get_json_and_people_a_table_with_the_sum(
    installation: Installation,
) -> None:
    await installation.publish(stream(TOTAL))
    assert (await command(installation, "lag", "--json")).json["records"] == TOTAL
    shown = await command(installation, "lag", COLUMNS="80")
    assert shown.code == 0
    assert shown.stdout.count("observations.sportybet") == 1
    assert f"{TOTAL} records behind" in shown.stderr


async def test_lag_of_topics_that_are_not_there_is_a_failure(installation: Installation) -> None:
    answer = await command(
        installation, "lag", MARKETMAP_TOPIC_BETPAWA="nowhere", MARKETMAP_ADMIN_TIMEOUT_S="3"
    )
    assert (answer.code, "topics do not exist" in answer.stderr) == (1, True)


async def test_a_partition_without_a_leader_is_named_and_all_others_are_shown(
    installation: Installation, monkeypatch: pytest.MonkeyPatch
) -> None:
    await installation.publish(stream(TOTAL))
    topic = installation.settings.topics.observations["sportybet"]
    whole = (await lag(installation))["partitions"]

    # The cluster of the tests has one broker: if that is away, there is nobody to ask for the others.
    def without_leader(*asked: Any) -> Any:
        found = answers_of(*asked)
        return found | dict.fromkeys(found.keys() & {TopicPartition(topic, 1)}, NO_LEADER)

    monkeypatch.setattr(offsets, "answers_of", without_leader)
    shown = await command_in_process(installation, "lag", "--json")
    partitions = shown.json["partitions"]
    (silent,) = [each for each in partitions if (each["topic"], each["partition"]) == (topic, 1)]
    assert silent["signs"] == [
        {"code": "NO_LEADER", "detail": f"nobody answers for it: {NO_LEADER}"}
    ]
    numbers = ("log_start", "log_end", "high_watermark", "records", "seconds")
    assert {silent[name] for name in numbers} == {None}
    records = {(each["topic"], each["partition"]): each["records"] for each in whole}
    assert len(partitions) == len(whole)
    for each in partitions:
        if each is not silent:
            assert each["records"] == records[each["topic"], each["partition"]]
    as_table = await command_in_process(installation, "lag")
    assert f"{topic} [1] NO_LEADER: nobody answers for it: {NO_LEADER}." in as_table.stdout
    assert "; 1 partition not known." in as_table.stderr
