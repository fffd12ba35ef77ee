"""The columns that a mapping needs to read its line, and checks that refuse rows which nobody could use.

The checks refuse nothing that has a meaning in the shared contract. A mapping without a platform id stays
legal: it is a draft. Readers judge the elements of `outcome_mapping`, row by row.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

TABLE = "user_market_mappings"
CHECKS = {
    # The key of every published record: a blank one names nothing.
    "ck_user_market_mappings_canonical_id": "btrim(canonical_id) <> ''",
    # A mapping without outcomes can never resolve anything.
    "ck_user_market_mappings_outcome_mapping": (
        "jsonb_typeof(outcome_mapping) = 'array' AND outcome_mapping <> '[]'::jsonb"
    ),
    # No rule is SQL NULL; a JSON null would be a second way to say the same.
    "ck_user_market_mappings_line_rule": "jsonb_typeof(line_rule) = 'object'",
}


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("line_rule", JSONB))
    for name, condition in CHECKS.items():
        op.create_check_constraint(name, TABLE, condition)


def downgrade() -> None:
    for name in CHECKS:
        op.drop_constraint(name, TABLE)
    op.drop_column(TABLE, "line_rule")
