"""What was published once is published again: nothing counted, nobody disturbed."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import orjson
import pytest
from aiokafka import AIOKafkaProducer, TopicPartition

from schemas import ID_HEADER, REPLAY_HEADER
from tests.support.people.commands import SIGNED, Finished, command, command_in_process
from tests.support.services.installation import Installation, Published, until
from tests.support.stream import expected_counts, ids, numbers, resolved, stream
from worker.kafka.bounded_reader import read_topic
from worker.kafka.cluster.topics import TopicSpec
from worker.kafka.connections import admin_of
from worker.kafka.record import RawRecord

pytestmark = pytest.mark.services

TOTAL = 60
UNREADABLE: list[Published] = [("observations.sportybet", b"1", b"{", [])]
SEVENTH = "sportybet:seventh 3"


def replays_of(records: list[RawRecord]) -> list[str | None]:
    """The replay that each resolved event comes from; None for the live workers."""
    found = [dict(record.headers).get(REPLAY_HEADER) for record in records]
    return [None if name is None else name.decode() for name in found]


def of_replay(records: list[RawRecord], replay_id: str | None) -> list[RawRecord]:
    names = replays_of(records)
    return [record for record, name in zip(records, names, strict=True) if name == replay_id]


@dataclass
class Standing:
    """All that a replay must leave as it is."""

    committed: dict[TopicPartition, Any]
    watermarks: list[Any]
    counts: Counter[tuple[str, str]]
    dead: int
    members: Any
    opened: int


async def standing(installation: Installation) -> Standing:
    settings = installation.settings
    places = [
        TopicPartition(topic, number)
        for topic in settings.topics.observations.values()
        for number in range(settings.partitions)
    ]
    watermarks = await installation.query(
        "SELECT topic_id, partition, next_offset FROM ingest_watermark"
    )
    return Standing(
        committed=await installation.admin.groups.committed(settings.group_id, places),
        watermarks=sorted(watermarks),
        counts=await installation.counts(),
        dead=len(await installation.consume(settings.topic_dead)),
        members=await admin_of(settings).groups.describe(settings.group_id),
        opened=[line["event"] for line in installation.log_of(0)].count("partition_opened"),
    )


async def settled(installation: Installation) -> None:
    """Wait until the live worker has counted and committed all, so that nothing moves by itself."""
    await installation.caught_up()
    await until(lambda: _is_announced(installation))


async def _is_announced(installation: Installation) -> bool:
    waiting = "SELECT count(*) AS rows FROM unmapped_market_log WHERE announced_at IS NULL"
    return bool((await installation.query(waiting))[0].rows == 0)


@dataclass
class Seen:
    before: Standing
    after: Standing
    live: list[RawRecord]
    dry: Finished
    all: Finished
    chosen: Finished
    earlier: Finished
    outputs: list[RawRecord]
    later: list[RawRecord]
    counts: Counter[tuple[str, str]]
    runs: Any
    shown: Any


async def test_answers_of_an_earlier_version_can_go_to_a_topic_of_their_own(
    installation: Installation,
) -> None:
    settings = installation.settings
    own = f"{settings.topic_prefix}then"
    await admin_of(settings).topics.create([TopicSpec(own, 1, {})])
    await installation.publish(stream(7))
    then = ("replay", "run", "--from", "1h", *SIGNED, "--as-of", "0")
    for wrong, said in (("nowhere", "do not exist"), (settings.topics.dead, "do not belong there")):
        refused = await command_in_process(installation, *then, "--to-topic", wrong)
        assert refused.code in {1, 2}
        assert said in refused.stderr
    done = await command(installation, *then, "--to-topic", own, "--json")
    assert done.json["published"] == 7
    assert len(await read_topic(settings, own)) == 7
    assert await read_topic(settings, settings.topics.resolved) == []
    assert (await command(installation, "replay", "show", done.json["id"], "--json")).json[
        "filters"
    ]["to_topic"] == own


async def test_an_old_record_is_not_from_the_future_and_keeps_its_part(
    installation: Installation,
) -> None:
    """Neither for the worker that reads it late nor for a replay; one that was ahead stays refused."""
    then = datetime.now(UTC) - timedelta(hours=2)
    (topic, key, value, _), (_, _, ahead, _) = stream(2)
    part = {"number": 1, "of": 2}
    old = orjson.loads(value or b"") | {"observed_at": then, "part": part}
    from_future = orjson.loads(ahead or b"") | {"observed_at": then + timedelta(hours=1)}
    async with AIOKafkaProducer(
        bootstrap_servers=installation.settings.kafka_bootstrap_servers
    ) as producer:
        name = installation.settings.topic_prefix + topic
        for document in (old, from_future):
            sent = orjson.dumps(document)
            taken_ms = round(then.timestamp() * 1000)
            await producer.send_and_wait(name, sent, key, timestamp_ms=taken_ms)
    guarded = {"MARKETMAP_MAX_CLOCK_AHEAD_S": "300"}
    installation.start_worker(**guarded)
    await installation.caught_up()
    (letter,) = await installation.consume("observations.dead")
    assert dict(letter.headers)["marketmap.dead.reason"] == b"OBSERVED_IN_FUTURE"
    again = ("replay", "run", "--from", "3h", *SIGNED, "--json")
    done = (await command(installation, *again, **guarded)).json
    assert (done["published"], done["unreadable"]) == (1, {"OBSERVED_IN_FUTURE": 1})
    live, replayed = await resolved(installation)
    assert (dict(live.headers)[ID_HEADER], live.value) == (
        dict(replayed.headers)[ID_HEADER],
        replayed.value,
    )
    assert orjson.loads(replayed.value or b"")["part"] == part
    assert await installation.stop_worker() == 0


async def scenario(installation: Installation) -> Seen:
    await installation.publish(stream(TOTAL) + UNREADABLE)
    installation.start_worker()
    await settled(installation)
    live, before = await resolved(installation), await standing(installation)
    again = ("replay", "run", "--from", "1h", *SIGNED, "--json")
    dry = await command(installation, "replay", "run", "--from", "1h", "--dry-run", "--json")
    everything = await command(installation, *again)
    chosen = await command(
        installation, *again, "--market", SEVENTH, "--topic", "observations.sportybet"
    )
    then = ("--as-of", "0", "--platform", "sportybet")
    unconfirmed = await command(installation, *again, *then)
    assert (unconfirmed.code, "--yes" in unconfirmed.stderr) == (2, True)
    earlier = await command(installation, *again, *then, "--yes")
    assert [each.code for each in (dry, everything, chosen, earlier)] == [0] * 4, (
        dry,
        everything,
        chosen,
    )
    after, outputs = await standing(installation), await resolved(installation)
    await installation.publish(stream(12, TOTAL))
    await installation.caught_up()
    later = await resolved(installation)
    assert await installation.stop_worker() == 0
    runs = (await command(installation, "replay", "list", "--json")).json
    shown = (await command(installation, "replay", "show", runs[0]["id"], "--json")).json
    return Seen(
        before,
        after,
        live,
        dry,
        everything,
        chosen,
        earlier,
        outputs,
        later,
        await installation.counts(),
        runs,
        shown,
    )


@pytest.fixture(scope="module")
def seen(in_installation: Any) -> Seen:
    outcome: Seen = in_installation(scenario)
    return outcome


def test_a_dry_run_says_what_would_be_read_and_publishes_nothing(seen: Seen) -> None:
    assert seen.dry.json["records"] == TOTAL + 1
    assert len(seen.outputs) == TOTAL * 3 + len(range(3, TOTAL, 7))


def test_everything_comes_again_under_the_same_ids_and_names_its_replay(seen: Seen) -> None:
    again = of_replay(seen.outputs, seen.all.json["id"])
    assert sorted(ids(again)) == sorted(ids(seen.live))
    assert Counter(numbers(again)) == Counter(range(TOTAL))


def test_what_is_replayed_is_what_was_published(seen: Seen) -> None:
    by_id = {dict(record.headers)[ID_HEADER]: record for record in seen.live}
    for record in of_replay(seen.outputs, seen.all.json["id"]):
        first = by_id[dict(record.headers)[ID_HEADER]]
        assert (record.key, record.value, record.partition) == (
            first.key,
            first.value,
            first.partition,
        )


def test_what_the_live_worker_publishes_names_no_replay(seen: Seen) -> None:
    assert set(replays_of(seen.live)) == {None}


def test_a_replay_leaves_offsets_watermarks_counts_dead_letters_and_members_as_they_are(
    seen: Seen,
) -> None:
    assert seen.after == seen.before


def test_the_live_worker_goes_on_as_if_nothing_had_been(seen: Seen) -> None:
    assert Counter(numbers(of_replay(seen.later, None))) == Counter(range(TOTAL + 12))
    assert seen.counts == expected_counts(TOTAL + 12)


def test_unreadable_records_are_told_and_not_published(seen: Seen) -> None:
    assert seen.all.json["unreadable"] == {"INVALID_JSON": 1}


def test_only_events_that_hold_the_market_are_published(seen: Seen) -> None:
    done = seen.chosen.json
    assert sorted(numbers(of_replay(seen.outputs, done["id"]))) == list(range(3, TOTAL, 7))
    assert done["published"] + done["passed_over"] == TOTAL


def test_as_of_a_version_resolves_with_the_mappings_of_that_time(seen: Seen) -> None:
    again = of_replay(seen.outputs, seen.earlier.json["id"])
    events = [orjson.loads(record.value or b"") for record in again]
    assert {(event["mapping_version"], len(event["markets"])) for event in events} == {(0, 0)}
    assert len(events) == TOTAL


def test_it_is_recorded_who_had_what_published_again_and_why(seen: Seen) -> None:
    assert [run["state"] for run in seen.runs] == ["DONE"] * 3
    assert seen.shown == seen.runs[0]
    assert (seen.shown["actor"], seen.shown["reason"]) == ("ada", "because")
    assert seen.shown["published"] == TOTAL
    assert seen.runs[1]["filters"] == {"platforms": [], "markets": [SEVENTH]}
    assert sum(each["end"] - each["first"] for each in seen.runs[2]["ranges"]) == TOTAL + 1
