"""The contract with other services: revision 0001 as they know it, spelled out a second time on purpose."""

from collections.abc import AsyncIterator

import asyncpg
import pytest

from worker.storage.migrate import upgrade

COLUMNS = {
    "user_market_mappings": """
        id integer not null default nextval('user_market_mappings_id_seq'::regclass)
        canonical_id       character varying(100)   not null
        name               character varying(255)   not null
        betpawa_id         character varying(50)
        sportybet_id       character varying(50)
        bet9ja_key         character varying(50)
        outcome_mapping    jsonb                    not null
        priority           integer                  not null default 0
        is_active          boolean                  not null default true
        created_at         timestamp with time zone not null default now()
        updated_at         timestamp with time zone not null default now()
        created_by         character varying(100)
    """,
    "mapping_audit_log": """
        id integer not null default nextval('mapping_audit_log_id_seq'::regclass)
        mapping_id         integer
        canonical_id       character varying(100)   not null
        action             character varying(20)    not null
        old_value          jsonb
        new_value          jsonb
        reason             text
        created_at         timestamp with time zone not null default now()
        created_by         character varying(100)
    """,
    "unmapped_market_log": """
        id integer not null default nextval('unmapped_market_log_id_seq'::regclass)
        source             character varying(20)    not null
        external_market_id character varying(100)   not null
        market_name        character varying(255)
        sample_outcomes    jsonb
        first_seen_at      timestamp with time zone not null default now()
        last_seen_at       timestamp with time zone not null default now()
        occurrence_count   integer                  not null default 1
        status             character varying(20)    not null default 'NEW'::character varying
        notes              text
    """,
}

CONSTRAINTS = {
    "user_market_mappings": {
        "user_market_mappings_pkey": "PRIMARY KEY (id)",
        "uq_user_market_mappings_canonical_id": "UNIQUE (canonical_id)",
    },
    "mapping_audit_log": {
        "mapping_audit_log_pkey": "PRIMARY KEY (id)",
        "mapping_audit_log_mapping_id_fkey": (
            "FOREIGN KEY (mapping_id) REFERENCES user_market_mappings(id) ON DELETE SET NULL"
        ),
    },
    "unmapped_market_log": {
        "unmapped_market_log_pkey": "PRIMARY KEY (id)",
        "uq_unmapped_source_market": "UNIQUE (source, external_market_id)",
    },
}

INDEXES = {
    "user_market_mappings": {
        "idx_user_mappings_active": "(is_active) WHERE is_active",
        "idx_user_mappings_betpawa": "(betpawa_id) WHERE (betpawa_id IS NOT NULL)",
        "idx_user_mappings_sportybet": "(sportybet_id) WHERE (sportybet_id IS NOT NULL)",
        "idx_user_mappings_bet9ja": "(bet9ja_key) WHERE (bet9ja_key IS NOT NULL)",
    },
    "mapping_audit_log": {
        "idx_audit_log_mapping": "(mapping_id)",
        "idx_audit_log_canonical": "(canonical_id)",
        "idx_audit_log_action": "(action)",
        "idx_audit_log_created": "(created_at DESC)",
    },
    "unmapped_market_log": {
        "idx_unmapped_source": "(source)",
        "idx_unmapped_status": "(status)",
        "idx_unmapped_occurrences": "(occurrence_count DESC)",
        "idx_unmapped_last_seen": "(last_seen_at DESC)",
    },
}

READ_COLUMNS = """
    SELECT concat_ws(' ', attname, format_type(atttypid, atttypmod), CASE WHEN attnotnull THEN 'not null' END,
        'default ' || pg_get_expr(adbin, adrelid))
    FROM pg_attribute LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE attrelid = $1::text::regclass AND attnum > 0 AND NOT attisdropped
    ORDER BY attnum
"""
READ_CONSTRAINTS = """
    SELECT conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE conrelid = $1::text::regclass AND contype <> 'n'
"""
READ_INDEXES = """
    SELECT indexrelid::regclass::text, split_part(pg_get_indexdef(indexrelid), ' USING btree ', 2)
    FROM pg_index WHERE indrelid = $1::text::regclass AND NOT indisunique
"""


@pytest.fixture
async def seed(database: str) -> AsyncIterator[asyncpg.Connection]:
    await upgrade(database, "0001")
    connection = await asyncpg.connect(database)
    yield connection
    await connection.close()


async def test_the_seed_has_exactly_these_columns(seed: asyncpg.Connection) -> None:
    for table, columns in COLUMNS.items():
        expected = [" ".join(line.split()) for line in columns.strip().splitlines()]
        assert [row[0] for row in await seed.fetch(READ_COLUMNS, table)] == expected


async def test_the_seed_has_exactly_these_constraints(seed: asyncpg.Connection) -> None:
    assert {
        table: dict(await seed.fetch(READ_CONSTRAINTS, table)) for table in CONSTRAINTS
    } == CONSTRAINTS


async def test_the_seed_has_exactly_these_indexes(seed: asyncpg.Connection) -> None:
    assert {table: dict(await seed.fetch(READ_INDEXES, table)) for table in INDEXES} == INDEXES


async def test_deleting_a_mapping_keeps_its_history(seed: asyncpg.Connection) -> None:
    mapping_id = await seed.fetchval(
        "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) "
        """VALUES ('over_under_ft', 'Over/Under', '[{"canonical_id": "over"}]') RETURNING id"""
    )
    await seed.execute(
        "INSERT INTO mapping_audit_log (mapping_id, canonical_id, action)"
        " VALUES ($1, 'over_under_ft', 'CREATE')",
        mapping_id,
    )
    await seed.execute("DELETE FROM user_market_mappings WHERE id = $1", mapping_id)
    history = await seed.fetch(
        "SELECT mapping_id, canonical_id FROM mapping_audit_log WHERE action = 'CREATE'"
    )
    assert [tuple(row) for row in history] == [(None, "over_under_ft")]


IMPOSSIBLE = {
    "a mapping without outcomes": """
        INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping)
        VALUES ('a', 'A', '[]')""",
    "outcomes that are no list": """
        INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping)
        VALUES ('a', 'A', '{"over": 1}')""",
    "a blank canonical id": """
        INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES (' ', 'A', '[1]')""",
    "a line rule that is JSON null": """
        INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping, line_rule)
        VALUES ('a', 'A', '[1]', 'null')""",
    "a status nobody knows": """
        INSERT INTO unmapped_market_log (source, external_market_id, status) VALUES ('a', 'b', 'DONE')""",
    "a miss that never occurred": """
        INSERT INTO unmapped_market_log (source, external_market_id, occurrence_count)
        VALUES ('a', 'b', 0)""",
    "a miss last seen before it was first seen": """
        INSERT INTO unmapped_market_log (source, external_market_id, first_seen_at, last_seen_at)
        VALUES ('a', 'b', '2026-01-02', '2026-01-01')""",
    "a watermark below zero": """
        INSERT INTO ingest_watermark (consumer_group, topic_id, partition, topic, next_offset)
        VALUES ('g', 'c29tZS10b3BpYy1pZF8tMQ', 0, 't', -1)""",
    "a topic id that Kafka would not print": """
        INSERT INTO ingest_watermark (consumer_group, topic_id, partition, topic, next_offset)
        VALUES ('g', 'observations.betpawa', 0, 't', 0)""",
}


async def test_impossible_rows_are_refused(migrated: str) -> None:
    connection = await asyncpg.connect(migrated)
    for statement in IMPOSSIBLE.values():
        with pytest.raises(asyncpg.CheckViolationError):
            await connection.execute(statement)
    await connection.close()


async def test_a_draft_without_any_platform_id_is_a_legal_mapping(migrated: str) -> None:
    connection = await asyncpg.connect(migrated)
    await connection.execute(
        "INSERT INTO user_market_mappings (canonical_id, name, outcome_mapping) VALUES ('a', 'A', '[{}]')"
    )
    await connection.close()
