"""The first suggestion of each market, the surest first: an order of the queue."""

import sqlalchemy as sa
from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "idx_suggestion_surest",
        "suggestion",
        [sa.text("is_confident DESC"), sa.text("confidence DESC"), "source", "external_market_id"],
        postgresql_where=sa.text("rank = 1"),
    )


def downgrade() -> None:
    op.drop_index("idx_suggestion_surest", "suggestion")
