"""A bench that does not notice wrong answers is worth nothing."""

from __future__ import annotations

from collections.abc import Sequence

import orjson
import pytest

from tests.support.markets import CATALOGUE
from tests.support.records import TOPIC_ID, FakeRecord, place
from worker.domain.index import MappingIndex
from worker.lab.bench.ground import Published
from worker.lab.bench.peers.memory import planner_of
from worker.lab.bench.verdict import changed, wrong_counts, wrong_events, wrongly_looked_up
from worker.lab.bench.workloads import workload
from worker.lab.synthetic.expected import UNKNOWN_MARKET, Generated, expected_miss_counts
from worker.settings.connected import ConnectedSettings
from worker.settings.settings import Settings

TOPIC = "observations.sportybet"
NOWHERE = ConnectedSettings(
    kafka_bootstrap_servers="127.0.0.1:1", database_url="postgresql://127.0.0.1:1/none"
)


@pytest.fixture(scope="module")
def published(source: Sequence[Generated]) -> Published:
    messages = workload("scrape", source[:3]).messages
    places = {(TOPIC, 0, offset): message for offset, message in enumerate(messages)}
    return Published(workload("scrape", source[:3]), NOWHERE, places)


@pytest.fixture(scope="module")
def outputs(published: Published) -> list[FakeRecord]:
    planner, index = planner_of(Settings()), MappingIndex(CATALOGUE)
    records = [
        FakeRecord(offset=offset, value=message.value)
        for (_, _, offset), message in published.places.items()
    ]
    planned = [planner.plan(record, place(), index).output for record in records]
    return [FakeRecord(key=one.key, value=one.value, headers=one.headers) for one in planned]


def faults(published: Published, outputs: Sequence[FakeRecord]) -> list[str]:
    return list(wrong_events(published, {TOPIC: TOPIC_ID}, outputs))


def test_right_events_are_right(published: Published, outputs: list[FakeRecord]) -> None:
    assert faults(published, outputs) == []


def test_a_missing_event_is_found(published: Published, outputs: list[FakeRecord]) -> None:
    assert faults(published, outputs[1:]) == [f"{TOPIC} 0 0: no event"]


def test_a_repeated_event_is_found(published: Published, outputs: list[FakeRecord]) -> None:
    assert faults(published, [*outputs, outputs[0]]) == ["1 events are repeated"]


def test_a_price_under_another_label_is_found(
    published: Published, outputs: list[FakeRecord]
) -> None:
    event = orjson.loads(outputs[0].value or b"")
    first, second = event["markets"][0]["outcomes"][:2]
    first["outcome"], second["outcome"] = second["outcome"], first["outcome"]
    spoilt = outputs[0]._replace(value=orjson.dumps(event))
    assert any("WRONG_LABEL" in fault for fault in faults(published, [spoilt, *outputs[1:]]))


def test_a_changed_byte_is_found(published: Published) -> None:
    messages = published.workload.messages
    same = [FakeRecord(key=message.key, value=message.value) for message in messages]
    assert list(changed(messages, same)) == []
    other = [same[0]._replace(value=b"{}"), *same[1:]]
    assert list(changed(messages, other)) == [
        "1 messages are missing, 1 are not what was published"
    ]


def test_a_count_that_is_one_too_high_is_found(published: Published) -> None:
    messages = published.workload.messages
    counted = expected_miss_counts(message.seen for message in messages)
    assert list(wrong_counts(messages, counted)) == []
    key, times = next(iter(counted.items()))
    counted[key] += 1
    assert list(wrong_counts(messages, counted)) == [
        f"{' '.join(key)}: counted {times + 1} times, missed {times} times"
    ]


def test_a_lookup_that_missed_a_market_too_few_is_found(published: Published) -> None:
    message = published.places[TOPIC, 0, 0]
    missed = [
        one.external_market_id
        for one in message.seen.expected.misses
        if one.reason == UNKNOWN_MARKET
    ]

    def looked_up(misses: list[str]) -> FakeRecord:
        headers = [("marketmap-id", f"{TOPIC}/0/0".encode())]
        return FakeRecord(value=orjson.dumps({"misses": misses}), headers=headers)

    assert list(wrongly_looked_up(published, [looked_up(missed)])) == []
    assert list(wrongly_looked_up(published, [looked_up(missed[1:])])) == [
        f"{TOPIC} 0 0: other misses"
    ]
