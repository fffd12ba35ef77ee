"""Samples of records: what nobody reads in them, when they are taken, and what is logged of them."""

from __future__ import annotations

from typing import Any

import orjson
import pytest
from structlog.testing import capture_logs

from tests.support.markets import betpawa, betpawa_row, observation, sportybet
from tests.support.records import FakeRecord
from worker.ingest.reading.field_samples import FieldSample, FieldSampler, sample_of

USUAL = observation("betpawa", [betpawa("5000", betpawa_row(10, Over=1.98, Under=1.8))])


def with_fields(value: bytes, **fields: Any) -> bytes:
    return orjson.dumps(orjson.loads(value) | fields)


def record(value: bytes, topic: str = "observations.betpawa", offset: int = 0) -> FakeRecord:
    return FakeRecord(topic=topic, value=value, offset=offset)


class Clock:
    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def sampler(clock: Clock) -> FieldSampler:
    return FieldSampler(max_bytes=10_000, every_s=10, clock=clock)


def test_a_usual_observation_has_no_unread_field() -> None:
    assert sample_of(USUAL) == FieldSample("betpawa", {})


def test_unread_fields_are_found_from_the_envelope_down_to_the_prices() -> None:
    row = betpawa_row(10, Over=1.98) | {"line": "2.5"}
    row["prices"][0]["fee"] = 1
    market = betpawa("5000", row) | {"closed": False}
    market["marketType"]["kind"] = 3
    value = with_fields(observation("betpawa", [market], venue="x"), scraper="s1")
    assert sample_of(value) == FieldSample(
        "betpawa",
        {
            "observation": ["scraper"],
            "event": ["venue"],
            "market": ["closed"],
            "market_type": ["kind"],
            "row": ["line"],
            "outcome": ["fee"],
        },
    )


@pytest.mark.parametrize(
    "value", [b"", b"{", b"[]", b"7", b'{"platform": "x"}', b'{"platform": {}}']
)
def test_what_is_no_observation_is_no_sample(value: bytes) -> None:
    assert sample_of(value) is None


def test_a_bookmaker_is_looked_at_once_in_a_while(sampler: FieldSampler, clock: Clock) -> None:
    assert sampler.is_due(["betpawa"])
    assert len(sampler.look([record(USUAL), record(USUAL, offset=1)], ["betpawa"])) == 1
    assert not sampler.is_due(["betpawa"])
    assert sampler.is_due(["betpawa", "bet9ja"]), "the other one was not looked at"
    clock.now_s += 10
    assert sampler.is_due(["betpawa"])


def test_the_last_record_of_each_topic_is_looked_at(sampler: FieldSampler) -> None:
    other = observation("sportybet", [sportybet("1", prices={"Home": "2"})])
    records = [record(b"x"), record(USUAL), record(other, "observations.sportybet")]
    assert {one.platform for one in sampler.look(records, [])} == {"betpawa", "sportybet"}


def test_what_cannot_be_sampled_costs_nothing_but_the_sample(sampler: FieldSampler) -> None:
    too_large = record(with_fields(USUAL, scrape_id="x" * 10_000))
    for one in (record(b"x"), FakeRecord(value=None), too_large):
        assert sampler.look([one], ["betpawa"]) == []


def test_a_name_is_logged_once_with_the_record_that_has_it(sampler: FieldSampler) -> None:
    strange = record(with_fields(USUAL, scraper="s1"), offset=7)
    with capture_logs() as logs:
        sampler.look([strange], ["betpawa"])
        sampler.look([strange], ["betpawa"])
    (line,) = logs
    assert line["event"] == "unread_fields"
    assert (line["platform"], line["level"], line["names"]) == (
        "betpawa",
        "observation",
        ["scraper"],
    )
    assert (line["topic"], line["offset"]) == ("observations.betpawa", 7)


def test_a_sender_that_invents_names_fills_no_log(sampler: FieldSampler) -> None:
    with capture_logs() as logs:
        for turn in range(50):
            fields = {f"made_up_{turn}_{number}": 1 for number in range(10)}
            sampler.look([record(with_fields(USUAL, **fields))], ["betpawa"])
    assert sum(len(line["names"]) for line in logs) == 100
