"""How much each mapping is used, by the hour: on how many observations of a sample, of how many in all."""

import sqlalchemy as sa
from alembic import op

from worker.storage.routines import statements

revision = "0041"
down_revision = "0040"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "mapping_hour",
        sa.Column("canonical_id", sa.String(100)),
        sa.Column("platform", sa.String(20)),
        sa.Column("hour", sa.DateTime(timezone=True)),
        sa.Column("observations", sa.Integer, nullable=False),
        sa.PrimaryKeyConstraint("canonical_id", "platform", "hour"),
        sa.CheckConstraint("observations >= 1", name="ck_mapping_hour_observations"),
    )
    op.add_column("shape_hour", sa.Column("records", sa.BigInteger))
    op.create_check_constraint("ck_shape_hour_records", "shape_hour", "records >= 0")
    for statement in statements("mapping_hour_grants_v1"):
        op.execute(statement)


def downgrade() -> None:
    op.drop_constraint("ck_shape_hour_records", "shape_hour", type_="check")
    op.drop_column("shape_hour", "records")
    op.drop_table("mapping_hour")
