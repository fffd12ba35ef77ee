"""The statements of cases."""

from collections.abc import Collection
from typing import Final

from sqlalchemy import TextClause, text

_COLUMNS: Final = """
    source, external_market_id, miss_case.owner, miss_case.snoozed_until, miss_case.regressed_at,
    miss_case.regressed_from, miss_case.actor, miss_case.login, miss_case.reason, miss_case.changed_at
"""
_ASKED: Final = """
unnest(CAST(:sources AS text[]), CAST(:external_market_ids AS text[])) AS asked (source, external_market_id)
"""

OF_KEYS = text(f"""
SELECT {_COLUMNS} FROM miss_case JOIN {_ASKED} USING (source, external_market_id)
ORDER BY source, external_market_id
""")  # noqa: S608  (constants)

# One for each filter of a list. Those that are not given are left out: switched off by a parameter, they
# would keep the planner from the indexes.
OWNER = "owner = :owner"
REGRESSED = "regressed_at IS NOT NULL"
SNOOZED = "snoozed_until > now()"


def _where(predicates: Collection[str]) -> str:
    return " AND ".join(predicates) or "true"


def list_of(predicates: Collection[str]) -> TextClause:
    """Return the statement of the newest cases for which all of these hold.

    The market of each is looked up in turn until there are `limit`, or until `among` were looked at, all if
    that is NULL: the markets of any number of cases may be done. OFFSET 0 keeps the planner from a join that
    reads the whole log. Those that regressed have an index in their order.
    """
    since = "regressed_at" if REGRESSED in predicates else "coalesce(regressed_at, changed_at)"
    return text(f"""
    SELECT {_COLUMNS}, miss.market_name, miss.status, miss.occurrence_count
    FROM (
        SELECT {_COLUMNS}, {since} AS since
        FROM miss_case
        WHERE {_where(predicates)}
        ORDER BY {since} DESC, source, external_market_id
        LIMIT CAST(:among AS bigint)
    ) AS miss_case
    CROSS JOIN LATERAL (
        SELECT log.market_name, log.status, log.occurrence_count
        FROM unmapped_market_log AS log
        WHERE (log.source, log.external_market_id) = (miss_case.source, miss_case.external_market_id)
            AND log.status = ANY (CAST(:statuses AS text[]))
        OFFSET 0
    ) AS miss
    ORDER BY since DESC, source, external_market_id
    LIMIT :limit
    """)  # noqa: S608  (constants)


def is_more_of(predicates: Collection[str]) -> TextClause:
    """Return the statement whether these hold for more than `among` cases, of any status of the market."""
    return text(f"""
    SELECT count(*) > CAST(:among AS bigint)
    FROM (SELECT FROM miss_case WHERE {_where(predicates)} LIMIT CAST(:among AS bigint) + 1) AS counted
    """)  # noqa: S608  (constants)


# In the order in which all others lock rows of misses.
_EACH: Final = f"""
SELECT asked.source, asked.external_market_id FROM {_ASKED}
ORDER BY asked.source COLLATE "C", asked.external_market_id COLLATE "C"
"""  # noqa: S608  (constants)

OWN = text(f"""
INSERT INTO miss_case AS known (source, external_market_id, owner)
SELECT each.source, each.external_market_id, CAST(:owner AS text) FROM ({_EACH}) AS each
ON CONFLICT (source, external_market_id) DO UPDATE SET owner = excluded.owner
WHERE known.owner IS DISTINCT FROM excluded.owner
RETURNING source, external_market_id
""")  # noqa: S608  (constants)

SNOOZE = text(f"""
INSERT INTO miss_case AS known (source, external_market_id, snoozed_until)
SELECT each.source, each.external_market_id, CAST(:until AS timestamptz) FROM ({_EACH}) AS each
ON CONFLICT (source, external_market_id) DO UPDATE SET snoozed_until = excluded.snoozed_until
WHERE known.snoozed_until IS DISTINCT FROM excluded.snoozed_until
RETURNING source, external_market_id
""")  # noqa: S608  (constants)
