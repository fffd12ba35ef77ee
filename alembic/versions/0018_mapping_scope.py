"""The sport and the phase that a mapping applies to; without a scope it is football, before and in play.

A mapping with a scope has no id in the columns that older workers read: they know no scopes, and would use
it in any sport.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

TABLE = "user_market_mappings"
CHECK = "ck_user_market_mappings_scope"
CONDITION = (
    "scope IS NULL OR (jsonb_typeof(scope) = 'object' AND length(CAST(scope AS text)) <= 200"
    " AND num_nonnulls(betpawa_id, sportybet_id, bet9ja_key) = 0)"
)


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("scope", JSONB))
    op.create_check_constraint(CHECK, TABLE, CONDITION)


def downgrade() -> None:
    op.drop_constraint(CHECK, TABLE)
    op.drop_column(TABLE, "scope")
