"""What a run takes: CPU time and memory of processes, statements and WAL of Postgres, bytes of Kafka's logs.

Read from the kernel, from pg_stat_statements and from the broker's files: reading costs the run nothing.
"""

from __future__ import annotations

import re
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Final, NamedTuple

import asyncpg
import psutil

from worker.local.services import LocalServices

_COUNTS: Final = """
SELECT
    coalesce(sum(statement.calls), 0)::bigint AS statements,
    (pg_current_wal_insert_lsn() - '0/0')::bigint AS wal_bytes
FROM pg_stat_statements AS statement
JOIN pg_database AS database ON database.oid = statement.dbid
WHERE database.datname = $1
"""
_WRITTEN: Final = (
    "SELECT tup_inserted + tup_updated + tup_deleted FROM pg_stat_database WHERE datname = $1"
)


class MeterReading(NamedTuple):
    """All meters at one moment: seconds, and counts since the servers began."""

    at_s: float
    cpu_s: float
    broker_cpu_s: float
    postgres_cpu_s: float
    statements: int
    wal_bytes: int

    def since(self, before: MeterReading) -> MeterReading:
        return MeterReading._make(now - then for now, then in zip(self, before, strict=True))


class Meters:
    """The meters of the servers and of the processes that are measured."""

    def __init__(
        self, services: LocalServices, connection: asyncpg.Connection, database: str
    ) -> None:
        self._broker = psutil.Process(services.kafka_service.pid)
        self._postgres = psutil.Process(services.postgres_service.pid)
        self._connection = connection
        self._database = database

    async def read(self, processes: Sequence[int]) -> MeterReading:
        counts = await self._connection.fetchrow(_COUNTS, self._database)
        return MeterReading(
            time.perf_counter(),
            sum(cpu_s(psutil.Process(pid)) for pid in processes),
            cpu_s(self._broker),
            cpu_with_children_s(self._postgres),
            *counts,
        )


async def rows_written(services: LocalServices, database: str) -> int:
    """Since the database was made. Its processes tell it when they end: ask when they have."""
    connection = await asyncpg.connect(services.postgres)
    try:
        return int(await connection.fetchval(_WRITTEN, database))
    finally:
        await connection.close()


def peak_mib(pid: int) -> float:
    """The most memory that a process had resident at once."""
    status = Path(f"/proc/{pid}/status").read_text(encoding="ascii", errors="replace")
    peak = re.search(r"VmHWM:\s+(\d+)", status)
    return int(peak[1]) / 1024 if peak else 0.0


def log_bytes(services: LocalServices, topics: Sequence[str]) -> int:
    """What the broker holds of these topics on disk."""
    data = services.folder / "kafka" / "data"
    return sum(log.stat().st_size for topic in topics for log in data.glob(f"{topic}-*/*.log"))


def cpu_s(process: psutil.Process) -> float:
    """Seconds of user and system time so far."""
    times = process.cpu_times()
    return times.user + times.system


def cpu_with_children_s(postmaster: psutil.Process) -> float:
    """Of the server processes that run, and of those that have ended."""
    ended = postmaster.cpu_times()
    running = [_cpu_or_none_s(child) for child in postmaster.children(recursive=True)]
    return cpu_s(postmaster) + ended.children_user + ended.children_system + sum(running)


def _cpu_or_none_s(process: psutil.Process) -> float:
    try:
        return cpu_s(process)
    except psutil.NoSuchProcess:  # it is among those that have ended by now
        return 0.0
