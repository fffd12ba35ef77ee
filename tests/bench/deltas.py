"""A prototype of counting by deltas (ADR 15): what it writes and takes, and no part of the worker.

A batch's misses become one row of `miss_delta`, in the statement that moves the watermarks. A fold takes all
deltas that it sees and adds them to `unmapped_market_log`, in one transaction under an advisory lock.
"""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Any

import asyncpg
from sqlalchemy import text

from worker.storage import watermarks
from worker.storage.engine import driver_url
from worker.storage.ledger import Counted, Ledger, MissRow, _arrays
from worker.storage.watermarks import WatermarkMove
from worker.storage.watermarks_sql import FOUND

FOLD_EVERY_S = 1.0
TABLE = """
CREATE TABLE miss_delta (
    id bigint GENERATED ALWAYS AS IDENTITY PRIMARY KEY,
    counted_at timestamptz NOT NULL DEFAULT now(),
    source text[] NOT NULL,
    external_market_id text[] NOT NULL,
    market_name text[] NOT NULL,
    sample_outcomes text[] NOT NULL,
    reason text[] NOT NULL,
    mapping_version bigint[] NOT NULL,
    first_seen_at timestamptz[] NOT NULL,
    last_seen_at timestamptz[] NOT NULL,
    occurrence_count integer[] NOT NULL,
    event_hashes text[] NOT NULL
)
"""
COLUMNS = ", ".join(MissRow._fields)

COUNT = text(f"""
WITH {FOUND}, delta AS (
    INSERT INTO miss_delta ({COLUMNS})
    SELECT
        CAST(:source AS text[]), CAST(:external_market_id AS text[]), CAST(:market_name AS text[]),
        CAST(:sample_outcomes AS text[]), CAST(:reason AS text[]), CAST(:mapping_version AS bigint[]),
        CAST(:first_seen_at AS timestamptz[]), CAST(:last_seen_at AS timestamptz[]),
        CAST(:occurrence_count AS integer[]), CAST(:event_hashes AS text[])
    WHERE (SELECT as_expected FROM verdict)
)
SELECT topic_id, partition, next_offset, as_expected FROM found
""")  # noqa: S608  (constants)

LOCK = text("SELECT pg_advisory_xact_lock(hashtextextended('marketmap.fold', 0))")

# Sums and extremes commute. What depends on the order is taken by window: the newest sighting, and the
# highest rate at any delta, with the heat that had come together by then.
FOLD = text("""
WITH taken AS (
    DELETE FROM miss_delta RETURNING *
), sighting AS MATERIALIZED (
    SELECT taken.id AS delta, miss.*,
        marketmap_heat_v1(miss.occurrence_count, least(miss.last_seen_at, taken.counted_at)) AS heat
    FROM taken, unnest(
        source, external_market_id, market_name, sample_outcomes, reason, mapping_version, first_seen_at,
        last_seen_at, occurrence_count, event_hashes
    ) AS miss (
        source, external_market_id, market_name, sample_outcomes, reason, mapping_version, first_seen_at,
        last_seen_at, occurrence_count, event_hashes
    )
), newest AS (
    SELECT DISTINCT ON (source, external_market_id)
        source, external_market_id, sample_outcomes, reason, mapping_version
    FROM sighting
    ORDER BY source, external_market_id, last_seen_at DESC, delta DESC
), named AS (
    SELECT DISTINCT ON (source, external_market_id) source, external_market_id, market_name
    FROM sighting
    WHERE market_name IS NOT NULL
    ORDER BY source, external_market_id, last_seen_at DESC, delta DESC
), summed AS (
    SELECT source, external_market_id,
        CAST(sum(occurrence_count) AS integer) AS occurrence_count,
        min(first_seen_at) AS first_seen_at,
        max(last_seen_at) AS last_seen_at,
        max(mapping_version) AS latest_version,
        max(heat) + ln(sum(exp(heat - base))) AS heat
    FROM (
        SELECT *, max(heat) OVER (PARTITION BY source, external_market_id) AS base FROM sighting
    ) AS based
    GROUP BY source, external_market_id
), hashed AS (
    SELECT source, external_market_id, array_agg(DISTINCT hash ORDER BY hash) AS event_hashes
    FROM sighting, unnest(CAST(sighting.event_hashes AS integer[])) AS hash
    GROUP BY source, external_market_id
), added AS (
    INSERT INTO unmapped_market_log AS known (
        id, source, external_market_id, market_name, sample_outcomes, reason, mapping_version,
        first_seen_at, last_seen_at, occurrence_count, event_hashes, heat
    )
    SELECT
        coalesce(existing.id, nextval(pg_get_serial_sequence('unmapped_market_log', 'id'))),
        source, external_market_id, named.market_name, CAST(newest.sample_outcomes AS jsonb), newest.reason,
        newest.mapping_version, summed.first_seen_at, summed.last_seen_at, summed.occurrence_count,
        coalesce(hashed.event_hashes[1:32], '{}'), summed.heat
    FROM summed
    JOIN newest USING (source, external_market_id)
    LEFT JOIN named USING (source, external_market_id)
    LEFT JOIN hashed USING (source, external_market_id)
    LEFT JOIN unmapped_market_log AS existing USING (source, external_market_id)
    ORDER BY source COLLATE "C", external_market_id COLLATE "C"
    ON CONFLICT ON CONSTRAINT uq_unmapped_source_market DO UPDATE SET
        occurrence_count = known.occurrence_count + excluded.occurrence_count,
        first_seen_at = least(known.first_seen_at, excluded.first_seen_at),
        last_seen_at = greatest(known.last_seen_at, excluded.last_seen_at),
        market_name = CASE
            WHEN excluded.last_seen_at >= known.last_seen_at
            THEN coalesce(excluded.market_name, known.market_name)
            ELSE coalesce(known.market_name, excluded.market_name)
        END,
        sample_outcomes = CASE
            WHEN excluded.last_seen_at >= known.last_seen_at THEN excluded.sample_outcomes
            ELSE known.sample_outcomes
        END,
        reason = CASE
            WHEN excluded.last_seen_at >= known.last_seen_at THEN excluded.reason ELSE known.reason
        END,
        mapping_version = CASE
            WHEN excluded.last_seen_at >= known.last_seen_at THEN excluded.mapping_version
            ELSE known.mapping_version
        END,
        event_hashes = CASE
            WHEN excluded.event_hashes <@ known.event_hashes THEN known.event_hashes
            ELSE marketmap_add_events_v1(known.event_hashes, excluded.event_hashes)
        END,
        heat = marketmap_add_heat_v1(
            coalesce(known.heat, marketmap_heat_v1(known.occurrence_count, known.last_seen_at)), excluded.heat
        )
    RETURNING xmax = 0 AS is_first_sighting
)
SELECT count(*) FILTER (WHERE is_first_sighting) FROM added
""")


async def install(url: str) -> None:
    connection = await asyncpg.connect(driver_url(url))
    try:
        await connection.execute(TABLE)
    finally:
        await connection.close()


class DeltaLedger(Ledger):
    """Counts by deltas, and folds them when a second is over; a worker would fold on its own."""

    def __init__(self, *arguments: Any, **options: Any) -> None:
        super().__init__(*arguments, **options)
        self._folded_s = time.monotonic()
        self.folds: list[float] = []

    async def commit(self, moves: Sequence[WatermarkMove], misses: Sequence[MissRow]) -> Counted:
        async with self._at_once.connect() as connection:
            parameters = watermarks.arrays(self._group, moves) | _arrays(misses)
            found = (await connection.execute(COUNT, parameters)).all()
        watermarks.require_as_expected(moves, found)
        if time.monotonic() - self._folded_s > FOLD_EVERY_S:
            await self.fold()
        return Counted(0)

    async def fold(self) -> int:
        since = self._folded_s = time.monotonic()
        async with self._engine.begin() as connection:
            await connection.execute(LOCK)
            first_sightings = int(await connection.scalar(FOLD) or 0)
        self.folds.append(time.monotonic() - since)
        return first_sightings
