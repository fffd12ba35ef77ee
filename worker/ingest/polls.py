"""The polls that make up a batch: they are published one by one, and counted together.

Counting takes a transaction in which the rows of about 400 missed markets are written, however many records
the batch has. So a batch does not end with its first poll. It takes in the polls that follow, until

- it is as old as a batch may be, or the next poll would make it too large: what is published waits in memory
  to be counted;
- no record has come for a tenth of that time: a wave is over;
- its partitions are being revoked, or the process ends: then nothing more is begun;
- the mappings have changed: one batch sees one version;
- a poll needs a look at the logs (`Assignment.extend`): it becomes the next batch.

A poll that is not taken in is lost for nobody: it stays with the fetch, which hands it over after the batch.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import NamedTuple

from worker.ingest.partitions.assignment import Assignment
from worker.ingest.partitions.claim import ClaimedBatch
from worker.ingest.planning.ahead import FetchingAhead
from worker.kafka.record import Record, size_of

_QUIET = 0.1  # of the time of a batch


class BatchLimits(NamedTuple):
    """How long a batch takes polls in, and how many bytes of values and records it has at most.

    The first poll may be larger: then it is the batch.
    """

    seconds: float
    max_bytes: int
    max_records: int


SINGLE_POLLS = BatchLimits(0, 0, 0)


class Polls:
    """Takes polls into batches. Without `fetching`, each batch is a single poll."""

    def __init__(
        self, assignment: Assignment, fetching: FetchingAhead | None, limits: BatchLimits
    ) -> None:
        self._assignment = assignment
        self._fetching = fetching
        self._limits = limits

    async def of(
        self, claimed: ClaimedBatch, is_wanted: Callable[[], bool]
    ) -> AsyncIterator[Sequence[Record]]:
        """Yield the records of the claim, then those of each poll that it takes in while `is_wanted`."""
        fetching = self._fetching
        ends_s = _now_s() + self._limits.seconds
        records: Sequence[Record] = list(claimed.records)
        while records:
            if fetching is not None and self._goes_on(claimed, ends_s, is_wanted):
                fetching.begin()  # the next poll comes while this one is planned and published
            yield records
            records = await self._next(claimed, ends_s, is_wanted)

    async def _next(
        self, claimed: ClaimedBatch, ends_s: float, is_wanted: Callable[[], bool]
    ) -> Sequence[Record]:
        """The records of the next poll that has some; none if the batch ends."""
        fetching = self._fetching
        ends_s = min(ends_s, _now_s() + _QUIET * self._limits.seconds)
        while fetching is not None and self._goes_on(claimed, ends_s, is_wanted):
            fetch = fetching.begin()
            if fetch.done():
                fetch = fetching.fill()
            if not await _has_ended(fetch, claimed, ends_s - _now_s()) or not is_wanted():
                break
            records = fetch.result()
            if not self._fits(claimed, records):
                break
            if records and not await self._assignment.extend(claimed, records):
                break
            fetching.take()
            if records:
                return records
        return ()

    def _goes_on(self, claimed: ClaimedBatch, ends_s: float, is_wanted: Callable[[], bool]) -> bool:
        """Whether there is room for one more record, and time."""
        limits = self._limits
        return (
            len(claimed.records) < limits.max_records
            and claimed.size < limits.max_bytes
            and is_wanted()
            and not claimed.is_over
            and _now_s() < ends_s
        )

    def _fits(self, claimed: ClaimedBatch, records: Sequence[Record]) -> bool:
        limits = self._limits
        size, count = claimed.size + size_of(records), len(claimed.records) + len(records)
        return size <= limits.max_bytes and count <= limits.max_records


async def _has_ended(
    fetch: asyncio.Task[Sequence[Record]], claimed: ClaimedBatch, most_s: float
) -> bool:
    """Wait for a fetch while the batch may go on. A failed one counts as none: its next reader learns why."""
    over = asyncio.ensure_future(claimed.until_over())
    try:
        await asyncio.wait([fetch, over], timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()
    return fetch.done() and not fetch.cancelled() and fetch.exception() is None


def _now_s() -> float:
    return asyncio.get_running_loop().time()
