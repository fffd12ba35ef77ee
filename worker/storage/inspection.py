"""What `doctor` asks the database: facts of the server, and privileges that the login lacks."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime
from typing import Final, NamedTuple

from sqlalchemy import text
from sqlalchemy.ext.asyncio import AsyncConnection

from worker.storage.errors import driver_errors_translated

_COUNTED: Final = ("SELECT", "INSERT", "UPDATE")

# Privileges by table or sequence, or by TABLE.COLUMN where only some columns may be written.
Needs = Mapping[str, Sequence[str]]

# What a worker with a relay does; the group marketmap_worker is given just that.
WORKER_NEEDS: Final[Needs] = {
    "alembic_version": ("SELECT",),
    "user_market_mappings": ("SELECT",),
    "mapping_audit_log": ("SELECT",),
    "unmapped_market_log": _COUNTED,
    "unmapped_overflow": _COUNTED,
    "ingest_watermark": _COUNTED,
    "relay_cursor": _COUNTED,
    "replay_run": _COUNTED,
    "watermark_change": ("SELECT", "INSERT"),
    "unmapped_market_log_id_seq": ("USAGE",),
    "watermark_change_id_seq": ("USAGE",),
}
_KEPT: Final = ("SELECT", "INSERT", "UPDATE", "DELETE")
# What the insight process writes; it reads mappings as a worker does, and has the same group.
INSIGHT_NEEDS: Final[Needs] = {
    "alembic_version": ("SELECT",),
    "user_market_mappings": ("SELECT",),
    "mapping_audit_log": ("SELECT",),
    **dict.fromkeys(
        (
            *("watched_event", "mapping_evidence", "suggestion", "evidence_sample"),
            *("shape_hour", "mapping_hour"),
        ),
        _KEPT,
    ),
    "alarm": _COUNTED,
    "alarm_id_seq": ("USAGE",),
    "unmapped_market_log": ("SELECT",),
    "miss_day": ("SELECT", "INSERT", "DELETE"),
}
_EVIDENCE: Final = (
    *("watched_event", "mapping_evidence", "suggestion", "evidence_sample", "alarm"),
    *("shape_hour", "mapping_hour", "miss_day"),
)
_DECIDED: Final = (
    *("status", "notes", "mapped_version"),
    *("ignored_until_count", "ignored_until_rate", "ignored_until"),
)
_PROPOSED: Final = (*("canonical_id", "action", "base_version", "mapping", "is_active", "misses"),)
# What no worker reads: proposals, who decided about them, what they did, and who works on which misses.
_REVIEW: Final = (
    *("change_set", "change_draft", "change_comment", "review_policy", "miss_case"),
    *("change_effect", "change_effect_miss", "queue_view"),
)
_EFFECT: Final = (
    *("change_set_id", "source", "external_market_id", "is_covered", "occurrences", "per_hour"),
    "comparisons_per_day",
)
EDITOR_NEEDS: Final[Needs] = {
    "alembic_version": ("SELECT",),
    "user_market_mappings": ("SELECT", "INSERT", "UPDATE", "DELETE"),
    "user_market_mappings_id_seq": ("USAGE",),
    "mapping_audit_log": ("SELECT",),
    "unmapped_market_log": ("SELECT",),
    **{f"unmapped_market_log.{column}": ("UPDATE",) for column in _DECIDED},
    "unmapped_overflow": ("SELECT",),
    "replay_run": _COUNTED,
    "watermark_change": ("SELECT",),
    **dict.fromkeys(_EVIDENCE, ("SELECT",)),
    "alarm.status": ("UPDATE",),
    **dict.fromkeys(_REVIEW, ("SELECT",)),
    **{f"change_set.{column}": ("INSERT", "UPDATE") for column in ("name", "reason")},
    "change_set.reverts": ("INSERT",),
    **{f"change_set.{column}": ("UPDATE",) for column in ("state", "forced")},
    "change_draft": ("SELECT", "DELETE"),
    "change_draft.change_set_id": ("INSERT",),
    **{f"change_draft.{column}": ("INSERT", "UPDATE") for column in _PROPOSED},
    "change_comment.change_set_id": ("INSERT",),
    "change_comment.comment": ("INSERT",),
    "miss_case.owner": ("INSERT", "UPDATE"),
    "miss_case.snoozed_until": ("INSERT", "UPDATE"),
    "queue_view": ("SELECT", "DELETE"),
    "queue_view.name": ("INSERT",),
    "queue_view.query": ("INSERT", "UPDATE"),
    "change_effect.change_set_id": ("INSERT",),
    **{f"change_effect_miss.{column}": ("INSERT",) for column in _EFFECT},
    **dict.fromkeys(
        ("change_set_id_seq", "change_draft_id_seq", "change_comment_id_seq"), ("USAGE",)
    ),
}
READER_NEEDS: Final[Needs] = dict.fromkeys(
    (
        *("alembic_version", "user_market_mappings", "mapping_audit_log", "unmapped_market_log"),
        *("unmapped_overflow", "ingest_watermark", "relay_cursor", "watermark_change"),
        "replay_run",
        *_EVIDENCE,
        *_REVIEW,
    ),
    ("SELECT",),
)
OPERATOR_NEEDS: Final[Needs] = {
    **READER_NEEDS,
    "replay_run": _COUNTED,
    "review_policy.four_eyes": ("INSERT",),
    "review_policy.reason": ("INSERT",),
    "review_policy_id_seq": ("USAGE",),
}

READ_SERVER = text("""
SELECT current_setting('server_version') AS version,
    current_setting('server_version_num')::integer / 10000 AS major,
    current_setting('transaction_read_only')::boolean AS is_read_only,
    rolname AS login,
    rolsuper AS is_superuser
FROM pg_roles
WHERE rolname = current_user
""")

READ_CLOCK = text("SELECT clock_timestamp()")

# What does not exist is not lacking; MISSING names it.
LACKING = text("""
SELECT wanted.name || ' ' || wanted.privilege
FROM unnest(CAST(:names AS text[]), CAST(:privileges AS text[])) AS wanted (name, privilege)
JOIN pg_class ON pg_class.oid = to_regclass(split_part(wanted.name, '.', 1))
WHERE NOT CASE
    WHEN strpos(wanted.name, '.') > 0
        THEN has_column_privilege(pg_class.oid, split_part(wanted.name, '.', 2), wanted.privilege)
    WHEN relkind = 'S' THEN has_sequence_privilege(pg_class.oid, wanted.privilege)
    ELSE has_table_privilege(pg_class.oid, wanted.privilege)
END
ORDER BY 1
""")

MISSING = text("""
SELECT DISTINCT split_part(wanted.name, '.', 1)
FROM unnest(CAST(:names AS text[])) AS wanted (name)
WHERE to_regclass(split_part(wanted.name, '.', 1)) IS NULL
ORDER BY 1
""")

# A constraint that older rows did not let the migration validate.
NOT_VALIDATED = text("""
SELECT CAST(CAST(conrelid AS regclass) AS text), CAST(conname AS text)
FROM pg_constraint
WHERE NOT convalidated
    AND conrelid IN (to_regclass('user_market_mappings'), to_regclass('replay_run'))
ORDER BY 1, 2
""")

STATEMENT_TIMEOUT = text(
    "SELECT extract(epoch FROM CAST(current_setting('statement_timeout') AS interval))"
)

LAST_CHANGE = text("SELECT max(created_at) FROM mapping_audit_log")


class Server(NamedTuple):
    version: str
    major: int
    is_read_only: bool
    login: str
    is_superuser: bool


async def read_server(connection: AsyncConnection) -> Server:
    """Raises StorageUnavailable or StorageFatal, as all here do."""
    with driver_errors_translated():
        return Server(*(await connection.execute(READ_SERVER)).one())


async def read_clock(connection: AsyncConnection) -> datetime:
    """Return the server's clock at this moment, not at the start of the transaction."""
    with driver_errors_translated():
        now: datetime = (await connection.execute(READ_CLOCK)).scalar_one()
    return now


async def read_statement_timeout(connection: AsyncConnection) -> float:
    """Return the session's statement timeout in seconds, 0 for none."""
    with driver_errors_translated():
        return float(await connection.scalar(STATEMENT_TIMEOUT) or 0)


async def missing_relations(connection: AsyncConnection, needs: Needs) -> Sequence[str]:
    """The tables and sequences of ``needs`` that do not exist, or are in no schema of the search path."""
    with driver_errors_translated():
        return list(await connection.scalars(MISSING, {"names": list(needs)}))


async def lacking_privileges(
    connection: AsyncConnection, needs: Needs = WORKER_NEEDS
) -> Sequence[str]:
    """What of ``needs`` the connection's user may not do, each as "table PRIVILEGE"."""
    wanted = [(name, privilege) for name, privileges in needs.items() for privilege in privileges]
    names, privileges = (list(column) for column in zip(*wanted, strict=True))
    with driver_errors_translated():
        return list(await connection.scalars(LACKING, {"names": names, "privileges": privileges}))


async def constraints_not_validated(connection: AsyncConnection) -> Sequence[tuple[str, str]]:
    """Return table and name of each constraint that holds for new rows only: older rows violate it."""
    with driver_errors_translated():
        return [(table, name) for table, name in await connection.execute(NOT_VALIDATED)]


async def last_change(connection: AsyncConnection) -> datetime | None:
    """Return when a mapping was last changed; None if none ever was."""
    with driver_errors_translated():
        changed_at: datetime | None = await connection.scalar(LAST_CHANGE)
    return changed_at
