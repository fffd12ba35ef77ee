"""A bound of the reason of a direct change: it is indexed for searches, while all other edits wait.

The audit log keeps a reason that is longer as it was given.
"""

from alembic import op

revision = "0043"
down_revision = "0042"
branch_labels = None
depends_on = None

NAME = "ck_change_set_reason"
# The trigger refuses to change what somebody wrote.
CUT = (
    "ALTER TABLE change_set DISABLE TRIGGER marketmap_change_set",
    "UPDATE change_set SET reason = left(reason, 2000) WHERE length(reason) > 2000",
    "ALTER TABLE change_set ENABLE TRIGGER marketmap_change_set",
)


def upgrade() -> None:
    for statement in CUT:
        op.execute(statement)
    op.create_check_constraint(NAME, "change_set", "length(reason) <= 2000")


def downgrade() -> None:
    op.drop_constraint(NAME, "change_set", type_="check")
