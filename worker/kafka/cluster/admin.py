"""A cluster as an administrator sees it: its topics, the offsets of their logs, and its consumer groups.

Two clients are behind it. librdkafka's knows topic ids, which aiokafka's does not; its calls block, so they
run in threads. Groups and their commits are read through aiokafka's: librdkafka's admin client ends the
process with a segmentation fault when a group's coordinator is not available at that moment.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from worker.kafka.cluster.groups import ConsumerGroups
from worker.kafka.cluster.librdkafka import Librdkafka
from worker.kafka.cluster.offsets import LogOffsets
from worker.kafka.cluster.topics import ClusterTopics
from worker.kafka.cluster.transactions import Transactions


class ClusterFacts(NamedTuple):
    """The brokers that are up; the id is None while the cluster does not report it."""

    cluster_id: str | None
    brokers: int


class Backlog(NamedTuple):
    """What a group has committed of topics, and where they end: sums of offsets over all partitions."""

    done: int
    total: int


class KafkaAdmin:
    """``librdkafka`` and ``aiokafka`` hold the settings of each client. ``timeout_s`` bounds every call.

    Every call may raise TransientError when the cluster does not answer, and FatalError when it rejects our
    credentials or grants us no right.
    """

    def __init__(
        self, librdkafka: dict[str, Any], aiokafka: dict[str, Any], *, timeout_s: float
    ) -> None:
        self._client = Librdkafka(librdkafka)
        self._timeout_s = timeout_s
        self.topics = ClusterTopics(self._client, timeout_s=timeout_s)
        self.offsets = LogOffsets(self._client, timeout_s=timeout_s)
        self.groups = ConsumerGroups(self._client, aiokafka, timeout_s=timeout_s)
        self.transactions = Transactions(aiokafka, timeout_s=timeout_s)

    async def cluster(self) -> ClusterFacts:
        return await self._client.call(self._cluster)

    async def backlog(self, group: str, topics: Iterable[str]) -> Backlog:
        """How far a group is through topics that must exist."""
        ends = await self.offsets.log_ends(await self.topics.partitions(topics))
        committed = await self.groups.committed(group, ends)
        return Backlog(sum(commit.offset for commit in committed.values()), sum(ends.values()))

    def _cluster(self) -> ClusterFacts:
        metadata = self._client.admin.list_topics(timeout=self._timeout_s)
        return ClusterFacts(metadata.cluster_id, len(metadata.brokers))
