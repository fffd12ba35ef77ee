"""The worker without its guarantees: no watermark is moved, no miss counted, no offset committed.

The rest is the product's own, so the difference is what the guarantees cost.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from aiokafka import TopicPartition

from worker.domain.misses import Tally
from worker.ingest.partitions.assignment import Assignment
from worker.kafka.record import Committed, Partition
from worker.runtime import worker as runtime
from worker.runtime.counting import LedgerWriter
from worker.runtime.process import run_process
from worker.runtime.telemetry.logs import configure_logging
from worker.settings.connected import load_connected


class Uncounted(LedgerWriter):
    async def add(self, moves: Sequence[tuple[Partition, int, int]], counts: Tally) -> None:
        """Nothing is moved, nothing is counted."""


class Uncommitted(Assignment):
    async def commit(self, offsets: Mapping[TopicPartition, Committed], epoch: int) -> None:
        """Nothing is committed."""


if __name__ == "__main__":
    vars(runtime).update(LedgerWriter=Uncounted, Assignment=Uncommitted)
    settings = load_connected()
    configure_logging(settings.log_format, settings.log_level)
    run_process(lambda: runtime.make_worker(settings).run())
