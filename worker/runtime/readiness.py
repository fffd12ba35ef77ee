"""Whether a worker can work, and if not, why: the sentences of /startupz, /readyz and the status page.

Ready means: a mapping index is loaded, every topic exists, all assigned partitions are open, and the database
takes counts. A worker that has opened partitions once counts as started, whatever happens later: an
orchestrator restarts what has not started, and an unavailable database is no reason to restart anything.
"""

from __future__ import annotations

import time
from collections.abc import Sequence

from worker.domain.errors import TransientError
from worker.ingest.partitions.assignment import Assignment
from worker.kafka.cluster.admin import KafkaAdmin
from worker.runtime.counting import LedgerWriter
from worker.runtime.index.following import LiveMappings
from worker.runtime.index.live import LiveIndex
from worker.runtime.liveness.outlook import ProgressProbe
from worker.runtime.liveness.watchdog import Watchdog
from worker.runtime.reports import Reports
from worker.runtime.telemetry.status import Index, Own
from worker.runtime.telemetry.totals import Totals


class RequiredTopics:
    """The topics that a worker reads and writes; ``missing`` names those that the last look did not find."""

    def __init__(self, admin: KafkaAdmin, names: Sequence[str]) -> None:
        self._admin = admin
        self._names = names
        self.missing: str | None = None

    async def find(self) -> None:
        """Raises TransientError until every topic is there."""
        try:
            await self._admin.topics.ids(self._names)
        except TransientError as error:
            self.missing = str(error)
            raise
        self.missing = None


class Readiness:
    """What is in the way of work at this moment, in sentences."""

    def __init__(
        self,
        *,
        index: LiveIndex,
        mappings: LiveMappings,
        topics: RequiredTopics,
        assignment: Assignment,
        counting: LedgerWriter,
        probe: ProgressProbe,
        reports: Reports,
    ) -> None:
        self._index = index
        self._mappings = mappings
        self._topics = topics
        self._assignment = assignment
        self._counting = counting
        self._probe = probe
        self._reports = reports
        self._has_started = False

    def not_ready(self) -> list[str]:
        return [*self._in_the_way(), *self._not_read()]

    def _in_the_way(self) -> list[str]:
        """What keeps it from all work, not from that of single partitions."""
        reasons = []
        if not self._index.is_loaded:
            reasons.append("the mapping index is not loaded")
        if self._topics.missing is not None:
            reasons.append(self._topics.missing)
        if not self._assignment.is_settled:
            reasons.append("partitions are not assigned or not open")
        if self._counting.blocked_by is not None:
            reasons.append(self._counting.blocked_by)
        return reasons

    def _not_read(self) -> list[str]:
        """Of each partition that is assigned and not read, why."""
        not_opened = [
            f"{place.topic}/{place.partition} is not open, nobody answers for it: {why}"
            for place, why in self._assignment.not_opened.items()
        ]
        return [*not_opened, *(stopped.sentence for stopped in self._assignment.stopped)]

    def not_started(self) -> list[str]:
        """Why it has not begun to work; once it has, nothing, whatever happens later.

        A partition that nobody answers for is no reason: to restart the worker brings no broker back, and
        takes its other partitions, and those of the whole group, through one rebalance after the other.
        """
        if self._has_started or self._reports.has_opened:
            return []
        reasons = self._in_the_way()
        self._has_started = not reasons
        return reasons

    def notes(self) -> list[str]:
        """What an operator should know although the worker is ready."""
        silence = self._probe.silence
        return [
            *self._mappings.notes(),
            *([] if silence is None else [silence]),
            *self._probe.silent_partitions(),
            *self._probe.held_back.notes(),
        ]


class OwnStatus:
    """What a worker knows of itself, for its status page."""

    def __init__(
        self,
        group: str,
        console: str | None,
        *,
        readiness: Readiness,
        watchdog: Watchdog,
        totals: Totals,
        assignment: Assignment,
        index: LiveIndex,
        mappings: LiveMappings,
    ) -> None:
        self._group = group
        self._console = console
        self._readiness = readiness
        self._watchdog = watchdog
        self._totals = totals
        self._assignment = assignment
        self._index = index
        self._mappings = mappings

    def now(self) -> Own:
        return Own(
            group=self._group,
            against=[*self._readiness.not_ready(), *self._watchdog.stalled()],
            notes=self._readiness.notes(),
            books=self._totals.books(),
            rates=self._totals.rates(time.monotonic()),
            dead=self._totals.dead.most_common(),
            lags=self._assignment.lags(time.time()),
            mappings=self._index_in_use(),
            trend=self._totals.trend(time.monotonic()),
            console=self._console,
        )

    def _index_in_use(self) -> Index | None:
        if not self._index.is_loaded:
            return None
        index = self._index.current
        return Index(index.version, index.size, len(self._index.unusable), self._mappings.age_s)
