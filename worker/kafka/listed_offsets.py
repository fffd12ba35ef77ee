"""What Kafka answers about the offsets of several partitions: it may answer for some and not for others.

A partition whose brokers are all away has no leader, and nobody answers for it. That is no reason to know
nothing of the others.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, NamedTuple

from aiokafka import TopicPartition

from worker.domain.errors import TransientError

# Of many partitions without an answer, this many are named.
_NAMED: Final = 5


class ListedOffsets(NamedTuple):
    """Each partition that was asked for is in one of the two; ``silent`` says why it has no offset."""

    offsets: Mapping[TopicPartition, int]
    silent: Mapping[TopicPartition, str]

    def of_all(self) -> dict[TopicPartition, int]:
        """The offsets. Raises TransientError if any partition has none."""
        if self.silent:
            raise TransientError(f"Kafka does not answer: {in_sentence(self.silent)}")
        return dict(self.offsets)


def in_sentence(silent: Mapping[TopicPartition, str]) -> str:
    """Which partitions have no answer, and why."""
    named = [f"{place.topic}/{place.partition}: {why}" for place, why in sorted(silent.items())]
    more = len(named) - _NAMED
    return "; ".join([*named[:_NAMED], *([f"and {more} more"] if more > 0 else [])])
