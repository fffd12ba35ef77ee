"""Indexes of normalised names: an index finds who else offers a market, however many rows share its name."""

import sqlalchemy as sa
from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

MISSES = "idx_unmapped_name"
NAME_OF_MISS = sa.text("marketmap_market_name_v1(CAST(market_name AS text))")
NAME_OF_MAPPING = sa.text("marketmap_market_name_v1(CAST(name AS text))")
SOLD = {"betpawa": "betpawa_id", "sportybet": "sportybet_id", "bet9ja": "bet9ja_key"}


def upgrade() -> None:
    op.drop_index(MISSES, "unmapped_market_log")
    op.create_index(MISSES, "unmapped_market_log", [NAME_OF_MISS, "source", "other_books"])
    for platform, column in SOLD.items():
        op.create_index(
            f"idx_user_mappings_{platform}_name",
            "user_market_mappings",
            [NAME_OF_MAPPING, "priority"],
            postgresql_where=sa.text(f"{column} IS NOT NULL"),
        )


def downgrade() -> None:
    for platform in SOLD:
        op.drop_index(f"idx_user_mappings_{platform}_name", "user_market_mappings")
    op.drop_index(MISSES, "unmapped_market_log")
    op.create_index(MISSES, "unmapped_market_log", [NAME_OF_MISS])
