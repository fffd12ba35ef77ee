"""How far aiokafka has delivered each partition: the only module that looks into its consumer.

Theory of operation. The watchdog, and the check for records that are stale, need the offset up to
which records were delivered. The public `consumer.position()` waits until a partition has a position, which
can be for ever if a broker does not answer, and both callers run when something may be stuck.

- The idea: read the position from the subscription's state, without waiting. A partition without a valid
  position is absent from the result; the caller treats it as "not known", never as 0.
- The invariant: a position is the offset of the next record that will be delivered. Markers of transactions
  have offsets and are never delivered; they count as delivered, so a position can be more
  than one after the last record.

What would break: a new version of aiokafka that moves this state. Contract tests read it from a consumer.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition


def fetch_positions(
    consumer: AIOKafkaConsumer, places: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    """Return the next offset of each partition; partitions without a position are left out. Never waits."""
    subscription: Any = consumer._subscription.subscription  # noqa: SLF001  # position() may wait for ever
    if subscription is None or subscription.assignment is None:
        return {}
    states = {place: subscription.assignment.state_value(place) for place in places}
    return {
        place: state.position
        for place, state in states.items()
        if state and state.has_valid_position
    }
