"""What kind of participant the prices of a mapping are about: a player. NULL for a market of the match.

A mapping with a participant has no id in the columns that older workers read: its ids are in `also`, whose
labels have a place for the name.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

TABLE = "user_market_mappings"
CHECK = "ck_user_market_mappings_participant"
CONDITION = (
    "participant IS NULL OR (jsonb_typeof(participant) = 'object'"
    " AND length(CAST(participant AS text)) <= 200"
    " AND num_nonnulls(betpawa_id, sportybet_id, bet9ja_key) = 0)"
)


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("participant", JSONB))
    op.create_check_constraint(CHECK, TABLE, CONDITION)


def downgrade() -> None:
    op.drop_constraint(CHECK, TABLE)
    op.drop_column(TABLE, "participant")
