"""What a canonical market means, for those who compare prices. NULL where nobody has said it."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

TABLE = "user_market_mappings"
CHECK = "ck_user_market_mappings_traits"
# More than the largest traits that can be read. A NULL is no traits, and a CHECK that is NULL holds.
CONDITION = "jsonb_typeof(traits) = 'object' AND length(CAST(traits AS text)) <= 10000"


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("traits", JSONB))
    op.create_check_constraint(CHECK, TABLE, CONDITION)


def downgrade() -> None:
    op.drop_constraint(CHECK, TABLE)
    op.drop_column(TABLE, "traits")
