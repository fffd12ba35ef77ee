"""Many workers that count the same misses: how long they wait for each other's rows."""

from __future__ import annotations

import asyncio
import random
import re
import time
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from worker.lab.bench.ground import Ground, Published
from worker.storage.engine import opened
from worker.storage.errors import StorageUnavailable
from worker.storage.ledger import Ledger, MissRow
from worker.storage.watermarks import WatermarkKey, WatermarkMove

_WAITED: Final = re.compile(r"acquired \w+ on .* after ([\d.]+) ms")
# Waits that are shorter than this are not in the server's log.
_SHORTEST_MS: Final = 1
_TOPIC_ID: Final = "bench-contention-00000"


class Contention(NamedTuple):
    """Transactions, each as long as its worker waited for it: ``transactions_ms``, ascending.

    ``waits_ms`` are the waits for locks of at least 1 ms, ascending; a transaction may wait more than once.
    ``pause_ms`` is what a worker does something else for between two transactions, None for nothing.
    """

    workers: int
    rows: int
    pause_ms: tuple[int, int] | None
    transactions_ms: Sequence[float]
    waits_ms: Sequence[float]
    deadlocks: int

    @property
    def p99_wait_ms(self) -> float:
        """Of the reported waits only: the harder reading."""
        return _p99(self.waits_ms)

    @property
    def p99_wait_of_all_ms(self) -> float:
        """Over all transactions: those that did not wait waited 0 ms."""
        none = max(0, len(self.transactions_ms) - len(self.waits_ms))
        return _p99([0.0] * none + list(self.waits_ms))

    @property
    def p99_ms(self) -> float:
        """Of the transactions themselves."""
        return _p99(self.transactions_ms)


class _Counted(NamedTuple):
    times_ms: list[float]
    deadlocks: int


async def contend(
    ground: Ground,
    published: Published,
    keys: Iterable[tuple[str, str]],
    *,
    workers: int,
    times: int,
    pause_ms: tuple[int, int] | None = None,
) -> Contention:
    """So many workers, each counting these markets in one transaction after the other, with this pause."""
    rows = [_miss(*key) for key in keys]
    async with ground.place(published) as place:
        for setting in (f"deadlock_timeout = '{_SHORTEST_MS}ms'", "log_lock_waits = on"):
            await ground.administer(f"ALTER DATABASE {place.database} SET {setting}")
        url = place.settings.database_url
        counts = await asyncio.gather(
            *(_count(url, each, rows, times, pause_ms) for each in range(workers))
        )
        log = ground.services.postgres_service.log.read_text(encoding="utf-8", errors="replace")
        lines = [line for line in log.splitlines() if f"@{place.database} " in line]
    waits = sorted(float(found[1]) for line in lines if (found := _WAITED.search(line)))
    taken = sorted(ms for count in counts for ms in count.times_ms)
    return Contention(
        workers, len(rows), pause_ms, taken, waits, sum(count.deadlocks for count in counts)
    )


async def _count(
    url: str, number: int, rows: Sequence[MissRow], times: int, pause_ms: tuple[int, int] | None
) -> _Counted:
    """Count with an engine and a partition of its own."""
    dice = random.Random(number)  # noqa: S311  (no secret)
    partition = WatermarkKey(_TOPIC_ID, "bench", number)
    counted = _Counted([], 0)
    async with opened(url) as engine:
        ledger = Ledger(engine, "bench")
        offset = (await ledger.open_partitions([partition]))[_TOPIC_ID, number]
        for _ in range(times):
            if pause_ms:
                await asyncio.sleep(dice.uniform(*pause_ms) / 1000)
            begun = time.perf_counter()
            if await _committed(ledger, [WatermarkMove(*partition, offset, offset + 1)], rows):
                offset += 1
            else:
                counted = counted._replace(deadlocks=counted.deadlocks + 1)
            counted.times_ms.append((time.perf_counter() - begun) * 1000)
    return counted


async def _committed(
    ledger: Ledger, moves: Sequence[WatermarkMove], rows: Sequence[MissRow]
) -> bool:
    """False if it ended in a deadlock."""
    try:
        await ledger.commit(moves, rows)
    except StorageUnavailable as error:
        if error.sqlstate != "40P01":
            raise
        return False
    return True


def _p99(ascending: Sequence[float]) -> float:
    return ascending[int(0.99 * (len(ascending) - 1))] if ascending else 0.0


def _miss(source: str, external_market_id: str) -> MissRow:
    now = datetime.now(UTC)
    return MissRow(
        source, external_market_id, None, "[]", "UNKNOWN_MARKET", 1, now, now, 1, (1, 2, 3)
    )
