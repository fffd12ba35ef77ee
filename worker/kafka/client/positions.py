"""How far the client has handed partitions over: the one place that looks into aiokafka's consumer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from aiokafka import AIOKafkaConsumer, TopicPartition


def fetch_positions(
    consumer: AIOKafkaConsumer, places: Iterable[TopicPartition]
) -> dict[TopicPartition, int]:
    """Up to which offset each partition was handed over; partitions that have no position are left out.

    Unlike ``consumer.position`` it never waits. Markers of transactions count as handed over.
    """
    subscription: Any = consumer._subscription.subscription  # noqa: SLF001  # position() may wait for ever
    if subscription is None or subscription.assignment is None:
        return {}
    states = {place: subscription.assignment.state_value(place) for place in places}
    return {
        place: state.position
        for place, state in states.items()
        if state and state.has_valid_position
    }
