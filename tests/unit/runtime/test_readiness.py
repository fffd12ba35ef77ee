from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from aiokafka import TopicPartition

from worker.runtime.readiness import Readiness


class Ground:
    """A worker that has joined its group and asked for its partitions."""

    def __init__(self) -> None:
        self.assignment = SimpleNamespace(is_settled=True, not_opened={}, stopped=[])
        self.reports = SimpleNamespace(has_opened=False)
        parts: dict[str, Any] = {
            "index": SimpleNamespace(is_loaded=True),
            "mappings": SimpleNamespace(notes=list),
            "topics": SimpleNamespace(missing=None),
            "assignment": self.assignment,
            "counting": SimpleNamespace(blocked_by=None),
            "probe": SimpleNamespace(),
            "reports": self.reports,
        }
        self.readiness = Readiness(**parts)


def test_a_partition_without_a_leader_is_named_and_no_reason_to_start_again() -> None:
    ground = Ground()
    ground.assignment.not_opened = {TopicPartition("t", 1): "Broker: Leader not available"}
    assert ground.readiness.not_ready() == [
        "t/1 is not open, nobody answers for it: Broker: Leader not available"
    ]
    assert ground.readiness.not_started() == []


def test_a_worker_that_has_not_asked_for_its_partitions_has_not_started() -> None:
    ground = Ground()
    ground.assignment.is_settled = False
    reasons = ["partitions are not assigned or not open"]
    assert ground.readiness.not_started() == ground.readiness.not_ready() == reasons
    ground.assignment.is_settled = True
    assert ground.readiness.not_started() == []
    ground.assignment.is_settled = False
    assert ground.readiness.not_started() == [], "once it has, nothing counts that happens later"
