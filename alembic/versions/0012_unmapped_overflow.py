"""How many new markets each source added in an hour, and the sightings beyond the limit."""

import sqlalchemy as sa
from alembic import op

from worker.storage.routines import statements

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "unmapped_overflow",
        sa.Column("source", sa.String(20)),
        sa.Column("hour", sa.DateTime(timezone=True)),
        sa.Column("new_markets", sa.Integer, nullable=False, server_default=sa.text("0")),
        sa.Column("overflowed", sa.BigInteger, nullable=False, server_default=sa.text("0")),
        sa.PrimaryKeyConstraint("source", "hour"),
        sa.CheckConstraint(
            "least(new_markets, overflowed) >= 0", name="ck_unmapped_overflow_counts"
        ),
    )
    for statement in statements("overflow_grants_v1"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("unmapped_overflow")
