"""Many workers that count the same misses: how long they wait for each other's rows."""

from __future__ import annotations

import asyncio
import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from typing import Final, NamedTuple

from worker.bench.ground import Ground, Published
from worker.storage.engine import create_engine
from worker.storage.errors import StorageUnavailable
from worker.storage.ledger import Ledger, MissRow, Partition, WatermarkMove

_WAITED: Final = re.compile(r"acquired \w+ on .* after ([\d.]+) ms")
# Waits that are shorter than this are not in the server's log.
_SHORTEST_MS: Final = 1
_TOPIC_ID: Final = "bench-contention-00000"


class Contention(NamedTuple):
    """Of so many transactions; ``waits_ms`` are those of at least 1 ms, ascending."""

    workers: int
    rows: int
    transactions: int
    waits_ms: Sequence[float]
    deadlocks: int

    @property
    def p99_ms(self) -> float:
        """Over the waits that are told of, not over all transactions: the harder reading."""
        return self.waits_ms[int(0.99 * (len(self.waits_ms) - 1))] if self.waits_ms else 0.0


async def contend(
    ground: Ground, published: Published, keys: Iterable[tuple[str, str]], *, workers: int, times: int
) -> Contention:
    """So many workers, each counting these markets in one transaction after the other."""
    rows = [_miss(*key) for key in keys]
    async with ground.place(published) as place:
        for setting in (f"deadlock_timeout = '{_SHORTEST_MS}ms'", "log_lock_waits = on"):
            await ground.administer(f"ALTER DATABASE {place.database} SET {setting}")
        url = place.settings.database_url or ""
        deadlocks = await asyncio.gather(*(_count(url, each, rows, times) for each in range(workers)))
        log = ground.services.postgres_service.log.read_text(encoding="utf-8", errors="replace")
        lines = [line for line in log.splitlines() if f"@{place.database} " in line]
    waits = sorted(float(found[1]) for line in lines if (found := _WAITED.search(line)))
    return Contention(workers, len(rows), workers * times, waits, sum(deadlocks))


async def _count(url: str, number: int, rows: Sequence[MissRow], times: int) -> int:
    """Count with an engine and a partition of its own; how often that ended in a deadlock."""
    engine = create_engine(url)
    ledger, partition = Ledger(engine, "bench"), Partition(_TOPIC_ID, "bench", number)
    deadlocks = 0
    try:
        offset = (await ledger.open_partitions([partition]))[_TOPIC_ID, number]
        for _ in range(times):
            try:
                await ledger.commit([WatermarkMove(*partition, offset, offset + 1)], rows)
            except StorageUnavailable as error:
                if error.sqlstate != "40P01":
                    raise
                deadlocks += 1
            else:
                offset += 1
    finally:
        await engine.dispose()
    return deadlocks


def _miss(source: str, external_market_id: str) -> MissRow:
    now = datetime.now(UTC)
    return MissRow(source, external_market_id, None, "[]", "UNKNOWN_MARKET", 1, now, now, 1, (1, 2, 3))
