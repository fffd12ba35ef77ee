from __future__ import annotations

from concurrent.futures import Future

import confluent_kafka
import pytest
from aiokafka import TopicPartition
from confluent_kafka import KafkaError, KafkaException
from confluent_kafka.admin import ListOffsetsResultInfo

from worker.domain.errors import TransientError
from worker.kafka.cluster.offsets import Answers, _bounds, answers_of
from worker.kafka.listed_offsets import ListedOffsets

FIRST = TopicPartition("t", 0)
SECOND = TopicPartition("t", 1)
NO_LEADER = KafkaError(KafkaError.LEADER_NOT_AVAILABLE, "Broker: Leader not available")
TIMED_OUT = KafkaError(KafkaError._TIMED_OUT, "Local: Timed out")


def asked(*outcomes: KafkaError | int) -> Answers:
    """What is understood of the outcomes for the partitions 0, 1, ..."""
    futures: dict[confluent_kafka.TopicPartition, Future[ListOffsetsResultInfo]] = {}
    for number, outcome in enumerate(outcomes):
        future = futures[confluent_kafka.TopicPartition("t", number)] = Future()
        if isinstance(outcome, int):
            future.set_result(ListOffsetsResultInfo(outcome, -1, -1))
        else:
            future.set_exception(KafkaException(outcome))
    return answers_of(futures, 1)


def test_a_partition_without_a_leader_has_no_offset_and_the_others_have_theirs() -> None:
    listed = _bounds(asked(7, NO_LEADER))
    assert listed == ListedOffsets({FIRST: 7}, {SECOND: "Broker: Leader not available"})
    with pytest.raises(TransientError, match=r"t/1: Broker: Leader not available"):
        listed.of_all()


def test_the_place_of_a_broker_that_has_not_answered_in_time_is_no_offset() -> None:
    listed = _bounds(asked(7, confluent_kafka.OFFSET_INVALID))
    assert listed == ListedOffsets({FIRST: 7}, {SECOND: "no answer in time"})


def test_an_answer_that_none_of_the_partitions_has_a_leader_is_an_answer() -> None:
    assert _bounds(asked(NO_LEADER, NO_LEADER)).silent.keys() == {FIRST, SECOND}


def test_a_cluster_that_answers_for_no_partition_does_not_answer() -> None:
    with pytest.raises(KafkaException):
        asked(TIMED_OUT, TIMED_OUT)


def test_a_refusal_for_one_partition_is_a_refusal() -> None:
    with pytest.raises(KafkaException):
        asked(7, KafkaError(KafkaError.TOPIC_AUTHORIZATION_FAILED))


def test_of_many_partitions_without_an_answer_five_are_named() -> None:
    with pytest.raises(TransientError, match=r"t/4: Broker: Leader not available; and 2 more$"):
        _bounds(asked(*[NO_LEADER] * 7)).of_all()
