"""The polls that make up batches: they are published one by one, and counted together.

Counting takes a transaction in which the rows of about 400 missed markets are written, however many records
the batch has. So a batch does not end with its first poll. It takes in the polls that follow, until

- it is as old as a batch may be, or the next poll would be too much: what is published waits in memory to be
  counted;
- no record has come for a tenth of that time: a wave is over;
- its partitions are being revoked, or the process ends: then nothing more is begun;
- the mappings have changed: one batch sees one version;
- a poll needs a look at the logs (`Assignment.extend`), or somebody waits for the end of the claim.

Meanwhile the batch before it is counted. Both have to fit into the bounds: where there is no room for a poll,
it waits until that batch is counted. While a batch is counted, the poll that begins the next one may come
(`next_first`). A poll that is not taken in is lost for nobody: it stays with the fetch, which hands it over
after the claim.
"""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Sequence
from typing import Any, NamedTuple, Protocol

from worker.ingest.in_turn import InTurn
from worker.ingest.partitions.assignment import Assignment
from worker.ingest.partitions.claim import PartitionClaim
from worker.kafka.record import Record, size_of

_QUIET = 0.1  # of the time of a batch


class FetchingAhead(Protocol):
    def begin(self) -> asyncio.Task[Sequence[Record]]:
        """Start the next fetch, unless it has started; its records are handed over as usual."""

    def fill(self) -> asyncio.Task[Sequence[Record]]:
        """Add what has arrived since to a fetch that has ended a while ago."""

    def take(self) -> None:
        """Whoever calls processes the records of the fetch: they are not handed over."""


class BatchLimits(NamedTuple):
    """How long a batch takes polls in, and how many bytes of values and records are held at most.

    The first poll of a batch may be larger.
    """

    seconds: float
    max_bytes: int
    max_records: int


SINGLE_POLLS = BatchLimits(0, 0, 0)


class Polls:
    """Takes polls into batches. Without `fetching`, there is nothing but the first poll of a claim."""

    def __init__(
        self, assignment: Assignment, fetching: FetchingAhead | None, limits: BatchLimits
    ) -> None:
        self._assignment = assignment
        self._fetching = fetching
        self._limits = limits

    async def of(
        self,
        first: Sequence[Record],
        claimed: PartitionClaim,
        counting: InTurn,
        is_wanted: Callable[[], bool],
    ) -> AsyncIterator[Sequence[Record]]:
        """Yield the first poll of a batch, then each that it takes in while `is_wanted`.

        ``counting`` counts the batch before it.
        """
        fetching = self._fetching
        ends_s = _now_s() + self._limits.seconds
        records = first
        while records:
            if fetching is not None and self._goes_on(claimed, counting, ends_s, is_wanted):
                fetching.begin()  # the next poll comes while this one is planned and published
            yield records
            records = await self._next(claimed, counting, ends_s, is_wanted)

    async def next_first(
        self, claimed: PartitionClaim, counting: InTurn, is_wanted: Callable[[], bool]
    ) -> Sequence[Record]:
        """The poll that begins the next batch, if one comes before this one is counted; else none."""
        fetching = self._fetching
        while (
            fetching is not None
            and (counted := counting.under_way) is not None
            and is_wanted()
            and not claimed.is_wanted_back
        ):
            fetch = _begun(fetching)
            await _first_of([fetch, counted], claimed)
            if not await self._take_in(fetch, fetching, claimed):
                break
            if fetch.result():
                return fetch.result()
        return ()

    async def _next(
        self,
        claimed: PartitionClaim,
        counting: InTurn,
        ends_s: float,
        is_wanted: Callable[[], bool],
    ) -> Sequence[Record]:
        """The next poll of the batch that has records; none if the batch ends."""
        fetching = self._fetching
        quiet_s = self._quiet_s()
        while fetching is not None:
            counted = counting.under_way
            # A wave may be over, but to end the batch would gain nothing while it cannot be counted.
            until_s = ends_s if counted is not None else min(ends_s, quiet_s)
            if not self._goes_on(claimed, counting, until_s, is_wanted):
                break
            fetch = _begun(fetching)
            awaited: list[asyncio.Future[Any]] = [fetch] if counted is None else [fetch, counted]
            await _first_of(awaited, claimed, until_s - _now_s())
            if counted is not None and counted.done() and not fetch.done():
                quiet_s = self._quiet_s()
                continue
            if not _has_ended_well(fetch) or not is_wanted():
                break
            if self._fits(claimed, fetch.result()):
                if not await self._take_in(fetch, fetching, claimed):
                    break
                if fetch.result():
                    return fetch.result()
            elif await _wait_for_room(counting, claimed, ends_s - _now_s()):
                quiet_s = self._quiet_s()
            else:
                break
        return ()

    async def _take_in(
        self,
        fetch: asyncio.Task[Sequence[Record]],
        fetching: FetchingAhead,
        claimed: PartitionClaim,
    ) -> bool:
        """Add the records of a fetch to the claim; false if they are left, to be handed over."""
        if not _has_ended_well(fetch):
            return False
        records = fetch.result()
        if records and not await self._assignment.extend(claimed, records):
            return False
        fetching.take()
        return True

    def _quiet_s(self) -> float:
        """When nothing will have come for so long that a wave is over."""
        return _now_s() + _QUIET * self._limits.seconds

    def _goes_on(
        self,
        claimed: PartitionClaim,
        counting: InTurn,
        ends_s: float,
        is_wanted: Callable[[], bool],
    ) -> bool:
        """Whether there is time, and room for one more record, or soon will be."""
        limits = self._limits
        is_full = claimed.size >= limits.max_bytes or claimed.count >= limits.max_records
        return (
            is_wanted()
            and not claimed.is_wanted_back
            and not (is_full and counting.under_way is None)
            and _now_s() < ends_s
        )

    def _fits(self, claimed: PartitionClaim, records: Sequence[Record]) -> bool:
        limits = self._limits
        size, count = claimed.size + size_of(records), claimed.count + len(records)
        return size <= limits.max_bytes and count <= limits.max_records


def _begun(fetching: FetchingAhead) -> asyncio.Task[Sequence[Record]]:
    fetch = fetching.begin()
    return fetching.fill() if fetch.done() else fetch


def _has_ended_well(fetch: asyncio.Task[Sequence[Record]]) -> bool:
    """A fetch that failed counts as none: its next reader learns why."""
    return fetch.done() and not fetch.cancelled() and fetch.exception() is None


async def _wait_for_room(counting: InTurn, claimed: PartitionClaim, most_s: float) -> bool:
    """Wait until the batch that is counted makes room; false if none is counted, or it takes too long."""
    counted = counting.under_way
    if counted is None:
        return False
    await _first_of([counted], claimed, most_s)
    return counted.done()


async def _first_of(
    futures: Sequence[asyncio.Future[Any]], claimed: PartitionClaim, most_s: float | None = None
) -> None:
    """Wait until one of them has ended, or the claim is over."""
    over = asyncio.ensure_future(claimed.until_over())
    try:
        await asyncio.wait([*futures, over], timeout=most_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        over.cancel()


def _now_s() -> float:
    return asyncio.get_running_loop().time()
