"""Evidence from odds: watched events, evidence for mappings, suggestions with samples, alarms."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from worker.storage.routines import statements

revision = "0030"
down_revision = "0021"
branch_labels = None
depends_on = None

_TABLES = ("alarm", "evidence_sample", "suggestion", "mapping_evidence", "watched_event")


def _moment(name: str, *, nullable: bool = False) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True), nullable=nullable)


def _written() -> sa.Column[object]:
    now = sa.text("now()")
    return sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=now)


def upgrade() -> None:
    op.create_table(
        "watched_event",
        sa.Column("event", sa.String(200), primary_key=True),
        sa.Column("home", sa.String(255)),
        sa.Column("away", sa.String(255)),
        _moment("starts_at", nullable=True),
        _moment("seen_at"),
        sa.Column("books", sa.SmallInteger, nullable=False),
        sa.Column("boards", sa.LargeBinary, nullable=False),
        _written(),
        sa.CheckConstraint("books >= 1", name="ck_watched_event_books"),
        sa.CheckConstraint("octet_length(boards) <= 16777216", name="ck_watched_event_boards"),
    )
    op.create_table(
        "mapping_evidence",
        sa.Column("canonical_id", sa.String(100)),
        sa.Column("platform", sa.String(20)),
        sa.Column("against", sa.String(20)),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("comparisons", sa.Integer, nullable=False),
        sa.Column("prices", sa.Integer, nullable=False),
        sa.Column("median", sa.Double, nullable=False),
        sa.Column("p90", sa.Double, nullable=False),
        sa.Column("worst", JSONB, nullable=False),
        _moment("last_verified_at", nullable=True),
        _written(),
        sa.PrimaryKeyConstraint("canonical_id", "platform", "against"),
        sa.CheckConstraint("against <> platform", name="ck_mapping_evidence_against"),
        sa.CheckConstraint(
            "events >= 1 AND comparisons >= greatest(events, prices) AND prices >= 1",
            name="ck_mapping_evidence_counts",
        ),
        sa.CheckConstraint("median >= 0 AND p90 >= median", name="ck_mapping_evidence_distances"),
    )
    op.create_table(
        "suggestion",
        sa.Column("source", sa.String(20)),
        sa.Column("external_market_id", sa.String(100)),
        sa.Column("rank", sa.SmallInteger),
        sa.Column("market_name", sa.String(255)),
        sa.Column("canonical_id", sa.String(100), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("line_kind", sa.String(20), nullable=False),
        sa.Column("outcomes", JSONB, nullable=False),
        sa.Column("unmatched", JSONB, nullable=False),
        sa.Column("evidence", JSONB, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("likeness", sa.Double, nullable=False),
        sa.Column("confidence", sa.Double, nullable=False),
        sa.Column("is_confident", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        _written(),
        sa.PrimaryKeyConstraint("source", "external_market_id", "rank"),
        sa.CheckConstraint("rank >= 1 AND events >= 1", name="ck_suggestion_counts"),
        sa.CheckConstraint(
            "confidence BETWEEN 0 AND 1 AND likeness BETWEEN 0 AND 1", name="ck_suggestion_shares"
        ),
        sa.CheckConstraint("NOT is_confident OR rank = 1", name="ck_suggestion_confident"),
    )
    op.create_table(
        "evidence_sample",
        sa.Column("subject", sa.String(10)),
        sa.Column("source", sa.String(20)),
        sa.Column("market", sa.String(100)),
        sa.Column("event", sa.String(200)),
        sa.Column("home", sa.String(255)),
        sa.Column("away", sa.String(255)),
        _moment("starts_at", nullable=True),
        _moment("seen_at"),
        sa.Column("prices", JSONB, nullable=False),
        sa.Column("others", JSONB, nullable=False),
        _written(),
        sa.PrimaryKeyConstraint("subject", "source", "market", "event"),
        sa.CheckConstraint("subject IN ('miss', 'alarm')", name="ck_evidence_sample_subject"),
    )
    op.create_table(
        "alarm",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("canonical_id", sa.String(100), nullable=False),
        sa.Column("platform", sa.String(20), nullable=False),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("kind", sa.String(20), nullable=False),
        sa.Column("present", sa.Double, nullable=False),
        sa.Column("better", sa.Double, nullable=False),
        sa.Column("events", sa.Integer, nullable=False),
        sa.Column("canonical_id_instead", sa.String(100), nullable=False),
        sa.Column("outcomes_instead", JSONB, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("status", sa.String(20), nullable=False, server_default=sa.text("'OPEN'")),
        sa.Column(
            "raised_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")
        ),
        _written(),
        sa.Column("status_actor", sa.String(100)),
        sa.Column("status_reason", sa.Text),
        _moment("status_changed_at", nullable=True),
        sa.Column("status_login", sa.String(100)),
        sa.UniqueConstraint("canonical_id", "platform", "version", name="uq_alarm_mapping"),
        sa.CheckConstraint("kind IN ('assignment', 'line', 'market')", name="ck_alarm_kind"),
        sa.CheckConstraint("status IN ('OPEN', 'ACKNOWLEDGED', 'CLOSED')", name="ck_alarm_status"),
        sa.CheckConstraint("better >= 0 AND present > better", name="ck_alarm_costs"),
        sa.CheckConstraint("events >= 1", name="ck_alarm_events"),
    )
    for name in ("sign_alarm_v1", "alarm_triggers_v1", "insight_grants_v1"):
        for statement in statements(name):
            op.execute(statement)


def downgrade() -> None:
    for table in _TABLES:
        op.drop_table(table)
    op.execute("DROP FUNCTION marketmap_sign_alarm_v1()")
