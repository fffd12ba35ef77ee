"""The statements of the work queue.

Rows are locked in the order of the whole key by its bytes, as the ledger does: in the order of the database's
language two that touch the same rows would deadlock.
"""

from collections.abc import Iterable

from sqlalchemy import TextClause, TextualSelect, text
from sqlalchemy.dialects.postgresql import JSONB

from worker.domain.books.registry import ID_COLUMNS

# The score as of now: every row loses the same share of it in an hour without a sighting.
READ = """
SELECT
    id, source, external_market_id, market_name, sample_outcomes, first_seen_at, last_seen_at,
    occurrence_count, status, notes, reason, mapping_version, mapped_version, status_actor,
    status_changed_at, ignored_until_count, ignored_until_rate, ignored_until, event_count, other_books,
    status_login,
    marketmap_rate_v1(
        coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now()
    ) AS occurrences_per_hour,
    marketmap_rate_v1(priority, now()) AS score
FROM unmapped_market_log
"""

# How many lines the examples of a miss have on an event, on average.
LINES_ON_EVENTS = """
SELECT avg(on_event.lines)::double precision AS lines
FROM (
    SELECT count(DISTINCT price.value ->> 'qualifier') AS lines
    FROM evidence_sample AS example
    CROSS JOIN LATERAL jsonb_array_elements(
        CASE jsonb_typeof(example.prices) WHEN 'array' THEN example.prices ELSE '[]' END
    ) AS price (value)
    WHERE example.subject = 'miss'
        AND example.source = {source}
        AND example.market = {market}
    GROUP BY example.event
) AS on_event
"""

# What a mapping of the market would make comparable: its first suggestion, the lines that its examples have
# on an event, and the other bookmakers that sell what is suggested. Without a suggestion there is nothing.
_SOLD = ", ".join(f"('{platform}', mapping.{column})" for platform, column in ID_COLUMNS.items())
UNLOCKED = f"""
LEFT JOIN LATERAL (
    SELECT
        first_one.canonical_id AS suggested,
        first_one.confidence,
        greatest(1, coalesce(seen.lines, 1)) AS lines,
        (
            SELECT count(*)
            FROM (VALUES {_SOLD}) AS sold (platform, market_id)
            WHERE sold.platform <> first_one.source
                AND (
                    sold.market_id IS NOT NULL
                    OR EXISTS (
                        SELECT FROM jsonb_array_elements(
                            CASE jsonb_typeof(mapping.also) WHEN 'array' THEN mapping.also ELSE '[]' END
                        ) AS further (value)
                        WHERE further.value ->> 'platform' = sold.platform
                            AND further.value -> 'active' IS DISTINCT FROM 'false'::jsonb
                    )
                )
        ) AS carriers
    FROM suggestion AS first_one
    JOIN user_market_mappings AS mapping
        ON mapping.canonical_id = first_one.canonical_id AND mapping.is_active
    LEFT JOIN LATERAL (
        {LINES_ON_EVENTS.format(source="first_one.source", market="first_one.external_market_id")}
    ) AS seen ON true
    WHERE first_one.source = unmapped_market_log.source
        AND first_one.external_market_id = unmapped_market_log.external_market_id
        AND first_one.rank = 1
) AS unlocked ON true
"""  # noqa: S608  (constants)

EVENTS_PER_DAY = """
event_count / greatest(1, extract(epoch FROM last_seen_at - first_seen_at) / 86400)::double precision
"""

# The same columns and what a mapping would unlock, in comparisons of a price with another bookmaker's a day.
_UNLOCKED_COLUMNS = f"""
{READ.replace("FROM unmapped_market_log", "")},
    unlocked.suggested,
    unlocked.confidence,
    {EVENTS_PER_DAY} AS events_per_day,
    unlocked.lines,
    unlocked.carriers,
    {EVENTS_PER_DAY} * unlocked.lines * unlocked.carriers * unlocked.confidence AS comparisons_per_day
"""
READ_UNLOCKED = f"{_UNLOCKED_COLUMNS} FROM unmapped_market_log {UNLOCKED}"

# A band holds the priorities between two whole numbers, so the order is that of the priority. The index has
# the bands alone: Postgres reads the highest ones and sorts each.
ORDERS = {
    "priority": "priority_band DESC, priority DESC, id",
    "occurrences": "occurrence_count DESC, id",
    "last_seen": "last_seen_at DESC, id",
    "first_seen": "first_seen_at, id",
}

# One for each filter of a list. Those that are not given are left out of the statement: switched off by a
# NULL parameter, each would still be worked out for every row. Who works on a miss, and until when it is put
# off, is in its case; most have none. Cases are hashed once, and rows are held against them as they come by
# the index of the order. For a NOT EXISTS the planner joins, and reads thousands of rows to list fifty.
_CASE = """
(source, external_market_id) IN (
    SELECT one.source, one.external_market_id FROM miss_case AS one WHERE {condition}
)
"""
_IS_SNOOZED = _CASE.format(condition="one.snoozed_until > now()")
STATUSES = "status = ANY (CAST(:statuses AS text[]))"
SOURCE = "source = :source"
REASON = "reason = :reason"
MIN_OCCURRENCES = "occurrence_count >= :min_occurrences"
# Not of both put together: for a large queue that takes half as long again.
CONTAINING = """
(
    strpos(lower(external_market_id), lower(:containing)) > 0
    OR strpos(lower(coalesce(market_name, '')), lower(:containing)) > 0
)
"""
OWNER = _CASE.format(condition="one.owner = :owner")
IDS = "id = ANY (CAST(:ids AS integer[]))"
UNOWNED = f"NOT {_CASE.format(condition='one.owner IS NOT NULL')}"
SNOOZED = {True: _IS_SNOOZED, False: f"NOT {_IS_SNOOZED}"}
REGRESSED = _CASE.format(condition="one.regressed_at IS NOT NULL")

# All columns that a filter or the order by priority asks for. The others are wide.
_ASKED_OF_A_ROW = """
id, source, external_market_id, market_name, status, reason, occurrence_count, priority_band, priority
"""


def _where(predicates: Iterable[str]) -> str:
    return " AND ".join(predicates) or "true"


def list_of(order: str, predicates: Iterable[str]) -> TextualSelect:
    """Return the statement of a list in this order, of the rows that satisfy all of these predicates.

    The rows are chosen first, by the index of their order; then what each would unlock is looked up. Only
    for the order by that it is worked out for every row. The order by confidence is that of the first
    suggestions, which have an index of their own.
    """
    if order == "comparisons":
        statement = f"""
        {READ_UNLOCKED} WHERE {_where(predicates)}
        ORDER BY comparisons_per_day DESC NULLS LAST, {ORDERS["priority"]}
        LIMIT :limit OFFSET :offset
        """
    elif order == "confidence":
        statement = _by_confidence(_where(predicates))
    else:
        columns = ORDERS[order]
        statement = f"""
        {_UNLOCKED_COLUMNS}
        FROM (
            SELECT * FROM unmapped_market_log
            WHERE {_where(predicates)}
            ORDER BY {columns}
            LIMIT :limit OFFSET :offset
        ) AS unmapped_market_log
        {UNLOCKED}
        ORDER BY {columns}
        """  # noqa: S608  (constants)
    return text(statement).columns(sample_outcomes=JSONB)


def _by_confidence(condition: str) -> str:
    """Return the statement of a list with the surest suggestions first.

    A suggestion that is not confident comes after all that are, and a market without one after those. The
    first part follows the index of the suggestions, in the order of `LIST_SUGGESTIONS`, and looks up the miss
    of each until the page is full; with a plain join both tables would be read. The second part follows the
    index of the priority, and is read only if the first one does not fill the page.
    """
    end = "CAST(:limit AS bigint) + CAST(:offset AS bigint)"
    order = f"""
    is_sure DESC NULLS LAST, sureness DESC NULLS LAST,
    CASE WHEN is_sure IS NOT NULL THEN source END,
    CASE WHEN is_sure IS NOT NULL THEN external_market_id END,
    {ORDERS["priority"]}
    """
    return f"""
    WITH suggested AS MATERIALIZED (
        SELECT matching.*, may_be.is_confident AS is_sure, may_be.confidence AS sureness
        FROM suggestion AS may_be
        CROSS JOIN LATERAL (
            SELECT *
            FROM unmapped_market_log
            WHERE unmapped_market_log.source = may_be.source
                AND unmapped_market_log.external_market_id = may_be.external_market_id
                AND {condition}
            LIMIT 1
        ) AS matching
        WHERE may_be.rank = 1
        ORDER BY may_be.is_confident DESC, may_be.confidence DESC, may_be.source,
            may_be.external_market_id
        LIMIT {end}
    ),
    others AS MATERIALIZED (
        SELECT matching.*, CAST(NULL AS boolean) AS is_sure, CAST(NULL AS double precision) AS sureness
        FROM (SELECT * FROM unmapped_market_log WHERE {condition}) AS matching
        WHERE (
            SELECT may_be.rank
            FROM suggestion AS may_be
            WHERE may_be.source = matching.source
                AND may_be.external_market_id = matching.external_market_id
                AND may_be.rank = 1
        ) IS NULL
        ORDER BY {ORDERS["priority"]}
        LIMIT greatest({end} - (SELECT count(*) FROM suggested), 0)
    )
    {_UNLOCKED_COLUMNS}
    FROM (
        SELECT *
        FROM (SELECT * FROM suggested UNION ALL SELECT * FROM others) AS listed
        ORDER BY {order}
        LIMIT :limit OFFSET :offset
    ) AS unmapped_market_log
    {UNLOCKED}
    ORDER BY {order}
    """  # noqa: S608  (constants)


def list_suggested_of(predicates: Iterable[str]) -> TextualSelect:
    """Return the statement of those with a suggestion alone, the surest first: the beginning of that order.

    It reads the index of suggestions up to the end of the page, and no other market: each is looked up, as
    OFFSET 0 says, where a join would read all.
    """
    return text(f"""
    {_UNLOCKED_COLUMNS}
    FROM (
        SELECT matching.*, may_be.is_confident AS is_sure, may_be.confidence AS sureness
        FROM suggestion AS may_be
        CROSS JOIN LATERAL (
            SELECT * FROM unmapped_market_log
            WHERE source = may_be.source
                AND external_market_id = may_be.external_market_id
                AND {_where(predicates)}
            OFFSET 0
        ) AS matching
        WHERE may_be.rank = 1
        ORDER BY may_be.is_confident DESC, may_be.confidence DESC, may_be.source, may_be.external_market_id
        LIMIT :limit OFFSET :offset
    ) AS unmapped_market_log
    {UNLOCKED}
    ORDER BY is_sure DESC, sureness DESC, source, external_market_id
    """).columns(sample_outcomes=JSONB)  # noqa: S608  (constants)


def rank_of(order: str, predicates: Iterable[str]) -> TextClause:
    """Return the statement of the ids alone, in one array."""
    if order == "comparisons":
        listed = f"""
        {READ_UNLOCKED} WHERE {_where(predicates)}
        ORDER BY comparisons_per_day DESC NULLS LAST, {ORDERS["priority"]}
        LIMIT :limit
        """
        return text(f"SELECT ARRAY(SELECT listed.id FROM ({listed}) AS listed)")  # noqa: S608  (constants)
    if order == "confidence":
        return text(f"""
        SELECT ARRAY(
            SELECT matching.id
            FROM (SELECT * FROM unmapped_market_log WHERE {_where(predicates)}) AS matching
            LEFT JOIN suggestion AS may_be
                ON may_be.source = matching.source
                AND may_be.external_market_id = matching.external_market_id
                AND may_be.rank = 1
            ORDER BY may_be.is_confident DESC NULLS LAST, may_be.confidence DESC NULLS LAST,
                may_be.source, may_be.external_market_id, {ORDERS["priority"]}
            LIMIT :limit
        )
        """)  # noqa: S608  (constants)
    columns = ORDERS[order]
    if CONTAINING in predicates:
        # No index has this order. For a rare text Postgres would follow that of the priority to its end; to
        # read the table takes less, and is shared among the processors.
        columns = columns.replace("priority_band", "priority_band + 0")
    return text(f"""
    SELECT ARRAY(
        SELECT id FROM unmapped_market_log WHERE {_where(predicates)} ORDER BY {columns} LIMIT :limit
    )
    """)  # noqa: S608  (constants)


def share_sampled_of(predicates: Iterable[str]) -> TextClause:
    """Return the statement of the share of rows that satisfy these, of some pages of the table."""
    return text(f"""
    SELECT avg(CASE WHEN {_where(predicates)} THEN 1.0 ELSE 0.0 END)::double precision
    FROM unmapped_market_log TABLESAMPLE SYSTEM (:percent)
    """)  # noqa: S608  (constants)


def rank_first_of(order: str, predicates: Iterable[str]) -> TextClause:
    """Return the same as `rank_of`, of the first `among` rows in this order, if an index has it."""
    columns = ORDERS[order]
    return text(f"""
    SELECT ARRAY(
        SELECT id
        FROM (
            SELECT {_ASKED_OF_A_ROW}
            FROM unmapped_market_log
            WHERE {STATUSES}
            ORDER BY {columns}
            LIMIT :among
        ) AS first
        WHERE {_where(predicates)}
        ORDER BY {columns}
        LIMIT :limit
    )
    """)  # noqa: S608  (constants)


PER_HOUR = """
marketmap_rate_v1(coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at)), now())
"""


def count_of(predicates: Iterable[str]) -> TextClause:
    return text(f"SELECT count(*) FROM unmapped_market_log WHERE {_where(predicates)}")  # noqa: S608  (constants)


def sum_of(predicates: Iterable[str]) -> TextClause:
    """Return the statement that counts these rows, and adds up how often an hour they are missed."""
    return text(f"""
    SELECT count(*), coalesce(sum({PER_HOUR}), 0)
    FROM unmapped_market_log
    WHERE {_where(predicates)}
    """)  # noqa: S608  (constants)


# Open ones, by bookmaker.
SUM_BY_SOURCE = text(f"""
SELECT source, count(*), coalesce(sum({PER_HOUR}), 0)
FROM unmapped_market_log
WHERE {STATUSES}
GROUP BY source
""")  # noqa: S608  (constants)


def share_of(predicates: Iterable[str]) -> TextClause:
    """Return the statement that does so in one reading of the open rows, for these and for the others.

    Grouped, what is asked of a row is worked out once, and not for each of its sums.
    """
    return text(f"""
    SELECT {_where(predicates)} AS is_one, count(*), coalesce(sum({PER_HOUR}), 0)
    FROM unmapped_market_log
    WHERE {STATUSES}
    GROUP BY is_one
    """)  # noqa: S608  (constants)


MARKET_IDS = text("""
SELECT external_market_id
FROM unmapped_market_log
WHERE source = :source
    AND starts_with(external_market_id, :prefix)
    AND status = ANY (CAST(:statuses AS text[]))
ORDER BY external_market_id
LIMIT :limit
""")

ASKED = """
unnest(CAST(:sources AS text[]), CAST(:external_market_ids AS text[])) AS asked (source, external_market_id)
"""

GET = text(
    f"{READ} JOIN {ASKED} USING (source, external_market_id) ORDER BY source, external_market_id"
).columns(sample_outcomes=JSONB)

GET_UNLOCKED = text(f"{READ_UNLOCKED} JOIN {ASKED} USING (source, external_market_id)").columns(
    sample_outcomes=JSONB
)

# A specifier in the id (`8?goalnr=2`) is another market with the same platform id.
OF_MARKETS = f"""
id IN (
    SELECT id
    FROM unmapped_market_log
    JOIN {ASKED} USING (source, external_market_id)
    UNION
    SELECT id
    FROM unmapped_market_log AS market
    JOIN {ASKED}
        ON asked.source = market.source
        AND asked.external_market_id = split_part(market.external_market_id, '?', 1)
    WHERE strpos(market.external_market_id, '?') > 0
)
"""  # noqa: S608  (constants)
READ_MARKETS = text(f"""
{READ}
WHERE id IN (
    SELECT id FROM unmapped_market_log WHERE {OF_MARKETS} ORDER BY occurrence_count DESC, id LIMIT :most
)
ORDER BY source, external_market_id
""").columns(sample_outcomes=JSONB)  # noqa: S608  (constants)

# In the order in which counting locks rows.
IDS_OF_MARKETS = text(f"""
SELECT id
FROM unmapped_market_log
WHERE {OF_MARKETS}
ORDER BY source COLLATE "C", external_market_id COLLATE "C"
""")  # noqa: S608  (constants)
READ_IDS = text(f"{READ} WHERE id = ANY (CAST(:ids AS bigint[]))").columns(sample_outcomes=JSONB)

LOCKED = f"""
WITH locked AS (
    SELECT id
    FROM unmapped_market_log
    JOIN {ASKED} USING (source, external_market_id)
    ORDER BY source COLLATE "C", external_market_id COLLATE "C"
    FOR UPDATE OF unmapped_market_log
)
UPDATE unmapped_market_log AS market
"""  # noqa: S608  (constants)

CHANGED = "RETURNING market.source, market.external_market_id"

ACKNOWLEDGE = text(f"""
{LOCKED}
SET status = 'ACKNOWLEDGED', notes = coalesce(:notes, market.notes)
FROM locked
WHERE market.id = locked.id AND market.status <> 'ACKNOWLEDGED'
{CHANGED}
""")

IGNORE = text(f"""
{LOCKED}
SET
    status = 'IGNORED',
    notes = coalesce(:notes, market.notes),
    ignored_until_count = :until_count,
    ignored_until_rate = :until_rate,
    ignored_until = :until
FROM locked
WHERE market.id = locked.id
{CHANGED}
""")

REOPEN = text(f"""
{LOCKED}
SET status = 'NEW', notes = coalesce(:notes, market.notes)
FROM locked
WHERE market.id = locked.id AND market.status <> 'NEW'
{CHANGED}
""")

# One statement for both, because a second one would lock rows out of their order. A row that was already
# missed under this version is left out: the mapping does not cover it. A row that is already MAPPED takes the
# later version, so late records of the versions in between do not reopen it. A row that an editor ignores
# stays ignored: a mapping that happens to cover it does not decide for them. Only a MAPPED row is reopened,
# and not one that a later version covers.
SETTLE = text(f"""
WITH locked AS (
    SELECT market.id, market.status, asked.is_covered, asked.is_wanted
    FROM unmapped_market_log AS market
    JOIN unnest(
        CAST(:sources AS text[]), CAST(:external_market_ids AS text[]), CAST(:are_covered AS boolean[]),
        CAST(:are_wanted AS boolean[])
    ) AS asked (source, external_market_id, is_covered, is_wanted) USING (source, external_market_id)
    ORDER BY source COLLATE "C", external_market_id COLLATE "C"
    FOR UPDATE OF market
)
UPDATE unmapped_market_log AS market
SET
    status = CASE WHEN locked.is_covered THEN 'MAPPED' ELSE 'NEW' END,
    mapped_version = CASE
        WHEN locked.is_covered THEN greatest(market.mapped_version, CAST(:version AS bigint))
    END
FROM locked
WHERE market.id = locked.id
    AND (market.mapped_version IS NULL OR market.mapped_version < :version)
    AND CASE
        WHEN locked.is_covered THEN
            (market.mapping_version IS NULL OR market.mapping_version < :version)
            AND (market.status <> 'IGNORED' OR locked.is_wanted)
        ELSE market.status = 'MAPPED'
    END
{CHANGED}, market.status, locked.status AS status_before
""")  # noqa: S608  (constants)
