"""The statements of change sets, their comments, and the rule of four eyes."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import TextClause, text
from sqlalchemy.dialects.postgresql import JSONB

from worker.storage.audit_sql import AUDIT_COLUMNS
from worker.storage.tables import text_keys_of

# How much a change set holds, and what became of it, next to its own columns. An approved revert of all or
# of a part of it is named; of several, the newest.
_READ: Final = """
SELECT
    one.id, one.name, one.reason, one.state, one.is_direct, one.reverts, one.revision,
    one.actor, one.login, one.created_at,
    one.proposed_at, one.proposed_by, one.proposed_login,
    one.decided_at, one.decided_by, one.decided_login, one.forced,
    CASE WHEN one.is_direct THEN 0
        ELSE (SELECT count(*) FROM change_draft AS draft WHERE draft.change_set_id = one.id)
    END AS drafts,
    made.versions, made.last_version, made.canonical_id,
    (
        SELECT max(revert.id)
        FROM change_set AS revert
        WHERE revert.reverts = one.id AND revert.applied_in IS NOT NULL
    ) AS reverted_by,
    one.authors
FROM change_set AS one
LEFT JOIN LATERAL (
    SELECT count(*) AS versions, max(log.id) AS last_version, min(log.canonical_id) AS canonical_id
    FROM mapping_audit_log AS log
    WHERE log.change_set_id = one.id
) AS made ON true
"""
# One for each filter; those that are not given are left out of the statement.
STATES = "one.state = ANY (CAST(:states AS text[]))"
PERSON = "(one.actor = :person OR one.proposed_by = :person OR one.decided_by = :person)"
CANONICAL_ID = """
one.id = ANY (ARRAY(
    SELECT log.change_set_id FROM mapping_audit_log AS log WHERE log.canonical_id = :canonical_id
    UNION
    SELECT draft.change_set_id FROM change_draft AS draft WHERE draft.canonical_id = :canonical_id
))
"""
CONTAINING = "strpos(lower(concat_ws(' ', one.name, one.reason)), lower(:containing)) > 0"
BEFORE = "one.id < :before"

_PEOPLE: Final = ("actor", "proposed_by", "decided_by")
# By the whole table each row's keys would be worked out, if the planner takes a text to be frequent.
READ_TABLES = text("SELECT set_config('enable_seqscan', :value, true)")

# By its keys the index finds what may hold a text. It has none of a text that is shorter.
SHORTEST_KEY: Final = 3
_MAY_CONTAIN: Final = f"{text_keys_of('one.')} @> marketmap_grams_v1(:containing)"


def list_of(predicates: Collection[str]) -> TextClause:
    """Return the statement of the newest change sets that satisfy all of these predicates.

    The newest of a person are the newest of those that they wrote, proposed or decided about: each of the
    three has an index, and the planner does not know how few somebody has.
    """
    if PERSON in predicates:
        others = [one for one in predicates if one != PERSON]
        of_each = " UNION ".join(
            f"""(
                SELECT one.id FROM change_set AS one WHERE one.{column} = :person AND {_all(others)}
                ORDER BY one.id DESC LIMIT :limit
            )"""  # noqa: S608  (constants)
            for column in _PEOPLE
        )
        predicates = [f"one.id = ANY (ARRAY({of_each}))"]
    return text(f"{_READ} WHERE {_all(predicates)} ORDER BY one.id DESC LIMIT :limit")


def list_of_newest(predicates: Collection[str]) -> TextClause:
    """Return the statement of those among the newest change sets of all; ``window`` says how many."""
    newest = f"""
    one.id >= (
        SELECT coalesce(min(newest.id), 0)
        FROM (
            SELECT one.id FROM change_set AS one WHERE {BEFORE if BEFORE in predicates else "true"}
            ORDER BY one.id DESC LIMIT :window
        ) AS newest
    )
    """  # noqa: S608  (constants)
    return text(f"{_READ} WHERE {_all([*predicates, newest])} ORDER BY one.id DESC LIMIT :limit")


def list_by_keys(predicates: Collection[str]) -> TextClause:
    """Return the statement of the newest change sets, for a text that is rare.

    It is found by the index of keys alone. In the order of the primary key the planner would read all change
    sets where it takes a text to be frequent whose parts are.
    """
    all_of_them = _all([_MAY_CONTAIN, *predicates])
    return text(f"{_READ} WHERE {all_of_them} ORDER BY one.id + 0 DESC LIMIT :limit")


def count_of(predicates: Collection[str]) -> TextClause:
    return text(f"SELECT count(*) FROM change_set AS one WHERE {_all(predicates)}")  # noqa: S608  (constants)


def _all(predicates: Collection[str]) -> str:
    return " AND ".join(predicates) or "true"


GET = text(f"{_READ} WHERE one.id = :id")

# Two reviewers, or a reviewer and the author: the second one waits, and sees what the first one did.
LOCK = text("SELECT state FROM change_set WHERE id = :id FOR NO KEY UPDATE")

CREATE = text(
    "INSERT INTO change_set (name, reason, reverts) VALUES (:name, :reason, :reverts) RETURNING id"
)
RENAME = text("UPDATE change_set SET name = :name, reason = :reason WHERE id = :id")
MOVE = text("UPDATE change_set SET state = :state, forced = :forced WHERE id = :id")

COMMENT = text("INSERT INTO change_comment (change_set_id, comment) VALUES (:id, :comment)")
COMMENTS = text("""
SELECT id, change_set_id, comment, actor, login, created_at
FROM change_comment
WHERE change_set_id = :id
ORDER BY id
""")

VERSIONS = text(f"""
SELECT {AUDIT_COLUMNS} FROM mapping_audit_log WHERE change_set_id = :id ORDER BY id
LIMIT CAST(:limit AS bigint)
""").columns(old_value=JSONB, new_value=JSONB)  # noqa: S608  (a constant)

POLICY = text("""
SELECT four_eyes, reason, actor, login, created_at FROM review_policy ORDER BY id DESC LIMIT 1
""")
SET_POLICY = text("INSERT INTO review_policy (four_eyes, reason) VALUES (:four_eyes, :reason)")
