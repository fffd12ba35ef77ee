"""Each index is used by the query it is there for, on tables of a size where that matters."""

import json
import re
from collections.abc import Callable
from typing import Any

import pytest
from sqlalchemy import TextClause, TextualSelect, text
from sqlalchemy.ext.asyncio import AsyncEngine

from tests.support.plans import read_rows
from worker.domain.books.registry import ID_COLUMNS
from worker.storage import audit_sql, ledger_sql, mappings_sql, misses_sql, replays_sql
from worker.storage.changes import drafts_sql, sets_sql
from worker.storage.mappings_sql import READ_INDEX
from worker.storage.tables import sells_further

Rows = Callable[..., Any]

# Of a small table the planner rightly reads all.
READ_WHOLE = re.compile(r"Seq Scan on (\w+)")
LARGE = {"user_market_mappings", "mapping_audit_log", "unmapped_market_log"}

FILL = """
INSERT INTO user_market_mappings (
    canonical_id, name, betpawa_id, sportybet_id, bet9ja_key, outcome_mapping, is_active
)
SELECT 'market ' || i, 'Market', 'b' || nullif(i % 20, 0) * i, 's' || nullif(i % 20, 0) * i,
    'k' || nullif(i % 20, 0) * i, '[{"canonical_id": "over"}]', i % 100 = 0
FROM generate_series(1, 20000) AS i;

UPDATE user_market_mappings
SET also = jsonb_build_array(
    jsonb_build_object('platform', 'sportybet', 'id', 'x' || id),
    jsonb_build_object('platform', 'betpawa', 'id', 'x' || id),
    jsonb_build_object('platform', 'bet9ja', 'id', 'x' || id)
)
WHERE id % 40 = 0;

INSERT INTO mapping_audit_log (mapping_id, canonical_id, action, created_at)
SELECT id, canonical_id, CASE WHEN id % 500 = 0 THEN 'DELETE' ELSE 'CREATE' END,
    now() - id * interval '1 minute'
FROM user_market_mappings;

INSERT INTO unmapped_market_log (
    source, external_market_id, occurrence_count, first_seen_at, last_seen_at, status, announced_at
)
SELECT CASE WHEN i % 500 = 0 THEN 'betpawa' ELSE 'bet9ja' END, 'market ' || i, 1 + i * 7919 % 20011,
    '2026-01-01', timestamptz '2026-01-01' + i * 7919 % 20011 * interval '1 minute',
    CASE WHEN i % 500 = 0 THEN 'ACKNOWLEDGED' ELSE 'NEW' END,
    CASE WHEN i % 500 <> 0 THEN now() END
FROM generate_series(1, 20000) AS i;

INSERT INTO replay_run (
    id, consumer_group, ranges, filters, mapping_version, actor, reason, state, created_at, finished_at
)
SELECT 'run' || i, 'group', '[1]', '{}', 1, 'ada', 'a test', 'DONE', now() - i * interval '1 minute', now()
FROM generate_series(1, 20000) AS i;

INSERT INTO change_set (name, reason, state, reverts, applied_in, decided_at)
SELECT 'set ' || i, 'a test', state, CASE WHEN i % 500 = 1 THEN 1 END,
    CASE state WHEN 'APPROVED' THEN i END, now()
FROM generate_series(1, 20000) AS i
CROSS JOIN LATERAL (
    SELECT CASE WHEN i <= 10000 THEN 'DRAFT' WHEN i % 500 = 0 THEN 'PROPOSED' ELSE 'APPROVED' END
) AS chosen (state);

INSERT INTO change_draft (change_set_id, canonical_id, action, base_version, misses)
SELECT id, 'market ' || id, 'DELETE', 1, jsonb_build_array(jsonb_build_array('bet9ja', 'market ' || id))
FROM change_set WHERE state = 'DRAFT';

INSERT INTO change_comment (change_set_id, comment) SELECT id, 'why?' FROM change_set;

ALTER TABLE change_effect DISABLE TRIGGER marketmap_change_effect;

INSERT INTO change_effect (change_set_id, created_at)
SELECT id, now() - id * interval '1 minute' FROM change_set;

ALTER TABLE change_effect ENABLE TRIGGER marketmap_change_effect;

INSERT INTO miss_case (source, external_market_id, owner, regressed_at)
SELECT 'bet9ja', 'market ' || i, CASE WHEN i % 500 = 0 THEN 'ann' END, CASE WHEN i % 50 = 0 THEN now() END
FROM generate_series(1, 20000) AS i;

INSERT INTO suggestion (source, external_market_id, rank, canonical_id, version, line_kind, outcomes,
    unmatched, evidence, events, likeness, confidence, is_confident, reason)
SELECT 'bet9ja', 'market ' || i, 1, 'market ' || i, 1, 'none', '{}', '[]', '{}', 1, 0.5, 1.0 / i, i % 2 = 0,
    'prices'
FROM generate_series(1, 20000) AS i;
"""

QUERIES = {
    "idx_user_mappings_active": str(READ_INDEX.element),
    **{
        f"idx_user_mappings_{platform}": mappings_sql.list_of(
            mappings_sql.IS_ACTIVE[True], claims.replace(":market_id", "'b401'")
        ).text
        for platform, claims in mappings_sql.CLAIMS_ON.items()
    },
    **{
        f"idx_user_mappings_{platform}_name": f"""
            SELECT * FROM user_market_mappings
            WHERE marketmap_market_name_v1(name) = 'corners' AND {column} IS NOT NULL
            ORDER BY priority LIMIT 1
        """  # noqa: S608  (constants)
        for platform, column in ID_COLUMNS.items()
    },
    "idx_user_mappings_also": mappings_sql.list_of(
        mappings_sql.CLAIMS_ON["sportybet"].replace(":market_id", "'x2000'")
    ).text,
    **{
        f"idx_user_mappings_{platform}_also_name": f"""
            SELECT * FROM user_market_mappings
            WHERE marketmap_market_name_v1(name) = 'corners' AND {sells_further(platform, "also")}
            ORDER BY priority LIMIT 1
        """  # noqa: S608  (constants)
        for platform in ID_COLUMNS
    },
    "uq_user_market_mappings_canonical_id": "SELECT * FROM user_market_mappings WHERE canonical_id = 'a'",
    "idx_audit_log_mapping": "SELECT * FROM mapping_audit_log WHERE mapping_id = 7",
    # The next one begins with the same column, and either may be taken: this one is of the shared contract.
    "idx_audit_log_canonical": "SELECT * FROM mapping_audit_log WHERE canonical_id = 'market 7'",
    "idx_audit_log_action": "SELECT * FROM mapping_audit_log WHERE action = 'DELETE'",
    "idx_audit_log_created": "SELECT * FROM mapping_audit_log ORDER BY created_at DESC LIMIT 20",
    "idx_unmapped_source": "SELECT * FROM unmapped_market_log WHERE source = 'betpawa'",
    "idx_unmapped_status": "SELECT * FROM unmapped_market_log WHERE status = 'ACKNOWLEDGED'",
    "idx_unmapped_priority": f"{misses_sql.READ} ORDER BY {misses_sql.ORDERS['priority']} LIMIT 50",
    "idx_unmapped_name": """
        SELECT * FROM unmapped_market_log WHERE marketmap_market_name_v1(market_name) = 'corners'
    """,
    "idx_unmapped_market": """
        SELECT * FROM unmapped_market_log
        WHERE source = 'bet9ja' AND split_part(external_market_id, '?', 1) = 'market 7'
            AND strpos(external_market_id, '?') > 0
    """,
    "idx_replay_run_created": str(replays_sql.READ_NEWEST).replace(":limit", "20"),
    "idx_audit_log_change_set": str(sets_sql.VERSIONS).replace(":id", "7").replace(":limit", "200"),
    "idx_audit_log_canonical_version": """
        SELECT max(id) FROM mapping_audit_log WHERE canonical_id = 'market 7'
    """,
    "idx_suggestion_surest": """
        SELECT * FROM suggestion WHERE rank = 1
        ORDER BY is_confident DESC, confidence DESC, source, external_market_id LIMIT 8
    """,
    **{
        f"idx_change_set_{person}": sets_sql.list_of([sets_sql.PERSON])
        .text.replace(":person", "'ada'")
        .replace(":limit", "50")
        for person in ("actor", "proposed_by", "decided_by")
    },
    "idx_change_set_text": sets_sql.list_by_keys([sets_sql.CONTAINING])
    .text.replace(":containing", "'set 4242'")
    .replace(":limit", "50"),
    "idx_change_set_state": "SELECT * FROM change_set WHERE state = 'PROPOSED' ORDER BY id DESC LIMIT 20",
    "idx_change_set_applied_in": "SELECT * FROM change_set WHERE applied_in = 19000 AND decided_at = now()",
    "idx_change_set_reverts": "SELECT max(id) FROM change_set WHERE reverts = 7 AND applied_in IS NOT NULL",
    "idx_change_draft_canonical": "SELECT * FROM change_draft WHERE canonical_id = 'market 7'",
    "idx_change_draft_misses": str(drafts_sql.FOR_MISS)
    .replace(":market", """'[["bet9ja", "market 7"]]'""")
    .replace(":states", "'{DRAFT}'"),
    "idx_change_comment_set": str(sets_sql.COMMENTS).replace(":id", "7"),
    "idx_change_effect_created": "SELECT * FROM change_effect ORDER BY created_at DESC LIMIT 20",
    "idx_miss_case_owner": "SELECT * FROM miss_case WHERE owner = 'ann'",
    "idx_miss_case_regressed": """
        SELECT * FROM miss_case WHERE regressed_at IS NOT NULL ORDER BY regressed_at DESC LIMIT 20
    """,
    "idx_unmapped_unannounced": ledger_sql.READ_UNANNOUNCED.text.replace(":limit", "100"),
}


@pytest.fixture
async def filled(engine: AsyncEngine) -> AsyncEngine:
    async with engine.begin() as connection:
        for statement in FILL.split(";\n"):
            if statement.strip():
                await connection.execute(text(statement))
        await connection.execute(text("ANALYZE"))
    return engine


async def plan(engine: AsyncEngine, query: str, **parameters: object) -> str:
    async with engine.begin() as connection:
        lines = await connection.scalars(text(f"EXPLAIN (COSTS OFF) {query}"), parameters)
        return "\n".join(lines)


async def test_each_index_serves_its_query(filled: AsyncEngine) -> None:
    plans = {index: await plan(filled, query) for index, query in QUERIES.items()}
    unused = {index: found for index, found in plans.items() if index not in found}
    assert not unused, "\n".join(unused.values())


ASKED = {"sources": ["bet9ja", "bet9ja"], "external_market_ids": ["market 7", "market 8"]}
CLAIMED = {"market_id": "s401"}
NAMED = {"canonical_id": "market 7"}
SETTLED = ASKED | {
    "are_covered": [True, False],
    "are_wanted": [False, False],
    "version": 3,
}

# What runs at each edit and at each batch of the relay, and the indexes it goes by.
AT_EACH_EDIT: list[tuple[TextClause | TextualSelect, dict[str, Any], set[str]]] = [
    (mappings_sql.GET, NAMED, {"uq_user_market_mappings_canonical_id", "idx_audit_log_canonical"}),
    (audit_sql.LAST_VERSION, {}, {"mapping_audit_log_pkey"}),
    (audit_sql.READ_AFTER, {"version": 19000, "limit": 200}, {"mapping_audit_log_pkey"}),
    (audit_sql.READ_UNTIL, NAMED | {"version": 19000}, {"idx_audit_log_canonical"}),
    (
        misses_sql.READ_MARKETS,
        {**ASKED, "most": 1_000},
        {"idx_unmapped_market", "uq_unmapped_source_market"},
    ),
    (misses_sql.IDS_OF_MARKETS, ASKED, {"idx_unmapped_market", "uq_unmapped_source_market"}),
    (misses_sql.GET, ASKED, {"uq_unmapped_source_market"}),
    (misses_sql.SETTLE, SETTLED, {"uq_unmapped_source_market", "unmapped_market_log_pkey"}),
    (
        mappings_sql.list_of(mappings_sql.IS_ACTIVE[True], mappings_sql.CLAIMS_ON["sportybet"]),
        CLAIMED,
        {"idx_user_mappings_sportybet", "idx_user_mappings_also", "idx_audit_log_canonical"},
    ),
    (
        mappings_sql.list_of(mappings_sql.CLAIMS),
        CLAIMED,
        {"idx_user_mappings_betpawa", "idx_user_mappings_sportybet", "idx_user_mappings_bet9ja"},
    ),
]


async def generic_plan(engine: AsyncEngine, statement: TextClause | TextualSelect) -> str:
    """The plan for any values: what the server keeps to for a statement that runs again and again."""
    compiled = str(statement.compile(dialect=engine.dialect))
    places = len(set(re.findall(r"\$\d+", compiled)))
    values = f"({', '.join(['NULL'] * places)})" if places else ""
    async with engine.begin() as connection:
        await connection.execute(text("SET LOCAL plan_cache_mode = force_generic_plan"))
        await connection.exec_driver_sql(f"PREPARE asked AS {compiled}")
        lines = await connection.scalars(text(f"EXPLAIN (COSTS OFF) EXECUTE asked {values}"))
        found = "\n".join(lines)
        await connection.exec_driver_sql("DEALLOCATE asked")
        return found


async def test_what_runs_at_each_edit_goes_by_an_index(filled: AsyncEngine) -> None:
    for statement, parameters, indexes in AT_EACH_EDIT:
        for found in (
            await plan(filled, str(statement), **parameters),
            await generic_plan(filled, statement),
        ):
            assert all(index in found for index in indexes), found
            assert not LARGE & set(READ_WHOLE.findall(found)), found


async def test_versions_in_a_list_are_looked_up_by_mapping_however_long_the_log_of_a_few_is(
    filled: AsyncEngine,
) -> None:
    """By id the whole log would be read for each mapping whose last change is old."""
    log = """
        INSERT INTO mapping_audit_log (canonical_id, action)
        SELECT 'market ' || n % 10, 'UPDATE' FROM generate_series(1, 200000) AS n
    """
    async with filled.begin() as connection:
        await connection.execute(text(log))
        await connection.execute(text("ANALYZE mapping_audit_log"))
    for statement in (mappings_sql.list_of(), mappings_sql.list_of(limited=True)):
        found = await plan(filled, statement.text.replace(":limit", "1000"))
        assert "idx_audit_log_canonical" in found, found
        assert "mapping_audit_log_pkey" not in found, found


async def test_what_lacks_bookmakers_is_found_in_one_pass_of_the_mappings(
    filled: AsyncEngine,
) -> None:
    """No index serves it; of the log no more is read than is shown."""
    lacks = list(mappings_sql.LACKS.values())
    for statement, shown in (
        (mappings_sql.list_of(*lacks, limited=True), 100),
        (mappings_sql.ids_of(*lacks), 0),
        (mappings_sql.count_of(*lacks), 0),
    ):
        query = statement.text.replace(":limit", "100")
        async with filled.begin() as connection:
            found = await connection.scalar(text(f"EXPLAIN (ANALYZE, FORMAT JSON) {query}"))
        (explained,) = found if isinstance(found, list) else json.loads(str(found))
        read = list(read_rows(explained["Plan"]))
        assert sum(rows for table, rows in read if table == "user_market_mappings") <= 20_000
        assert sum(rows for table, rows in read if table == "mapping_audit_log") <= shown
        assert sum(table == "user_market_mappings" for table, _ in read) == 1


LONG_HISTORY = """
INSERT INTO mapping_audit_log (canonical_id, action)
SELECT CASE WHEN n <= 50000 THEN 'long' ELSE 'other' END, 'UPDATE' FROM generate_series(1, 100000) AS n
"""


async def test_of_a_long_history_only_what_is_asked_for_is_read(filled: AsyncEngine) -> None:
    """Whether half the log is of this mapping, and whether its last change is old, does not matter."""
    async with filled.begin() as connection:
        await connection.execute(text(LONG_HISTORY))
        await connection.execute(text("ANALYZE mapping_audit_log"))
    named = {"canonical_id": "long"}
    for statement, parameters, most in (
        (audit_sql.READ_UNTIL, {"version": 20_000}, 1),
        (audit_sql.READ_UNTIL, {"version": 60_000}, 1),
        (audit_sql.READ_UNTIL, {"version": 2**63 - 1}, 1),
        (audit_sql.READ_NEWEST_OF_ONE, {"version": 2**63 - 1, "limit": 100}, 100),
    ):
        query = text(f"EXPLAIN (ANALYZE, FORMAT JSON) {statement}")
        async with filled.begin() as connection:
            found = await connection.scalar(query, named | parameters)
        (explained,) = found if isinstance(found, list) else json.loads(str(found))
        read = sum(rows for _, rows in read_rows(explained["Plan"]))
        assert read <= most, explained


async def test_every_index_has_a_query_here(engine: AsyncEngine, rows: Rows) -> None:
    names = await rows(
        "SELECT indexname FROM pg_indexes WHERE schemaname = 'public' AND indexname LIKE 'idx%'"
    )
    assert {row.indexname for row in names} <= QUERIES.keys()


async def test_counting_finds_known_markets_by_their_key(filled: AsyncEngine) -> None:
    parameters = {
        "source": ["bet9ja"],
        "external_market_id": ["market 7"],
        "market_name": [None],
        "sample_outcomes": ["[]"],
        "reason": ["UNKNOWN_MARKET"],
        "mapping_version": [1],
        "first_seen_at": None,
        "last_seen_at": None,
        "occurrence_count": [1],
        "event_hashes": ["{}"],
    }
    found = await plan(filled, ledger_sql.ADD_MISSES.text, **parameters)
    assert "Index Scan using uq_unmapped_source_market" in found


# What each sighting of a known market changes; `status` and `market_name` change now and then.
CHANGED_BY_COUNTING = {
    *("sample_outcomes", "first_seen_at", "last_seen_at", "occurrence_count", "reason"),
    *("mapping_version", "heat", "event_hashes", "event_count", "priority"),
}
INDEXED_COLUMNS = """
SELECT DISTINCT attname AS name
FROM pg_depend
JOIN pg_index ON indexrelid = objid
JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
WHERE classid = 'pg_class'::regclass AND refobjid = 'unmapped_market_log'::regclass
"""


async def test_no_index_holds_what_each_sighting_changes(rows: Rows) -> None:
    indexed = {row.name for row in await rows(INDEXED_COLUMNS)}
    assert {"priority_band", "status", "market_name"} <= indexed, "the query finds what is indexed"
    assert not indexed & CHANGED_BY_COUNTING, "counting would write all indexes of the table"
