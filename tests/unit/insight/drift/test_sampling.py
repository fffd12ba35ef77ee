"""Which records are in a sample."""

from __future__ import annotations

from aiokafka import TopicPartition

from worker.insight.drift.sampling import MOST_RECORDS, newest_ranges
from worker.kafka.bounded_reader import OffsetRange


def test_a_sample_has_the_last_records_of_each_partition_that_has_any() -> None:
    one, two, three = (TopicPartition("t", number) for number in range(3))
    ranges = newest_ranges({one: 0, two: 95, three: 7}, {one: 100, two: 100, three: 7})
    assert ranges == {one: OffsetRange(90, 100), two: OffsetRange(95, 100)}


def test_of_many_partitions_one_record_each_is_in_it_up_to_the_bound() -> None:
    places = [TopicPartition("t", number) for number in range(50)]
    ranges = newest_ranges(dict.fromkeys(places, 0), dict.fromkeys(places, 9))
    assert list(ranges) == places[:MOST_RECORDS]
    assert set(ranges.values()) == {OffsetRange(8, 9)}
