"""The tables as SQLAlchemy Core metadata.

The first three belong to a contract with other services: their columns, defaults, constraints and index
names stay as they are. The columns that this project adds come last in each table. The migrations under
`alembic/` build the same database; a test compares the two through the catalog.
"""

from typing import Final

from sqlalchemy import (
    BigInteger,
    Boolean,
    CheckConstraint,
    Column,
    Computed,
    Date,
    DateTime,
    Double,
    ForeignKey,
    Index,
    Integer,
    LargeBinary,
    MetaData,
    PrimaryKeyConstraint,
    SmallInteger,
    String,
    Table,
    Text,
    UniqueConstraint,
    event,
    text,
)
from sqlalchemy.dialects.postgresql import ARRAY, JSONB

from worker.domain.books.registry import ID_COLUMNS
from worker.storage.columns.json_columns import LONGEST
from worker.storage.routines import create_functions, create_triggers

# The names that Postgres gives by default, so that migrations need not name them.
NAMING_CONVENTION = {"pk": "%(table_name)s_pkey", "fk": "%(table_name)s_%(column_0_name)s_fkey"}

metadata = MetaData(naming_convention=NAMING_CONVENTION)
event.listen(metadata, "before_create", create_functions)
event.listen(metadata, "after_create", create_triggers)

# The logarithm of the score: occurrences (each counts half after a day), times events, doubled for each
# other bookmaker.
PRIORITY = (
    "coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at))"
    " + ln((1 + marketmap_event_count_v1(event_hashes))::double precision)"
    " + other_books * ln(2.0::double precision)"
)


def _bounded(column: str, longest: int) -> str:
    """Return the condition that a JSON value can be read and published; see `worker.domain.bounded_json`."""
    return f"""
length(CAST({column} AS text)) <= {longest}
AND NOT jsonb_path_exists({column}, 'strict $.**{{32}} ? (@.type() == "object" || @.type() == "array")')
AND NOT jsonb_path_exists(
    {column},
    'strict $.** ? (@.type() == "number" && (@ > 9223372036854775807 || @ < -9223372036854775808))'
)
"""


def sells_further(platform: str, column: str) -> str:
    """The condition that a mapping has a further id of a platform, as its index has it."""
    return f"""{column} @> CAST('[{{"platform": "{platform}"}}]' AS jsonb)"""


def text_keys_of(row: str) -> str:
    """The keys by which the name and the reason of a change set are searched, as the index has them.

    ``row`` names the row, with a dot after it; it is empty in the index itself.
    """
    return f"marketmap_grams_v1(coalesce(CAST({row}name AS text) || ' ', '') || coalesce({row}reason, ''))"


# More than the largest mapping that a worker can use. Rows of the audit log have no such bound: triggers
# write them, and a mapping from before the bound must still be deletable. Misses have none either: workers
# write bounded samples, and a check that fails for an old row would reject its counts.
_LONGEST_OF_A_MAPPING = 400_000

user_market_mappings = Table(
    "user_market_mappings",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("canonical_id", String(100), nullable=False),
    Column("name", String(255), nullable=False),
    *(Column(name, String(50)) for name in ID_COLUMNS.values()),
    Column("outcome_mapping", JSONB, nullable=False),
    Column("priority", Integer, nullable=False, server_default=text("0")),
    Column("is_active", Boolean, nullable=False, server_default=text("true")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("created_by", String(100)),
    Column("line_rule", JSONB(none_as_null=True)),
    Column("scope", JSONB(none_as_null=True)),
    Column("also", JSONB(none_as_null=True)),
    Column("traits", JSONB(none_as_null=True)),
    Column("participant", JSONB(none_as_null=True)),
    UniqueConstraint("canonical_id", name="uq_user_market_mappings_canonical_id"),
    CheckConstraint("btrim(canonical_id) <> ''", name="ck_user_market_mappings_canonical_id"),
    CheckConstraint(
        "jsonb_typeof(outcome_mapping) = 'array' AND outcome_mapping <> '[]'::jsonb",
        name="ck_user_market_mappings_outcome_mapping",
    ),
    CheckConstraint("jsonb_typeof(line_rule) = 'object'", name="ck_user_market_mappings_line_rule"),
    CheckConstraint(
        "scope IS NULL OR (jsonb_typeof(scope) = 'object' AND length(CAST(scope AS text)) <= 200"
        f" AND num_nonnulls({', '.join(ID_COLUMNS.values())}) = 0)",
        name="ck_user_market_mappings_scope",
    ),
    CheckConstraint(
        f"NOT is_active OR ({_bounded('outcome_mapping', _LONGEST_OF_A_MAPPING)})",
        name="ck_user_market_mappings_outcome_mapping_bounds",
    ),
    CheckConstraint(
        f"NOT is_active OR ({_bounded('line_rule', _LONGEST_OF_A_MAPPING)})",
        name="ck_user_market_mappings_line_rule_bounds",
    ),
    CheckConstraint(
        "also IS NULL OR (jsonb_typeof(also) = 'array'"
        f" AND (NOT is_active OR ({_bounded('also', _LONGEST_OF_A_MAPPING)})))",
        name="ck_user_market_mappings_also",
    ),
    CheckConstraint(
        "jsonb_typeof(traits) = 'object' AND length(CAST(traits AS text)) <= 10000",
        name="ck_user_market_mappings_traits",
    ),
    CheckConstraint(
        "participant IS NULL OR (jsonb_typeof(participant) = 'object'"
        " AND length(CAST(participant AS text)) <= 200"
        f" AND num_nonnulls({', '.join(ID_COLUMNS.values())}) = 0)",
        name="ck_user_market_mappings_participant",
    ),
    Index("idx_user_mappings_active", "is_active", postgresql_where=text("is_active")),
    *(
        Index(f"idx_user_mappings_{platform}", name, postgresql_where=text(f"{name} IS NOT NULL"))
        for platform, name in ID_COLUMNS.items()
    ),
    *(
        Index(
            f"idx_user_mappings_{platform}_name",
            text("marketmap_market_name_v1(CAST(name AS text))"),
            "priority",
            postgresql_where=text(f"{name} IS NOT NULL"),
        )
        for platform, name in ID_COLUMNS.items()
    ),
    Index(
        "idx_user_mappings_also",
        "also",
        postgresql_using="gin",
        postgresql_ops={"also": "jsonb_path_ops"},
        postgresql_where=text("also IS NOT NULL"),
    ),
    *(
        Index(
            f"idx_user_mappings_{platform}_also_name",
            text("marketmap_market_name_v1(CAST(name AS text))"),
            "priority",
            postgresql_where=text(sells_further(platform, "also")),
        )
        for platform in ID_COLUMNS
    ),
)

mapping_audit_log = Table(
    "mapping_audit_log",
    metadata,
    Column("id", Integer, primary_key=True),
    # SET NULL, and canonical_id next to it: the history outlives the mapping.
    Column("mapping_id", Integer, ForeignKey("user_market_mappings.id", ondelete="SET NULL")),
    Column("canonical_id", String(100), nullable=False),
    Column("action", String(20), nullable=False),
    Column("old_value", JSONB(none_as_null=True)),
    Column("new_value", JSONB(none_as_null=True)),
    Column("reason", Text),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("created_by", String(100)),
    Column("login", String(100), server_default=text("SESSION_USER")),
    Column("change_set_id", BigInteger),
    Column("approved_by", String(100)),
    CheckConstraint(
        "action IN ('CREATE', 'UPDATE', 'DELETE', 'ACTIVATE', 'DEACTIVATE')",
        name="ck_mapping_audit_log_action",
    ),
    Index("idx_audit_log_mapping", "mapping_id"),
    Index("idx_audit_log_canonical", "canonical_id"),
    # The version of a mapping is its last id here.
    Index("idx_audit_log_canonical_version", "canonical_id", "id"),
    Index("idx_audit_log_action", "action"),
    Index("idx_audit_log_created", text("created_at DESC")),
    Index(
        "idx_audit_log_change_set",
        "change_set_id",
        postgresql_where=text("change_set_id IS NOT NULL"),
    ),
)

unmapped_market_log = Table(
    "unmapped_market_log",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("source", String(20), nullable=False),
    Column("external_market_id", String(100), nullable=False),
    Column("market_name", String(255)),
    Column("sample_outcomes", JSONB(none_as_null=True)),
    Column("first_seen_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("last_seen_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("occurrence_count", Integer, nullable=False, server_default=text("1")),
    Column("status", String(20), nullable=False, server_default=text("'NEW'")),
    Column("notes", Text),
    Column("reason", String(40)),
    Column("mapping_version", BigInteger),
    Column("announced_at", DateTime(timezone=True)),
    Column("mapped_version", BigInteger),
    Column("status_actor", String(100)),
    Column("status_changed_at", DateTime(timezone=True)),
    Column("ignored_until_count", Integer),
    Column("ignored_until_rate", Double),
    Column("ignored_until", DateTime(timezone=True)),
    Column("heat", Double),
    Column("event_hashes", ARRAY(Integer), nullable=False, server_default=text("'{}'")),
    Column("other_books", SmallInteger, nullable=False, server_default=text("0")),
    Column(
        "event_count", Integer, Computed("marketmap_event_count_v1(event_hashes)", persisted=True)
    ),
    Column("priority", Double, Computed(PRIORITY, persisted=True)),
    Column("status_login", String(100)),
    Column("priority_band", Double, Computed(f"floor({PRIORITY})", persisted=True)),
    UniqueConstraint("source", "external_market_id", name="uq_unmapped_source_market"),
    CheckConstraint(
        "status IN ('NEW', 'ACKNOWLEDGED', 'MAPPED', 'IGNORED')",
        name="ck_unmapped_market_log_status",
    ),
    CheckConstraint("occurrence_count >= 1", name="ck_unmapped_market_log_occurrence_count"),
    CheckConstraint("first_seen_at <= last_seen_at", name="ck_unmapped_market_log_seen"),
    CheckConstraint(
        "(status = 'MAPPED') = (mapped_version IS NOT NULL)",
        name="ck_unmapped_market_log_mapped_version",
    ),
    CheckConstraint(
        "status = 'IGNORED'"
        " OR (ignored_until_count IS NULL AND ignored_until_rate IS NULL AND ignored_until IS NULL)",
        name="ck_unmapped_market_log_ignored",
    ),
    Index("idx_unmapped_source", "source"),
    Index("idx_unmapped_status", "status"),
    # No index holds a column that each sighting changes. Counting a known market then writes no index at all
    # (a HOT update), as long as there is room in the page of its row: see the fill factor below.
    Index("idx_unmapped_priority", text("priority_band DESC")),
    Index(
        "idx_unmapped_name",
        text("marketmap_market_name_v1(CAST(market_name AS text))"),
        "source",
        "other_books",
    ),
    # Only ids that the key does not find: each update of a row adds an entry to every index.
    Index(
        "idx_unmapped_market",
        "source",
        text("split_part(CAST(external_market_id AS text), '?', 1)"),
        postgresql_where=text("strpos(CAST(external_market_id AS text), '?') > 0"),
    ),
    Index("idx_unmapped_unannounced", "id", postgresql_where=text("announced_at IS NULL")),
    postgresql_with={"fillfactor": 50},
)

ingest_watermark = Table(
    "ingest_watermark",
    metadata,
    Column("consumer_group", String(255)),
    # Kafka's text form of a topic id, as kafka-topics.sh prints it: 22 characters of unpadded base64url.
    Column("topic_id", String(22)),
    Column("partition", Integer),
    Column("topic", String(249), nullable=False),
    Column("next_offset", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("consumer_group", "topic_id", "partition"),
    CheckConstraint("topic_id ~ '^[A-Za-z0-9_-]{22}$'", name="ck_ingest_watermark_topic_id"),
    CheckConstraint("partition >= 0", name="ck_ingest_watermark_partition"),
    CheckConstraint("next_offset >= 0", name="ck_ingest_watermark_next_offset"),
)

watermark_change = Table(
    "watermark_change",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("consumer_group", String(255), nullable=False),
    Column("topic_id", String(22), nullable=False),
    Column("topic", String(249), nullable=False),
    Column("partition", Integer, nullable=False),
    Column("old_offset", BigInteger, nullable=False),
    Column("new_offset", BigInteger, nullable=False),
    Column("actor", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("login", String(100)),
    CheckConstraint("old_offset <> new_offset", name="ck_watermark_change_moves"),
    CheckConstraint("least(old_offset, new_offset) >= 0", name="ck_watermark_change_offsets"),
    CheckConstraint(
        "btrim(actor) <> '' AND btrim(reason) <> ''", name="ck_watermark_change_explained"
    ),
)

unmapped_overflow = Table(
    "unmapped_overflow",
    metadata,
    Column("source", String(20)),
    Column("hour", DateTime(timezone=True)),
    Column("new_markets", Integer, nullable=False, server_default=text("0")),
    Column("overflowed", BigInteger, nullable=False, server_default=text("0")),
    PrimaryKeyConstraint("source", "hour"),
    CheckConstraint("least(new_markets, overflowed) >= 0", name="ck_unmapped_overflow_counts"),
)

relay_cursor = Table(
    "relay_cursor",
    metadata,
    Column("name", String(249), primary_key=True),
    Column("last_audit_id", BigInteger, nullable=False),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    CheckConstraint("last_audit_id >= 0", name="ck_relay_cursor_last_audit_id"),
)

replay_run = Table(
    "replay_run",
    metadata,
    Column("id", String(36), primary_key=True),
    Column("consumer_group", String(255), nullable=False),
    Column("ranges", JSONB, nullable=False),
    Column("filters", JSONB, nullable=False),
    Column("mapping_version", BigInteger, nullable=False),
    Column("rate", Double),
    Column("actor", String(100), nullable=False),
    Column("reason", Text, nullable=False),
    Column("state", String(20), nullable=False),
    Column("error", Text),
    Column("published", BigInteger, nullable=False, server_default=text("0")),
    Column("passed_over", BigInteger, nullable=False, server_default=text("0")),
    Column("unreadable", BigInteger, nullable=False, server_default=text("0")),
    Column("lost", BigInteger, nullable=False, server_default=text("0")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    Column("finished_at", DateTime(timezone=True)),
    Column("login", String(100)),
    CheckConstraint("id ~ '^[a-z0-9-]{1,36}$'", name="ck_replay_run_id"),
    CheckConstraint(
        "jsonb_typeof(ranges) = 'array' AND ranges <> '[]'::jsonb", name="ck_replay_run_ranges"
    ),
    CheckConstraint("jsonb_typeof(filters) = 'object'", name="ck_replay_run_filters"),
    CheckConstraint(_bounded("ranges", LONGEST), name="ck_replay_run_ranges_bounds"),
    CheckConstraint(_bounded("filters", LONGEST), name="ck_replay_run_filters_bounds"),
    CheckConstraint("mapping_version >= 0", name="ck_replay_run_mapping_version"),
    CheckConstraint("rate > 0", name="ck_replay_run_rate"),
    CheckConstraint("btrim(actor) <> '' AND btrim(reason) <> ''", name="ck_replay_run_signed"),
    CheckConstraint(
        "state IN ('RUNNING', 'DONE', 'FAILED', 'ABANDONED')", name="ck_replay_run_state"
    ),
    CheckConstraint(
        "(state = 'RUNNING') = (finished_at IS NULL)", name="ck_replay_run_finished_at"
    ),
    CheckConstraint("error IS NULL OR state = 'FAILED'", name="ck_replay_run_error"),
    CheckConstraint(
        "least(published, passed_over, unreadable, lost) >= 0", name="ck_replay_run_counts"
    ),
    Index("idx_replay_run_created", text("created_at DESC")),
)


def _written() -> Column[object]:
    return Column(
        "updated_at", DateTime(timezone=True), nullable=False, server_default=text("now()")
    )


# The insight process writes these seven. All but decisions about alarms, and the counts of days, follow from
# the newest observations.
watched_event = Table(
    "watched_event",
    metadata,
    Column("event", String(200), primary_key=True),
    Column("home", String(255)),
    Column("away", String(255)),
    Column("starts_at", DateTime(timezone=True)),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("books", SmallInteger, nullable=False),
    Column("boards", LargeBinary, nullable=False),
    _written(),
    CheckConstraint("books >= 1", name="ck_watched_event_books"),
    CheckConstraint("octet_length(boards) <= 16777216", name="ck_watched_event_boards"),
)

mapping_evidence = Table(
    "mapping_evidence",
    metadata,
    Column("canonical_id", String(100)),
    Column("platform", String(20)),
    Column("against", String(20)),
    Column("version", BigInteger, nullable=False),
    Column("events", Integer, nullable=False),
    Column("comparisons", Integer, nullable=False),
    Column("prices", Integer, nullable=False),
    Column("median", Double, nullable=False),
    Column("p90", Double, nullable=False),
    Column("worst", JSONB, nullable=False),
    Column("last_verified_at", DateTime(timezone=True)),
    _written(),
    PrimaryKeyConstraint("canonical_id", "platform", "against"),
    CheckConstraint("against <> platform", name="ck_mapping_evidence_against"),
    CheckConstraint(
        "events >= 1 AND comparisons >= greatest(events, prices) AND prices >= 1",
        name="ck_mapping_evidence_counts",
    ),
    CheckConstraint("median >= 0 AND p90 >= median", name="ck_mapping_evidence_distances"),
)

suggestion = Table(
    "suggestion",
    metadata,
    Column("source", String(20)),
    Column("external_market_id", String(100)),
    Column("rank", SmallInteger),
    Column("market_name", String(255)),
    Column("canonical_id", String(100), nullable=False),
    Column("version", BigInteger, nullable=False),
    Column("line_kind", String(20), nullable=False),
    Column("outcomes", JSONB, nullable=False),
    Column("unmatched", JSONB, nullable=False),
    Column("evidence", JSONB, nullable=False),
    Column("events", Integer, nullable=False),
    Column("likeness", Double, nullable=False),
    Column("confidence", Double, nullable=False),
    Column("is_confident", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    _written(),
    PrimaryKeyConstraint("source", "external_market_id", "rank"),
    CheckConstraint("rank >= 1 AND events >= 1", name="ck_suggestion_counts"),
    CheckConstraint(
        "confidence BETWEEN 0 AND 1 AND likeness BETWEEN 0 AND 1", name="ck_suggestion_shares"
    ),
    CheckConstraint("NOT is_confident OR rank = 1", name="ck_suggestion_confident"),
    # The order in which the surest ones are listed.
    Index(
        "idx_suggestion_surest",
        text("is_confident DESC"),
        text("confidence DESC"),
        "source",
        "external_market_id",
        postgresql_where=text("rank = 1"),
    ),
)

evidence_sample = Table(
    "evidence_sample",
    metadata,
    Column("subject", String(10)),
    Column("source", String(20)),
    Column("market", String(100)),
    Column("event", String(200)),
    Column("home", String(255)),
    Column("away", String(255)),
    Column("starts_at", DateTime(timezone=True)),
    Column("seen_at", DateTime(timezone=True), nullable=False),
    Column("prices", JSONB, nullable=False),
    Column("others", JSONB, nullable=False),
    _written(),
    PrimaryKeyConstraint("subject", "source", "market", "event"),
    CheckConstraint("subject IN ('miss', 'alarm')", name="ck_evidence_sample_subject"),
)

# What an alarm on a mapping has, and one on the form of a bookmaker's observations has not.
_OF_MAPPING: Final = "canonical_id, version"
# What an alarm has that says what the mapping is instead. One by proof does not.
_INSTEAD: Final = "present, better, canonical_id_instead, outcomes_instead"
_OF_DRIFT: Final = "sign, first_hour, last_hour"
alarm = Table(
    "alarm",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("canonical_id", String(100)),
    Column("platform", String(20), nullable=False),
    Column("version", BigInteger),
    Column("kind", String(20), nullable=False),
    Column("present", Double),
    Column("better", Double),
    Column("events", Integer, nullable=False),
    Column("canonical_id_instead", String(100)),
    Column("outcomes_instead", JSONB),
    Column("reason", Text, nullable=False),
    Column("status", String(20), nullable=False, server_default=text("'OPEN'")),
    Column("raised_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    _written(),
    Column("status_actor", String(100)),
    Column("status_reason", Text),
    Column("status_changed_at", DateTime(timezone=True)),
    Column("status_login", String(100)),
    Column("sign", String(20)),
    Column("first_hour", DateTime(timezone=True)),
    Column("last_hour", DateTime(timezone=True)),
    UniqueConstraint("canonical_id", "platform", "version", name="uq_alarm_mapping"),
    UniqueConstraint("platform", "sign", "first_hour", name="uq_alarm_drift"),
    CheckConstraint(
        "kind IN ('assignment', 'line', 'market', 'proof', 'drift')", name="ck_alarm_kind"
    ),
    CheckConstraint(
        f"CASE kind WHEN 'drift' THEN num_nonnulls({_OF_DRIFT}) = 3"
        f" AND num_nonnulls({_OF_MAPPING}, {_INSTEAD}) = 0"
        f" WHEN 'proof' THEN num_nonnulls({_OF_DRIFT}, {_INSTEAD}) = 0"
        f" AND num_nonnulls({_OF_MAPPING}) = 2"
        f" ELSE num_nonnulls({_OF_DRIFT}) = 0"
        f" AND num_nonnulls({_OF_MAPPING}, {_INSTEAD}) = 6 END",
        name="ck_alarm_about",
    ),
    CheckConstraint("status IN ('OPEN', 'ACKNOWLEDGED', 'CLOSED')", name="ck_alarm_status"),
    CheckConstraint("better >= 0 AND present > better", name="ck_alarm_costs"),
    CheckConstraint("events >= 1", name="ck_alarm_events"),
)

shape_hour = Table(
    "shape_hour",
    metadata,
    Column("platform", String(20)),
    Column("hour", DateTime(timezone=True)),
    Column("version", BigInteger, nullable=False),
    Column("observations", Integer, nullable=False),
    Column("unreadable", Integer, nullable=False),
    Column("markets", JSONB, nullable=False),
    Column("recalled", Integer),
    Column("unread", JSONB, nullable=False),
    Column("examples", JSONB, nullable=False),
    _written(),
    Column("records", BigInteger),
    PrimaryKeyConstraint("platform", "hour"),
    CheckConstraint(
        "observations >= 0 AND unreadable >= 0 AND recalled >= 0", name="ck_shape_hour_counts"
    ),
    CheckConstraint(
        "length(CAST(markets AS text)) + length(CAST(unread AS text))"
        " + length(CAST(examples AS text)) <= 65536",
        name="ck_shape_hour_length",
    ),
    CheckConstraint("records >= 0", name="ck_shape_hour_records"),
)

mapping_hour = Table(
    "mapping_hour",
    metadata,
    Column("canonical_id", String(100)),
    Column("platform", String(20)),
    Column("hour", DateTime(timezone=True)),
    Column("observations", Integer, nullable=False),
    PrimaryKeyConstraint("canonical_id", "platform", "hour"),
    CheckConstraint("observations >= 1", name="ck_mapping_hour_observations"),
)

miss_day = Table(
    "miss_day",
    metadata,
    Column("miss_id", Integer),
    Column("day", Date),
    Column("occurrences", BigInteger, nullable=False),
    Column("taken_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("miss_id", "day"),
    CheckConstraint("occurrences >= 1", name="ck_miss_day_occurrences"),
)


def _signed() -> tuple[Column[str], Column[str], Column[object]]:
    """Who wrote a row, and when. A trigger sets them."""
    return (
        Column("actor", String(100), nullable=False),
        Column("login", String(100), nullable=False),
        Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    )


# Proposed changes of mappings. Workers read none of these tables: what is not approved is not there for them.
change_set = Table(
    "change_set",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("name", String(200)),
    Column("reason", Text),
    Column("state", String(20), nullable=False, server_default=text("'DRAFT'")),
    Column("is_direct", Boolean, nullable=False, server_default=text("false")),
    Column("reverts", BigInteger, ForeignKey("change_set.id")),
    Column("revision", Integer, nullable=False, server_default=text("0")),
    *_signed(),
    Column("authors", ARRAY(Text), nullable=False),
    Column("proposed_at", DateTime(timezone=True)),
    Column("proposed_by", String(100)),
    Column("proposed_login", String(100)),
    Column("decided_at", DateTime(timezone=True)),
    Column("decided_by", String(100)),
    Column("decided_login", String(100)),
    Column("forced", Text),
    Column("applied_in", BigInteger),
    CheckConstraint(
        "state IN ('DRAFT', 'PROPOSED', 'SENT_BACK', 'WITHDRAWN', 'APPROVED', 'REVERTED')",
        name="ck_change_set_state",
    ),
    CheckConstraint(
        "is_direct OR (btrim(name) <> '' AND btrim(reason) <> '' AND length(reason) <= 2000"
        " AND name IS NOT NULL AND reason IS NOT NULL)",
        name="ck_change_set_explained",
    ),
    CheckConstraint("length(reason) <= 2000", name="ck_change_set_reason"),
    CheckConstraint(
        "forced IS NULL OR (btrim(forced) <> '' AND length(forced) <= 2000)",
        name="ck_change_set_forced",
    ),
    CheckConstraint(
        "(state IN ('APPROVED', 'REVERTED')) = (applied_in IS NOT NULL)",
        name="ck_change_set_applied",
    ),
    Index("idx_change_set_state", "state", text("id DESC")),
    Index(
        "idx_change_set_applied_in", "applied_in", postgresql_where=text("applied_in IS NOT NULL")
    ),
    Index("idx_change_set_reverts", "reverts", postgresql_where=text("reverts IS NOT NULL")),
    Index("idx_change_set_text", text(text_keys_of("")), postgresql_using="gin"),
    *(
        Index(f"idx_change_set_{name}", name, "id")
        for name in ("actor", "proposed_by", "decided_by")
    ),
)

change_draft = Table(
    "change_draft",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("change_set_id", BigInteger, ForeignKey("change_set.id"), nullable=False),
    Column("canonical_id", String(100), nullable=False),
    Column("action", String(20), nullable=False),
    Column("base_version", BigInteger),
    Column("mapping", JSONB(none_as_null=True)),
    Column("is_active", Boolean),
    Column("misses", JSONB, nullable=False, server_default=text("'[]'")),
    *_signed(),
    _written(),
    UniqueConstraint("change_set_id", "canonical_id", name="uq_change_draft_mapping"),
    CheckConstraint(
        "action IN ('CREATE', 'UPDATE', 'ACTIVATE', 'DEACTIVATE', 'DELETE')",
        name="ck_change_draft_action",
    ),
    CheckConstraint(
        "(action = 'CREATE') = (base_version IS NULL)", name="ck_change_draft_base_version"
    ),
    CheckConstraint(
        "(action IN ('CREATE', 'UPDATE')) = (mapping IS NOT NULL)", name="ck_change_draft_mapping"
    ),
    CheckConstraint(
        "CASE action WHEN 'ACTIVATE' THEN is_active WHEN 'DEACTIVATE' THEN NOT is_active"
        " WHEN 'DELETE' THEN is_active IS NULL ELSE true END IS TRUE",
        name="ck_change_draft_is_active",
    ),
    CheckConstraint(
        f"mapping IS NULL OR (jsonb_typeof(mapping) = 'object' AND ({_bounded('mapping', LONGEST)}))",
        name="ck_change_draft_mapping_bounds",
    ),
    CheckConstraint(
        "jsonb_typeof(misses) = 'array' AND length(CAST(misses AS text)) <= 100000",
        name="ck_change_draft_misses",
    ),
    Index("idx_change_draft_canonical", "canonical_id"),
    Index(
        "idx_change_draft_misses",
        "misses",
        postgresql_using="gin",
        postgresql_ops={"misses": "jsonb_path_ops"},
    ),
)

change_comment = Table(
    "change_comment",
    metadata,
    Column("id", BigInteger, primary_key=True),
    Column("change_set_id", BigInteger, ForeignKey("change_set.id"), nullable=False),
    Column("comment", Text, nullable=False),
    *_signed(),
    CheckConstraint(
        "btrim(comment) <> '' AND length(comment) <= 2000", name="ck_change_comment_length"
    ),
    Index("idx_change_comment_set", "change_set_id"),
)

# The newest row is in force; without one, four eyes are not required.
review_policy = Table(
    "review_policy",
    metadata,
    Column("id", Integer, primary_key=True),
    Column("four_eyes", Boolean, nullable=False),
    Column("reason", Text, nullable=False),
    *_signed(),
    CheckConstraint(
        "btrim(reason) <> '' AND length(reason) <= 2000", name="ck_review_policy_explained"
    ),
)

# Who works on a miss. Not in the row of the miss: counting writes that one all the time.
miss_case = Table(
    "miss_case",
    metadata,
    Column("source", String(20)),
    Column("external_market_id", String(100)),
    Column("owner", String(100)),
    Column("snoozed_until", DateTime(timezone=True)),
    Column("regressed_at", DateTime(timezone=True)),
    Column("regressed_from", BigInteger),
    Column("actor", String(100)),
    Column("login", String(100)),
    Column("reason", Text),
    Column("changed_at", DateTime(timezone=True)),
    PrimaryKeyConstraint("source", "external_market_id"),
    CheckConstraint("btrim(owner) <> ''", name="ck_miss_case_owner"),
    Index("idx_miss_case_owner", "owner", postgresql_where=text("owner IS NOT NULL")),
    Index(
        "idx_miss_case_regressed",
        text("regressed_at DESC"),
        postgresql_where=text("regressed_at IS NOT NULL"),
    ),
)

# A view of the queue that a person keeps, as the query string of its page.
queue_view = Table(
    "queue_view",
    metadata,
    Column("actor", String(100)),
    Column("name", String(100)),
    Column("query", Text, nullable=False),
    Column("login", String(100), nullable=False),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("actor", "name"),
    CheckConstraint("btrim(name) <> ''", name="ck_queue_view_name"),
    CheckConstraint("length(query) <= 2000", name="ck_queue_view_query"),
)

# What a change set did to misses, written in the transaction that applied it. Without a row it is not known:
# the change is older than this table, or was made by plain SQL.
change_effect = Table(
    "change_effect",
    metadata,
    Column("change_set_id", BigInteger, ForeignKey("change_set.id")),
    Column("created_at", DateTime(timezone=True), nullable=False, server_default=text("now()")),
    PrimaryKeyConstraint("change_set_id"),
    Index("idx_change_effect_created", text("created_at DESC")),
)

change_effect_miss = Table(
    "change_effect_miss",
    metadata,
    Column("change_set_id", BigInteger, ForeignKey("change_effect.change_set_id")),
    Column("source", String(20)),
    Column("external_market_id", String(100)),
    Column("is_covered", Boolean, nullable=False),
    Column("occurrences", BigInteger, nullable=False),
    Column("per_hour", Double, nullable=False),
    Column("comparisons_per_day", Double),
    PrimaryKeyConstraint("change_set_id", "source", "external_market_id"),
    CheckConstraint(
        "occurrences >= 1 AND per_hour >= 0 AND comparisons_per_day >= 0",
        name="ck_change_effect_miss_counts",
    ),
)
