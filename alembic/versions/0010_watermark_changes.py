"""Every move of a watermark by anything but counting: who moved it, and why."""

import sqlalchemy as sa
from alembic import op

from worker.storage.routines import statements

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "watermark_change",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("consumer_group", sa.String(255), nullable=False),
        sa.Column("topic_id", sa.String(22), nullable=False),
        sa.Column("topic", sa.String(249), nullable=False),
        sa.Column("partition", sa.Integer, nullable=False),
        sa.Column("old_offset", sa.BigInteger, nullable=False),
        sa.Column("new_offset", sa.BigInteger, nullable=False),
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
        sa.CheckConstraint("old_offset <> new_offset", name="ck_watermark_change_moves"),
        sa.CheckConstraint(
            "least(old_offset, new_offset) >= 0", name="ck_watermark_change_offsets"
        ),
        sa.CheckConstraint(
            "btrim(actor) <> '' AND btrim(reason) <> ''", name="ck_watermark_change_explained"
        ),
    )
    for name in ("append_only_v1", "watermark_change_triggers_v1", "grants_v2"):
        for statement in statements(name):
            op.execute(statement)


def downgrade() -> None:
    op.drop_table("watermark_change")
    op.execute("DROP FUNCTION marketmap_append_only_v1()")
