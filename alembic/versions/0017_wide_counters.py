"""A counter that an operator has widened to bigint has a heat, too. The column itself stays an integer."""

from alembic import op

from worker.storage.routines import statements

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None


def upgrade() -> None:
    for statement in statements("wide_heat_v1"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DROP FUNCTION marketmap_heat_v1(bigint, timestamptz)")
