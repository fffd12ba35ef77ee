"""How often each market had been missed at the beginning of each day.

A table of its own, written once a day: counting, which writes all the time, writes nothing more for it.
"""

import sqlalchemy as sa
from alembic import op

from worker.storage.routines import statements

revision = "0039"
down_revision = "0037"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "miss_day",
        sa.Column("miss_id", sa.Integer),
        sa.Column("day", sa.Date),
        sa.Column("occurrences", sa.BigInteger, nullable=False),
        sa.Column(
            "taken_at", sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")
        ),
        sa.PrimaryKeyConstraint("miss_id", "day"),
        sa.CheckConstraint("occurrences >= 1", name="ck_miss_day_occurrences"),
    )
    for statement in statements("miss_day_grants_v1"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_table("miss_day")
