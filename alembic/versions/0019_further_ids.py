"""Further ids of a mapping: several of one bookmaker, each with its own labels, line and phase.

Older workers do not read the column. Whether a bookmaker sells a market of a name, and which mappings claim
an id, is looked up in both places, so both have their indexes.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

TABLE = "user_market_mappings"
CHECK = "ck_user_market_mappings_also"
# A NULL is no further id; a draft that is not active may hold anything of that shape.
CONDITION = """
also IS NULL OR (
    jsonb_typeof(also) = 'array' AND (NOT is_active OR (
length(CAST(also AS text)) <= 400000
AND NOT jsonb_path_exists(also, 'strict $.**{32} ? (@.type() == "object" || @.type() == "array")')
AND NOT jsonb_path_exists(
    also,
    'strict $.** ? (@.type() == "number" && (@ > 9223372036854775807 || @ < -9223372036854775808))'
)
)))
"""
PLATFORMS = ("betpawa", "sportybet", "bet9ja")


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("also", JSONB))
    op.create_check_constraint(CHECK, TABLE, CONDITION)
    op.create_index(
        "idx_user_mappings_also",
        TABLE,
        ["also"],
        postgresql_using="gin",
        postgresql_ops={"also": "jsonb_path_ops"},
        postgresql_where=sa.text("also IS NOT NULL"),
    )
    for platform in PLATFORMS:
        op.create_index(
            f"idx_user_mappings_{platform}_also_name",
            TABLE,
            [sa.text("marketmap_market_name_v1(CAST(name AS text))"), "priority"],
            postgresql_where=sa.text(
                f"""also @> CAST('[{{"platform": "{platform}"}}]' AS jsonb)"""
            ),
        )


def downgrade() -> None:
    for platform in PLATFORMS:
        op.drop_index(f"idx_user_mappings_{platform}_also_name", TABLE)
    op.drop_index("idx_user_mappings_also", TABLE)
    op.drop_constraint(CHECK, TABLE)
    op.drop_column(TABLE, "also")
