"""The snapshot process on a real Kafka: killed, frozen, taken over, fed out of order, and read again."""

from __future__ import annotations

import os
import random
import signal
from datetime import UTC, datetime

import orjson
import pytest

from schemas.latest import TOMBSTONE_HEADER
from tests.support.services.installation import Installation, Published, until
from tests.support.services.snapshots import (
    latest,
    read_through,
    resolved,
    shows,
    start_snapshot,
)
from worker.domain.errors import TransientError
from worker.kafka.connections import client_connection
from worker.kafka.fenced_producer import fenced_outputs
from worker.kafka.record import Outgoing, RawRecord
from worker.runtime.snapshot.partition import transactional_id

pytestmark = pytest.mark.services

NOON = "2026-11-22T12:00:{:02d}Z"


def a_day(
    events: int, seconds: int, seed: int = 7
) -> tuple[list[Published], dict[str, tuple[str, int]]]:
    """Events in any order, some in parts, repeated and replayed, and what is the newest of them."""
    draw = random.Random(seed)
    records, expected = [], {}
    for number in range(events):
        event_id = f"e{number}"
        parts = 2 if number % 3 == 0 else 1
        for second in range(seconds):
            for part in range(1, parts + 1):
                more = {"part": {"number": part, "of": parts}} if parts > 1 else {}
                versions = [1, 2] if draw.random() < 0.3 else [1]
                records += [resolved(event_id, second, version, **more) for version in versions]
        for part in range(1, parts + 1):
            key = f"sportybet:{event_id}/{part}" if parts > 1 else f"sportybet:{event_id}"
            mine = [
                document
                for _, _, value, _ in records
                if (document := orjson.loads(value or b""))["event"]["id"] == event_id
                and (document["part"] or {"number": 1})["number"] == part
            ]
            newest = max(mine, key=lambda each: (each["observed_at"], each["mapping_version"]))
            expected[key] = (newest["observed_at"], newest["mapping_version"])
    draw.shuffle(records)
    return records + draw.sample(records, len(records) // 3), expected


async def written(installation: Installation, more_than: int) -> None:
    """Wait until the topic has more records than that, but for what is written at the same time."""

    async def has_more() -> bool:
        return len(await installation.consume("odds.latest")) >= more_than

    await until(has_more)


async def test_the_newest_of_each_event_is_there_with_its_bytes_and_headers(
    installation: Installation,
) -> None:
    await installation.publish([resolved("e1", 2), resolved("e1", 1, 9), resolved("e2", 1)])
    start_snapshot(installation)
    await shows(
        installation,
        {"sportybet:e1": (NOON.format(2), 1), "sportybet:e2": (NOON.format(1), 1)},
    )
    source = {
        orjson.loads(record.value or b"")["event"]["id"]: record
        for record in await installation.consume("odds.resolved")
    }
    for record in await installation.consume("odds.latest"):
        event_id = orjson.loads(record.value or b"")["event"]["id"]
        assert record.partition == source[event_id].partition
        assert ("marketmap-id", b"t/0/1") in record.headers


async def test_killed_at_any_moment_it_comes_to_the_same_state(installation: Installation) -> None:
    records, expected = a_day(events=30, seconds=12)
    process = start_snapshot(installation)
    quarter = len(records) // 4
    for number in range(4):
        await process.logged("snapshot_opened")
        await installation.publish(records[number * quarter : (number + 1) * quarter])
        if number % 2:
            await written(installation, more_than=len(await installation.consume("odds.latest")))
        process.kill()
        process = start_snapshot(installation, number + 1)
    await installation.publish(records[4 * quarter :])
    await read_through(installation)
    await shows(installation, expected)


async def test_a_second_process_takes_partitions_over_and_a_quarter_what_they_leave(
    installation: Installation,
) -> None:
    records, expected = a_day(events=30, seconds=12, seed=8)
    half = len(records) // 2
    one = start_snapshot(installation)
    await installation.publish(records[:half])
    await one.logged("snapshot_opened")
    two = start_snapshot(installation, 1)
    await two.logged("snapshot_opened")
    one.kill()
    await installation.publish(records[half:])
    three = start_snapshot(installation, 2)
    await three.logged("snapshot_opened")
    assert await two.stop() == 0
    await read_through(installation)
    await shows(installation, expected)


async def test_a_process_that_was_frozen_writes_nothing_once_another_has_its_partitions(
    installation: Installation,
) -> None:
    frozen = start_snapshot(installation)
    await installation.publish([resolved("e1", 1)])
    await shows(installation, {"sportybet:e1": (NOON.format(1), 1)})
    os.kill(frozen.process.pid, signal.SIGSTOP)
    await installation.publish([resolved("e1", 9)])
    other = start_snapshot(installation, 1)
    await other.logged("snapshot_opened")
    await shows(installation, {"sportybet:e1": (NOON.format(9), 1)})
    os.kill(frozen.process.pid, signal.SIGCONT)
    await installation.publish([resolved("e1", 5), resolved("e2", 5)])
    await shows(
        installation, {"sportybet:e1": (NOON.format(9), 1), "sportybet:e2": (NOON.format(5), 1)}
    )


async def test_a_writer_that_was_replaced_is_refused_by_the_broker(
    installation: Installation,
) -> None:
    settings = installation.settings
    topic = settings.topics.latest
    async with fenced_outputs(
        client_connection(settings), transactional_id(topic, 0), max_bytes=1 << 20, timeout_s=15
    ) as before:
        await before.send([Outgoing(topic, b"sportybet:x", b"{}", [], 0)])
        process = start_snapshot(installation)
        await process.logged("snapshot_opened")

        async def has_all() -> bool:
            opened = [line for line in process.lines() if line.get("event") == "snapshot_opened"]
            return len(opened) == settings.partitions

        await until(has_all)
        with pytest.raises(TransientError):
            await before.send([Outgoing(topic, b"sportybet:x", b"{}", [], 0)])


async def test_what_has_ended_is_removed_and_a_replay_does_not_bring_it_back(
    installation: Installation,
) -> None:
    process = start_snapshot(installation)
    await installation.publish([resolved("e1", 1), resolved("e2", 1)])
    await shows(
        installation, {"sportybet:e1": (NOON.format(1), 1), "sportybet:e2": (NOON.format(1), 1)}
    )
    await installation.publish([resolved("e1", 5, status="finished")])
    await shows(installation, {"sportybet:e2": (NOON.format(1), 1)})
    process.kill()
    start_snapshot(installation, 1)
    await installation.publish([resolved("e1", 1, 9), resolved("e2", 2)])
    await shows(installation, {"sportybet:e2": (NOON.format(2), 1)})
    tombstones = [r for r in await installation.consume("odds.latest") if r.value is None]
    assert [dict(each.headers)[TOMBSTONE_HEADER] for each in tombstones] == [b"ended"]


async def test_what_was_not_seen_for_too_long_is_removed(installation: Installation) -> None:
    """Read from the topic afterwards: a reader who looks now and then may miss what is there for a moment."""
    process = start_snapshot(installation, MARKETMAP_SNAPSHOT_UNSEEN_S="12")
    await process.logged("snapshot_opened")  # the time to start does not count
    text = datetime.now(UTC).isoformat(timespec="seconds").replace("+00:00", "Z")
    await installation.publish(
        [resolved("e1", observed_at=text), resolved("old", observed_at=NOON.format(1))]
    )
    await read_through(installation)
    records: list[RawRecord] = []

    async def is_removed() -> bool:
        records[:] = await installation.consume("odds.latest")
        return any(record.value is None for record in records)

    await until(is_removed)
    assert {record.key for record in records} == {b"sportybet:e1"}
    written, tombstone = records
    assert orjson.loads(written.value or b"")["observed_at"] == text
    assert dict(tombstone.headers)[TOMBSTONE_HEADER] == b"unseen"


async def test_a_topic_with_other_partitions_is_waited_for_and_named(
    installation: Installation,
) -> None:
    process = start_snapshot(
        installation, MARKETMAP_TOPIC_LATEST="unmapped.markets", MARKETMAP_TOPIC_UNMAPPED="x"
    )
    line = await process.logged("snapshot_waits")
    assert "they need the same number" in line["error"]
    assert await process.stop() == 0


async def test_nothing_is_left_that_a_reader_of_the_topic_would_misread(
    installation: Installation,
) -> None:
    await installation.publish(
        [
            resolved("e1", 1),
            ("odds.resolved", b"e1", b"nonsense", []),
            ("odds.resolved", b"e1", None, []),
        ]
    )
    process = start_snapshot(installation)
    await shows(installation, {"sportybet:e1": (NOON.format(1), 1)})
    assert (await latest(installation)).keys() == {"sportybet:e1"}
    assert await process.stop() == 0
