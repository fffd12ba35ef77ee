"""How far each consumer group has counted each partition."""

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "ingest_watermark",
        sa.Column("consumer_group", sa.String(255)),
        sa.Column("topic_id", sa.String(22)),
        sa.Column("partition", sa.Integer),
        sa.Column("topic", sa.String(249), nullable=False),
        sa.Column("next_offset", sa.BigInteger, nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
        sa.PrimaryKeyConstraint("consumer_group", "topic_id", "partition"),
        sa.CheckConstraint("topic_id ~ '^[A-Za-z0-9_-]{22}$'", name="ck_ingest_watermark_topic_id"),
        sa.CheckConstraint("partition >= 0", name="ck_ingest_watermark_partition"),
        sa.CheckConstraint("next_offset >= 0", name="ck_ingest_watermark_next_offset"),
    )


def downgrade() -> None:
    op.drop_table("ingest_watermark")
