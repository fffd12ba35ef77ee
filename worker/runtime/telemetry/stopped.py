"""The metric of partitions that are not read until somebody acts, the same of every process that reads."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator
from typing import Final, NamedTuple

from aiokafka import TopicPartition
from prometheus_client.core import GaugeMetricFamily
from prometheus_client.registry import Collector

from worker.ingest.partitions.owned import StopCause
from worker.runtime.telemetry.metric_list import METRICS, WorkerMetric

_NAME: Final[WorkerMetric] = "marketmap_stopped_partition_info"


class Stopped(NamedTuple):
    topic: str
    partition: int
    cause: StopCause


class StoppedPartitions(Collector):
    """Asks which partitions are stopped when somebody asks for the metrics."""

    def __init__(self, stopped: Callable[[], Iterable[Stopped]]) -> None:
        self._stopped = stopped

    def collect(self) -> Iterator[GaugeMetricFamily]:
        metric = METRICS[_NAME]
        family = GaugeMetricFamily(_NAME, metric.sentence, labels=tuple(metric.labels))
        for topic, partition, cause in self._stopped():
            family.add_metric([topic, str(partition), cause], 1)
        yield family


def unreadable(places: Iterable[TopicPartition]) -> list[Stopped]:
    return [Stopped(*place, "UNREADABLE") for place in places]
