"""The index for the misses of one platform market holds only ids with a specifier: the key finds the others.

Every update of a miss adds to every index of the table, and almost no id has a specifier.
"""

import sqlalchemy as sa
from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

NAME = "idx_unmapped_market"
TABLE = "unmapped_market_log"
COLUMNS = ("source", sa.text("split_part(CAST(external_market_id AS text), '?', 1)"))
SPECIFIED = sa.text("strpos(CAST(external_market_id AS text), '?') > 0")


def upgrade() -> None:
    op.drop_index(NAME, TABLE)
    op.create_index(NAME, TABLE, [*COLUMNS], postgresql_where=SPECIFIED)


def downgrade() -> None:
    op.drop_index(NAME, TABLE)
    op.create_index(NAME, TABLE, [*COLUMNS])
