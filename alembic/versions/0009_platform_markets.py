"""The misses of one platform market, whatever the specifier in their ids, are found by an index."""

import sqlalchemy as sa
from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_index(
        "idx_unmapped_market",
        "unmapped_market_log",
        ["source", sa.text("split_part(CAST(external_market_id AS text), '?', 1)")],
    )


def downgrade() -> None:
    op.drop_index("idx_unmapped_market", "unmapped_market_log")
