"""Lists of many rows, and how much memory a command takes that prints them."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Mapping, Sequence
from typing import NamedTuple

import asyncpg

# The triggers of the audit log allow no rows but their own, and would take most of the time.
WITHOUT_TRIGGERS = "SET session_replication_role = replica"
MISSES = """
INSERT INTO unmapped_market_log (
    source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at, occurrence_count,
    reason, mapping_version, announced_at
)
SELECT 'sportybet', 'market ' || n, 'Name of market ' || n,
    jsonb_build_array(
        jsonb_build_object('label', 'Over ' || n, 'odds', 1.85, 'qualifier', 'total=2.5'),
        jsonb_build_object('label', 'Under ' || n, 'odds', 1.95, 'qualifier', 'total=2.5')
    ),
    now() - interval '1 day', now(), 1 + n % 1000, 'UNKNOWN_MARKET', 7, now()
FROM generate_series(1, $1::int) AS n
"""
CHANGES = """
INSERT INTO mapping_audit_log (canonical_id, action, old_value, new_value, reason, created_by)
SELECT 'market_' || n % 100, 'UPDATE', jsonb_build_object('name', 'Before', 'priority', n),
    jsonb_build_object('name', 'After', 'priority', n + 1), 'because', 'ada'
FROM generate_series(1, $1::int) AS n
"""
REPLAYS = """
INSERT INTO replay_run (
    id, consumer_group, ranges, filters, mapping_version, actor, reason, state, created_at, finished_at
)
SELECT 'run-' || n, 'group', '[{"topic": "t", "partition": 0, "first": 1, "end": 9}]', '{}', 1, 'ada',
    'because', 'DONE', now() - n * interval '1 second', now()
FROM generate_series(1, $1::int) AS n
"""
MAPPINGS = """
INSERT INTO user_market_mappings (canonical_id, name, sportybet_id, outcome_mapping)
SELECT 'many_' || n, 'Name ' || n, 's' || n, '[{"canonical_id": "over", "sportybet_desc": "Over"}]'
FROM generate_series(1, $1::int) AS n
"""
LISTS = (
    ("unmapped", "list"),
    ("mappings", "list"),
    ("mappings", "history"),
    ("replay", "list"),
)
_CHUNK = 1 << 20


class Printed(NamedTuple):
    """What a command printed, and the most memory that it had resident."""

    lines: int
    bytes: int
    peak_bytes: int
    seconds: float
    exit_code: int


async def fill(url: str, rows: int) -> None:
    """Put this number of rows into each table that a command lists."""
    connection = await asyncpg.connect(url)
    try:
        await connection.execute(WITHOUT_TRIGGERS)
        for statement in (MISSES, CHANGES, REPLAYS, MAPPINGS):
            await connection.execute(statement, rows, timeout=600)
        await connection.execute("ANALYZE")
    finally:
        await connection.close()


def printed(arguments: Sequence[str], environment: Mapping[str, str]) -> Printed:
    """Run a command and read all that it prints; none of it is kept."""
    inherited = {name: v for name, v in os.environ.items() if not name.startswith("MARKETMAP_")}
    began = os.times().elapsed
    lines = size = 0
    with subprocess.Popen(
        [sys.executable, "-m", "worker.cli", *arguments],
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        env=inherited | dict(environment),
    ) as process:
        assert process.stdout is not None
        while chunk := process.stdout.read(_CHUNK):
            lines += chunk.count(b"\n")
            size += len(chunk)
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
    seconds = os.times().elapsed - began
    return Printed(lines, size, usage.ru_maxrss * 1024, seconds, process.returncode)
