"""Which records are in a sample, and by which mappings it was resolved."""

from __future__ import annotations

from aiokafka import TopicPartition

from tests.support.markets import CATALOGUE, observation, sportybet
from tests.support.players import AWAY, HOME, goalscorer, sold
from tests.support.records import FakeRecord
from worker.domain.index import MappingIndex
from worker.insight.drift.sampling import MOST_RECORDS, Sampler, newest_ranges
from worker.kafka.bounded_reader import OffsetRange
from worker.settings.settings import Settings


def test_a_sample_has_the_last_records_of_each_partition_that_has_any() -> None:
    one, two, three = (TopicPartition("t", number) for number in range(3))
    ranges = newest_ranges({one: 0, two: 95, three: 7}, {one: 100, two: 100, three: 7})
    assert ranges == {one: OffsetRange(90, 100), two: OffsetRange(95, 100)}


def test_of_many_partitions_one_record_each_is_in_it_up_to_the_bound() -> None:
    places = [TopicPartition("t", number) for number in range(50)]
    ranges = newest_ranges(dict.fromkeys(places, 0), dict.fromkeys(places, 9))
    assert list(ranges) == places[:MOST_RECORDS]
    assert set(ranges.values()) == {OffsetRange(8, 9)}


def test_a_sample_says_on_how_many_observations_each_mapping_was_used_players_included() -> None:
    result = sportybet("1", prices={"Home": "2.1", "Draw": "3.2", "Away": "3.6"})
    scorers = sold("40", ("Antuna, Uriel (Pumas UNAM)", "sr:player:1", "7.2"))
    sold_on = [[result, scorers], [result], [scorers], []]
    values = [observation("sportybet", markets, home=HOME, away=AWAY) for markets in sold_on]
    records = [FakeRecord(value=value, offset=number) for number, value in enumerate(values)]
    sample = Sampler(Settings(), MappingIndex([*CATALOGUE, goalscorer()])).take(records)
    assert sample.observations == 4
    assert sample.mappings == {"1x2_ft": 2, "anytime_goalscorer_ft": 2}
