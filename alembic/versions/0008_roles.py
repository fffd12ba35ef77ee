"""Groups with the least rights: worker, editor, reader, and the owner who migrates.

If the migrating user may not create roles, none are created; `marketmap roles` creates them later.
"""

from alembic import op

from worker.storage.routines import statements

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for name in ("roles_v1", "grants_v1"):
        for statement in statements(name):
            op.execute(statement)


def downgrade() -> None:
    # The roles stay: they belong to the server, and other databases may use them.
    for statement in statements("revokes_v1"):
        op.execute(statement)
