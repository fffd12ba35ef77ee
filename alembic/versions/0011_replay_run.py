"""Side replays: who asked for what and why, and how far each has come."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from worker.storage.routines import statements

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    now = sa.text("now()")
    zero = sa.text("0")
    op.create_table(
        "replay_run",
        sa.Column("id", sa.String(36), primary_key=True),
        sa.Column("consumer_group", sa.String(255), nullable=False),
        sa.Column("ranges", JSONB, nullable=False),
        sa.Column("filters", JSONB, nullable=False),
        sa.Column("mapping_version", sa.BigInteger, nullable=False),
        sa.Column("rate", sa.Double),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column("state", sa.String(20), nullable=False),
        sa.Column("error", sa.Text),
        sa.Column("published", sa.BigInteger, nullable=False, server_default=zero),
        sa.Column("passed_over", sa.BigInteger, nullable=False, server_default=zero),
        sa.Column("unreadable", sa.BigInteger, nullable=False, server_default=zero),
        sa.Column("lost", sa.BigInteger, nullable=False, server_default=zero),
        sa.Column("created_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("updated_at", sa.DateTime(timezone=True), nullable=False, server_default=now),
        sa.Column("finished_at", sa.DateTime(timezone=True)),
        sa.CheckConstraint("id ~ '^[a-z0-9-]{1,36}$'", name="ck_replay_run_id"),
        sa.CheckConstraint(
            "jsonb_typeof(ranges) = 'array' AND ranges <> '[]'::jsonb", name="ck_replay_run_ranges"
        ),
        sa.CheckConstraint("jsonb_typeof(filters) = 'object'", name="ck_replay_run_filters"),
        sa.CheckConstraint("mapping_version >= 0", name="ck_replay_run_mapping_version"),
        sa.CheckConstraint("rate > 0", name="ck_replay_run_rate"),
        sa.CheckConstraint(
            "btrim(actor) <> '' AND btrim(reason) <> ''", name="ck_replay_run_signed"
        ),
        sa.CheckConstraint(
            "state IN ('RUNNING', 'DONE', 'FAILED', 'ABANDONED')", name="ck_replay_run_state"
        ),
        sa.CheckConstraint(
            "(state = 'RUNNING') = (finished_at IS NULL)", name="ck_replay_run_finished_at"
        ),
        sa.CheckConstraint("error IS NULL OR state = 'FAILED'", name="ck_replay_run_error"),
        sa.CheckConstraint(
            "least(published, passed_over, unreadable, lost) >= 0", name="ck_replay_run_counts"
        ),
    )
    op.create_index("idx_replay_run_created", "replay_run", [sa.text("created_at DESC")])
    for statement in statements("replay_grants_v1"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("replay_run")
