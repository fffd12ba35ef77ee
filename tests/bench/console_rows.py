"""A database as a large installation leaves it: the rows that the pages of the console read.

Everything is written by set-based statements with the triggers off: they allow no audit rows but their own,
and would take most of the time.
"""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final, NamedTuple

import asyncpg

from tests.support.services.long_lists import WITHOUT_TRIGGERS
from worker.domain.books.platforms import Platform
from worker.domain.books.rows import Label
from worker.insight.boards import Board, Sold
from worker.insight.watching.stored import pack, pack_together

EVENTS: Final = 2000
# Markets on an event, about as many as a bookmaker sells.
MARKETS: Final = 200


class Sizes(NamedTuple):
    """How many rows of the large tables."""

    misses: int
    mappings: int
    changes: int


LARGE: Final = Sizes(misses=100_000, mappings=10_000, changes=1_000_000)
SMALL: Final = Sizes(misses=5_000, mappings=1_000, changes=20_000)

_PLATFORM = "(ARRAY['betpawa', 'sportybet', 'bet9ja'])[1 + n % 3]"
_MAPPINGS = """
INSERT INTO user_market_mappings
    (canonical_id, name, betpawa_id, sportybet_id, bet9ja_key, outcome_mapping, is_active, also)
SELECT 'market_' || n, 'Market number ' || n,
    CASE WHEN n % 3 <> 0 THEN 'b' || n END,
    CASE WHEN n % 7 <> 0 THEN 's' || n END,
    CASE WHEN n % 5 <> 0 THEN 'K_' || n END,
    '[{"canonical_id": "over", "betpawa_name": "Over", "sportybet_desc": "Over", "bet9ja_suffix": "O"},
      {"canonical_id": "under", "betpawa_name": "Under", "sportybet_desc": "Under", "bet9ja_suffix": "U"}]',
    n % 20 <> 0,
    CASE WHEN n % 50 = 0 THEN jsonb_build_array(jsonb_build_object(
        'platform', 'sportybet', 'id', 'further' || n,
        'labels', jsonb_build_object('over', 'Over', 'under', 'Under'))) END
FROM generate_series(1, $1::int) AS n
"""
# One in 500 change sets was proposed and approved, and holds 50 changes; the others are direct.
_CHANGE_SETS = """
INSERT INTO change_set (name, reason, state, is_direct, actor, login, created_at, authors,
    revision, proposed_at, proposed_by, decided_at, decided_by, applied_in)
SELECT CASE WHEN n % 500 = 0 THEN 'change set ' || n END, 'because of odds, number ' || n, 'APPROVED',
    n % 500 <> 0, 'editor ' || n % 20, 'console_editor', at.moment, ARRAY['editor ' || n % 20],
    1, at.moment, 'editor ' || n % 20, at.moment, 'approver ' || n % 5, n
FROM generate_series(1, $1::int / 2) AS n,
    LATERAL (SELECT now() - interval '500 days' * (1 - n * 2.0 / $1::int) AS moment) AS at
"""
_CHANGES = """
INSERT INTO mapping_audit_log (mapping_id, canonical_id, action, old_value, new_value, reason, created_by,
    login, change_set_id, created_at)
SELECT mapping.id, mapping.canonical_id, CASE WHEN n <= $2::int THEN 'CREATE' ELSE 'UPDATE' END,
    CASE WHEN n > $2::int THEN to_jsonb(mapping) || jsonb_build_object('priority', n / $2::int) END,
    to_jsonb(mapping) || jsonb_build_object('priority', 1 + n / $2::int),
    'because of odds, number ' || n / 2, 'editor ' || (n / 2) % 20, 'console_editor',
    CASE WHEN n / 2 % 500 < 25 THEN greatest(500, n / 2 / 500 * 500) ELSE greatest(1, n / 2) END,
    now() - interval '500 days' * (1 - n * 1.0 / $1::int)
FROM generate_series(1, $1::int) AS n
JOIN user_market_mappings AS mapping ON mapping.canonical_id = 'market_' || 1 + n % $2::int
ORDER BY n
"""
_WAITING = """
WITH proposed AS (
    INSERT INTO change_set (name, reason, state, actor, login, authors, revision, proposed_at, proposed_by)
    SELECT 'waiting ' || n, 'these markets are one group', 'PROPOSED', 'editor ' || n % 20,
        'console_editor', ARRAY['editor ' || n % 20], 1, now() - n * interval '1 hour', 'editor ' || n % 20
    FROM generate_series(1, 40) AS n
    RETURNING id
)
INSERT INTO change_draft (change_set_id, canonical_id, action, base_version, mapping, actor, login)
SELECT proposed.id, mapping.canonical_id, 'UPDATE', 1,
    jsonb_build_object('canonical_id', mapping.canonical_id, 'name', mapping.name || ' again',
        'sportybet_id', mapping.sportybet_id, 'outcome_mapping', mapping.outcome_mapping),
    'editor 1', 'console_editor'
FROM proposed
JOIN user_market_mappings AS mapping ON mapping.id % 200 = proposed.id % 200 AND mapping.id <= 10000
"""
_MISSES = f"""
INSERT INTO unmapped_market_log (source, external_market_id, market_name, sample_outcomes, first_seen_at,
    last_seen_at, occurrence_count, status, notes, status_actor, status_changed_at, reason,
    mapping_version, mapped_version, announced_at, heat, event_hashes, other_books)
SELECT source, 'unknown ' || n, name, samples, last_seen_at - interval '10 days', last_seen_at, counted,
    status, CASE WHEN status <> 'NEW' THEN 'looked at' END,
    CASE WHEN status <> 'NEW' THEN 'editor ' || n % 20 END, CASE WHEN status <> 'NEW' THEN last_seen_at END,
    CASE WHEN n % 9 = 0 THEN 'NO_MATCHING_OUTCOMES' ELSE 'UNKNOWN_MARKET' END,
    7, CASE WHEN status = 'MAPPED' THEN 8 END, last_seen_at, marketmap_heat_v1(counted, last_seen_at),
    ARRAY(SELECT (n * 31 + hash * 7) % 1000003 FROM generate_series(1, 1 + n % 30) AS hash), n % 3
FROM generate_series(1, $1::int) AS n,
    LATERAL (
        SELECT {_PLATFORM} AS source,
            'Name of a market, group ' || n % ($1::int / 5) AS name,
            1 + (n::bigint * 7919) % 5000 AS counted,
            now() - (n::bigint * 104729 % 2000) * interval '1 minute' AS last_seen_at,
            CASE n % 20 WHEN 0 THEN 'ACKNOWLEDGED' WHEN 1 THEN 'IGNORED' WHEN 2 THEN 'MAPPED'
                WHEN 3 THEN 'MAPPED' ELSE 'NEW' END AS status,
            jsonb_build_array(
                jsonb_build_object('label', 'Over ' || n, 'odds', 1.85, 'qualifier', 'total=2.5'),
                jsonb_build_object('label', 'Under ' || n, 'odds', 1.95, 'qualifier', 'total=2.5')
            ) AS samples
    ) AS made
"""  # noqa: S608  (a constant)
_CASES = """
INSERT INTO miss_case (source, external_market_id, owner, snoozed_until, regressed_at, regressed_from,
    actor, login, reason, changed_at)
SELECT source, external_market_id, status_actor,
    CASE WHEN id % 3 = 0 THEN now() + interval '1 day' END,
    CASE WHEN id % 5 = 0 THEN last_seen_at END, CASE WHEN id % 5 = 0 THEN 7 END,
    status_actor, 'console_editor', 'looked at', last_seen_at
FROM unmapped_market_log WHERE status = 'ACKNOWLEDGED'
"""
_SUGGESTIONS = """
INSERT INTO suggestion (source, external_market_id, rank, market_name, canonical_id, version, line_kind,
    outcomes, unmatched, evidence, events, likeness, confidence, is_confident, reason)
SELECT source, external_market_id, rank, market_name, 'market_' || 1 + (miss.id * rank) % $1::int, 7,
    'total', '{"Over": "over", "Under": "under"}', '[]',
    '{"books": {"cost": 0.02, "events": 12, "prices": 24}}', 12, 0.9, 0.98 / rank,
    rank = 1 AND miss.id % 2 = 0, 'from other bookmakers 0.02 in 24 prices of 12 events'
FROM unmapped_market_log AS miss, generate_series(1, 3) AS rank
WHERE status IN ('NEW', 'ACKNOWLEDGED') AND miss.id % 4 < 2
"""
_PRICES = """
(SELECT jsonb_agg(jsonb_build_object('qualifier', 'total=' || line, 'label', label, 'odds', 1.9))
    FROM generate_series(1, 5) AS line, unnest(ARRAY['Over', 'Under']) AS label)
"""
_OTHERS = """
(SELECT jsonb_agg(jsonb_build_object('platform', platform, 'canonical_id', 'market_7', 'line', line,
        'outcome', outcome, 'odds', 1.88))
    FROM generate_series(1, 5) AS line, unnest(ARRAY['over', 'under']) AS outcome,
        unnest(ARRAY['betpawa', 'bet9ja']) AS platform)
"""
_SAMPLES = f"""
INSERT INTO evidence_sample (subject, source, market, event, home, away, starts_at, seen_at, prices, others)
SELECT 'miss', source, external_market_id, 'event ' || (id + number) % {EVENTS}, 'Home', 'Away',
    now() + interval '3 hours', now(), {_PRICES}, {_OTHERS}
FROM unmapped_market_log, generate_series(1, 5) AS number
WHERE status IN ('NEW', 'ACKNOWLEDGED') AND id % 20 < 4
"""  # noqa: S608  (constants)
_EVIDENCE = """
INSERT INTO mapping_evidence (canonical_id, platform, against, version, events, comparisons, prices, median,
    p90, worst, last_verified_at)
SELECT canonical_id, platform, 'model', 7, 40, 400, 20, 0.02, 0.09,
    '{"event": "event 1", "line": 2.5, "outcome": "over", "chance": 0.5, "reference": 0.49}', now()
FROM user_market_mappings, unnest(ARRAY['betpawa', 'sportybet', 'bet9ja']) AS platform
"""
# An event as the insight process stores it: the boards of three bookmakers, packed.
_EVENTS = f"""
INSERT INTO watched_event (event, home, away, starts_at, seen_at, books, boards)
SELECT 'event ' || n, 'Home ' || n, 'Away ' || n, now() + interval '3 hours', now(), 3, $1
FROM generate_series(0, {EVENTS - 1}) AS n
"""  # noqa: S608  (constants)
_HOURS = """
INSERT INTO shape_hour
    (platform, hour, version, observations, unreadable, markets, recalled, unread, examples, records)
SELECT platform, date_trunc('hour', now()) - n * interval '1 hour', 7 + n / 24, 1000, 0,
    '{"resolved": 98000, "UNKNOWN_MARKET": 2000}', 900, '{}', '{}', 60000
FROM generate_series(0, 7 * 24) AS n, unnest(ARRAY['betpawa', 'sportybet', 'bet9ja']) AS platform
"""
# Each hour's sample has all mappings, which is more than one can have.
_MAPPING_HOURS = """
INSERT INTO mapping_hour (canonical_id, platform, hour, observations)
SELECT canonical_id, platform, date_trunc('hour', now()) - n * interval '1 hour', 1 + id % 20
FROM user_market_mappings, generate_series(0, 23) AS n,
    unnest(ARRAY['betpawa', 'sportybet', 'bet9ja']) AS platform
"""
_MISS_DAYS = """
INSERT INTO miss_day (miss_id, day, occurrences, taken_at)
SELECT id, current_date - days_ago, greatest(1, occurrence_count - 10 * days_ago),
    now() - make_interval(days => days_ago)
FROM unmapped_market_log, generate_series(0, 7) AS days_ago
"""
_ALARMS = """
INSERT INTO alarm (canonical_id, platform, version, kind, present, better, events, canonical_id_instead,
    outcomes_instead, reason, status)
SELECT canonical_id, 'sportybet', 7, 'assignment', 0.9, 0.02, 30, canonical_id,
    '{"Over": "under", "Under": "over"}', 'labels are swapped',
    (ARRAY['OPEN', 'CLOSED', 'CLOSED', 'ACKNOWLEDGED'])[1 + id % 4]
FROM user_market_mappings WHERE id % 10 = 0
"""


def packed_boards() -> bytes:
    """The boards of one event: the markets of the first mappings, at the bookmakers that have them."""
    over: dict[Label, float] = {"Over": 1.9, "Under": 1.92}
    under: dict[Label, float] = {"O": 1.9, "U": 1.9}
    sold: dict[Platform, list[Sold]] = {
        "betpawa": [_sold(f"b{n}", over) for n in range(1, MARKETS) if n % 3],
        "sportybet": [_sold(f"s{n}", over) for n in range(1, MARKETS) if n % 7],
        "bet9ja": [_sold(f"K_{n}", under) for n in range(1, MARKETS) if n % 5],
    }
    now = datetime.now(UTC)
    boards = {one: Board("event", one, None, tuple(rows)) for one, rows in sold.items()}
    return pack_together({one: pack(board, now) for one, board in boards.items()})


def _sold(market_id: str, odds: dict[Label, float]) -> Sold:
    return Sold(market_id, None, None, odds, 0)


async def fill(url: str, sizes: Sizes) -> None:
    """Put these rows into an empty, migrated database."""
    connection = await asyncpg.connect(url, command_timeout=1200)
    try:
        await connection.execute(WITHOUT_TRIGGERS)
        await connection.execute(_MAPPINGS, sizes.mappings)
        await connection.execute(_CHANGE_SETS, sizes.changes)
        await connection.execute(_CHANGES, sizes.changes, sizes.mappings)
        await connection.execute(_MISSES, sizes.misses)
        await connection.execute(_SUGGESTIONS, sizes.mappings)
        for statement in (
            _WAITING,
            _CASES,
            _SAMPLES,
            _EVIDENCE,
            _ALARMS,
            _HOURS,
            _MAPPING_HOURS,
            _MISS_DAYS,
        ):
            await connection.execute(statement)
        await connection.execute(_EVENTS, packed_boards())
        # As autovacuum leaves it: index-only scans need the map of visible pages.
        await connection.execute("VACUUM ANALYZE")
    finally:
        await connection.close()
