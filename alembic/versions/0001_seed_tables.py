"""The three tables that other services share."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None

NOW = sa.text("now()")


def upgrade() -> None:
    create_user_market_mappings()
    create_mapping_audit_log()
    create_unmapped_market_log()


def downgrade() -> None:
    op.drop_table("unmapped_market_log")
    op.drop_table("mapping_audit_log")
    op.drop_table("user_market_mappings")


def create_user_market_mappings() -> None:
    op.create_table(
        "user_market_mappings",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("canonical_id", sa.String(100), nullable=False),
        sa.Column("name", sa.String(255), nullable=False),
        sa.Column("betpawa_id", sa.String(50)),
        sa.Column("sportybet_id", sa.String(50)),
        sa.Column("bet9ja_key", sa.String(50)),
        sa.Column("outcome_mapping", JSONB, nullable=False),
        sa.Column("priority", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("is_active", sa.Boolean, nullable=False, server_default=sa.text("true")),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("created_by", sa.String(100)),
        sa.UniqueConstraint("canonical_id", name="uq_user_market_mappings_canonical_id"),
    )
    partial_indexes = {
        "idx_user_mappings_active": ("is_active", "is_active"),
        "idx_user_mappings_betpawa": ("betpawa_id", "betpawa_id IS NOT NULL"),
        "idx_user_mappings_sportybet": ("sportybet_id", "sportybet_id IS NOT NULL"),
        "idx_user_mappings_bet9ja": ("bet9ja_key", "bet9ja_key IS NOT NULL"),
    }
    for name, (column, predicate) in partial_indexes.items():
        op.create_index(name, "user_market_mappings", [column], postgresql_where=sa.text(predicate))


def create_mapping_audit_log() -> None:
    op.create_table(
        "mapping_audit_log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column(
            "mapping_id", sa.Integer, sa.ForeignKey("user_market_mappings.id", ondelete="SET NULL")
        ),
        sa.Column("canonical_id", sa.String(100), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("old_value", JSONB),
        sa.Column("new_value", JSONB),
        sa.Column("reason", sa.Text),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("created_by", sa.String(100)),
    )
    op.create_index("idx_audit_log_mapping", "mapping_audit_log", ["mapping_id"])
    op.create_index("idx_audit_log_canonical", "mapping_audit_log", ["canonical_id"])
    op.create_index("idx_audit_log_action", "mapping_audit_log", ["action"])
    op.create_index("idx_audit_log_created", "mapping_audit_log", [sa.text("created_at DESC")])


def create_unmapped_market_log() -> None:
    op.create_table(
        "unmapped_market_log",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("source", sa.String(20), nullable=False),
        sa.Column("external_market_id", sa.String(100), nullable=False),
        sa.Column("market_name", sa.String(255)),
        sa.Column("sample_outcomes", JSONB),
        sa.Column("first_seen_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("last_seen_at", sa.DateTime(timezone=True), nullable=False, server_default=NOW),
        sa.Column("occurrence_count", sa.Integer, nullable=False, server_default=sa.text("1")),
        sa.Column("status", sa.String(20), nullable=False, server_default=sa.text("'NEW'")),
        sa.Column("notes", sa.Text),
        sa.UniqueConstraint("source", "external_market_id", name="uq_unmapped_source_market"),
    )
    op.create_index("idx_unmapped_source", "unmapped_market_log", ["source"])
    op.create_index("idx_unmapped_status", "unmapped_market_log", ["status"])
    op.create_index(
        "idx_unmapped_occurrences", "unmapped_market_log", [sa.text("occurrence_count DESC")]
    )
    op.create_index("idx_unmapped_last_seen", "unmapped_market_log", [sa.text("last_seen_at DESC")])
