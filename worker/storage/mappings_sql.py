"""The statements that read and write `user_market_mappings`."""

from collections.abc import Iterable
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import JSONB

from worker.domain.books.registry import ID_COLUMNS, LABEL_COLUMNS
from worker.storage.tables import sells_further

# The columns that an editor writes, in the order of the table, with the type that each has in JSON.
_TYPES: Final = {
    "canonical_id": "text",
    "name": "text",
    **dict.fromkeys(ID_COLUMNS.values(), "text"),
    "priority": "integer",
    "line_rule": "jsonb",
    "outcome_mapping": "jsonb",
    "scope": "jsonb",
    "also": "jsonb",
    "traits": "jsonb",
    "participant": "jsonb",
}
# How the JSON columns are read.
JSON_COLUMNS: Final = {name: JSONB for name, type_ in _TYPES.items() if type_ == "jsonb"}
_WRITTEN: Final = ", ".join(_TYPES)
_TYPED: Final = ", ".join(f"{name} {type_}" for name, type_ in _TYPES.items())
# All except the canonical id, which is the key of an import.
_CHANGED: Final = tuple(name for name in _TYPES if name != "canonical_id")


def _of(row: str, names: Iterable[str] = _TYPES) -> str:
    return ", ".join(f"{row}.{name}" for name in names)


def _set_from(row: str, names: Iterable[str] = _TYPES) -> str:
    return ", ".join(f"{name} = {row}.{name}" for name in names)


# One statement is one snapshot at every isolation level, so the version belongs to the rows. The outer join
# returns the version even if there is no mapping.
READ_INDEX = text(f"""
SELECT
    (SELECT coalesce(max(id), 0) FROM mapping_audit_log) AS version,
    mapping.id,
    {_of("mapping")}
FROM (VALUES (1)) AS always
LEFT JOIN user_market_mappings AS mapping ON mapping.is_active
ORDER BY mapping.id
""").columns(**JSON_COLUMNS)  # noqa: S608  (constants)

# Actor and reason, for this transaction only; the audit trigger reads them.
SIGN = text(
    "SELECT set_config('marketmap.actor', :actor, true), set_config('marketmap.reason', :reason, true)"
)

# What is changed afterwards is taken back: where four eyes are required, nothing else is let through.
DRY_RUN = text("SELECT set_config('marketmap.dry_run', 'yes', true)")

# A known mapping keeps its id: with a default, every conflict would use up a value of the sequence. Editors
# alone decide about `is_active`: an import does not activate what they deactivated. Rows that are already
# equal are not updated, so they are not returned. New rows get their ids in the order given, so an export by
# id returns the same catalogue.
IMPORT = text(f"""
INSERT INTO user_market_mappings AS current (id, {_WRITTEN}, is_active, created_by)
SELECT
    coalesce(existing.id, nextval(pg_get_serial_sequence('user_market_mappings', 'id'))),
    {_of("new")}, new.is_active, :actor
FROM ROWS FROM (
    jsonb_to_recordset(CAST(:mappings AS jsonb)) AS ({_TYPED}, is_active boolean)
) WITH ORDINALITY AS new ({_WRITTEN}, is_active, place)
LEFT JOIN user_market_mappings AS existing ON existing.canonical_id = new.canonical_id
ORDER BY new.place
ON CONFLICT ON CONSTRAINT uq_user_market_mappings_canonical_id DO UPDATE SET
    {_set_from("excluded", _CHANGED)},
    updated_at = now()
WHERE ({_of("current", _CHANGED)}) IS DISTINCT FROM ({_of("excluded", _CHANGED)})
RETURNING canonical_id, xmax = 0 AS is_new
""")  # noqa: S608  (constants)

# A mapping's version is its newest audit id: with it an editor knows whether the row is still the one they
# read. It is the last one of the mapping in an index of both.
READ_MAPPINGS = f"""
SELECT
    mapping.id, {_of("mapping")}, mapping.is_active,
    mapping.created_at, mapping.updated_at, mapping.created_by,
    coalesce((
        SELECT max(log.id)
        FROM mapping_audit_log AS log
        WHERE log.canonical_id = mapping.canonical_id
    ), 0) AS version
FROM user_market_mappings AS mapping
"""  # noqa: S608  (constants)

GET = text(f"{READ_MAPPINGS} WHERE mapping.canonical_id = :canonical_id").columns(**JSON_COLUMNS)
GET_ALL = text(
    f"{READ_MAPPINGS} WHERE mapping.canonical_id = ANY (CAST(:canonical_ids AS text[]))"
).columns(**JSON_COLUMNS)

# One for each filter of a list. Filters that are not given are left out of the statement. If they were
# switched off by a NULL parameter, no plan could use the partial indexes.
SOLD_ON: Final[dict[str, str]] = {
    platform: f"(mapping.{column} IS NOT NULL OR {sells_further(platform, 'mapping.also')})"
    for platform, column in ID_COLUMNS.items()
}
# Of a mapping without further ids, the condition above is unknown and not false.
LACKS: Final[dict[str, str]] = {
    platform: f"{sold} IS NOT TRUE" for platform, sold in SOLD_ON.items()
}
# Each place where an id may be has its own index and its own look-up. With an OR the planner would use
# neither index; with a join it may read the whole table.
_IN_COLUMN: Final = {
    platform: f"SELECT one.id FROM user_market_mappings AS one WHERE one.{column} = :market_id"  # noqa: S608  (constants)
    for platform, column in ID_COLUMNS.items()
}


def _named(platform: str) -> str:
    return f"'platform', '{platform}', "


_FURTHER: Final = """
    SELECT one.id FROM user_market_mappings AS one
    WHERE one.also @> jsonb_build_array(jsonb_build_object({platform}'id', CAST(:market_id AS text)))
"""
CLAIMS_ON: Final[dict[str, str]] = {
    platform: (
        f"mapping.id = ANY (ARRAY({in_column}"
        f" UNION ALL {_FURTHER.format(platform=_named(platform))}))"
    )
    for platform, in_column in _IN_COLUMN.items()
}
_ANYWHERE: Final = " UNION ALL ".join([*_IN_COLUMN.values(), _FURTHER.format(platform="")])
CLAIMS: Final = f"mapping.id = ANY (ARRAY({_ANYWHERE}))"
IS_ACTIVE: Final = {True: "mapping.is_active", False: "NOT mapping.is_active"}
_ASKED_IN_COLUMNS: Final = " UNION ALL ".join(
    "SELECT one.id FROM asked JOIN user_market_mappings AS one"  # noqa: S608  (constants)
    f" ON asked.platform = '{platform}' AND one.{column} = asked.id"
    for platform, column in ID_COLUMNS.items()
)
# Those that sell any of some markets.
SELLING = text(f"""
{READ_MAPPINGS}
WHERE mapping.is_active AND mapping.id = ANY (ARRAY(
    WITH asked AS MATERIALIZED (
        SELECT * FROM unnest(CAST(:platforms AS text[]), CAST(:market_ids AS text[])) AS one (platform, id)
    )
    {
    " UNION ALL ".join(
        f"SELECT one.id FROM asked JOIN user_market_mappings AS one"
        f" ON asked.platform = '{platform}' AND one.{column} = asked.id"
        for platform, column in ID_COLUMNS.items()
    )
}
    UNION ALL
    SELECT one.id
    FROM asked
    JOIN user_market_mappings AS one
        ON one.also @> jsonb_build_array(jsonb_build_object('platform', asked.platform, 'id', asked.id))
))
ORDER BY mapping.id
""").columns(**JSON_COLUMNS)  # noqa: S608  (constants)
CANONICAL_IDS = text("""
SELECT canonical_id
FROM user_market_mappings
WHERE starts_with(canonical_id, :prefix)
ORDER BY canonical_id
LIMIT CAST(:limit AS bigint)
""")

# A part of the canonical id or the name, or the whole id of a bookmaker: a part of a number means nothing.
CONTAINS: Final = (
    "(strpos(lower(concat_ws(' ', mapping.canonical_id, mapping.name)),"
    " lower(CAST(:containing AS text))) > 0"
    " OR lower(CAST(:containing AS text)) IN"
    f" ({', '.join(f'lower(mapping.{column})' for column in ID_COLUMNS.values())})"
    " OR EXISTS (SELECT FROM jsonb_array_elements(mapping.also) AS further"
    " WHERE lower(further ->> 'id') = lower(CAST(:containing AS text))))"
)


# A whole label of any bookmaker, in the outcomes or in a further id.
_LABELS: Final = ", ".join(f"lower(outcome.value ->> '{name}')" for name in LABEL_COLUMNS.values())
LABELLED: Final = f"""(
    EXISTS (
        SELECT FROM jsonb_path_query(mapping.outcome_mapping, 'lax $[*]') AS outcome (value)
        WHERE lower(CAST(:label AS text)) IN ({_LABELS})
    )
    OR EXISTS (
        SELECT FROM jsonb_path_query(mapping.also, 'lax $[*].labels.*[*]') AS further (value)
        WHERE lower(further.value #>> '{{}}') = lower(CAST(:label AS text))
    )
)"""  # noqa: S608  (constants)


def list_of(*predicates: str, limited: bool = False) -> TextClause:
    """Return the statement for the mappings that satisfy all of these predicates, by canonical id."""
    where = " AND ".join(predicates) or "true"
    limit = "LIMIT :limit" if limited else ""
    return text(f"{READ_MAPPINGS} WHERE {where} ORDER BY mapping.canonical_id {limit}")


def ids_of(*predicates: str) -> TextClause:
    """Return the statement of their canonical ids alone, in one array."""
    where = " AND ".join(predicates) or "true"
    return text(f"""
    SELECT ARRAY(
        SELECT mapping.canonical_id FROM user_market_mappings AS mapping WHERE {where}
        ORDER BY mapping.canonical_id
    )
    """)  # noqa: S608  (constants)


def count_of(*predicates: str) -> TextClause:
    """Return the statement that counts the mappings that satisfy all of these predicates."""
    where = " AND ".join(predicates) or "true"
    return text(f"SELECT count(*) FROM user_market_mappings AS mapping WHERE {where}")  # noqa: S608  (constants)


READ_VALUES = f"jsonb_to_record(CAST(:mapping AS jsonb)) AS new ({_TYPED})"

CREATE = text(f"""
INSERT INTO user_market_mappings ({_WRITTEN}, is_active, created_by)
SELECT new.*, :is_active, :actor FROM {READ_VALUES}
ON CONFLICT ON CONSTRAINT uq_user_market_mappings_canonical_id DO NOTHING
RETURNING id
""")  # noqa: S608  (constants)

UPDATE = text(f"""
UPDATE user_market_mappings AS current
SET
    {_set_from("new")},
    is_active = coalesce(:is_active, current.is_active)
FROM {READ_VALUES}
WHERE current.id = :id
""")  # noqa: S608  (constants)

SET_ACTIVE = text("UPDATE user_market_mappings SET is_active = :is_active WHERE id = :id")

DELETE = text("DELETE FROM user_market_mappings WHERE id = :id")
