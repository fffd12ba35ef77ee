"""Why and under which version a market was last missed, and whether its first sighting was announced."""

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

TABLE = "unmapped_market_log"
CHECKS = {
    "ck_unmapped_market_log_status": "status IN ('NEW', 'ACKNOWLEDGED', 'MAPPED', 'IGNORED')",
    "ck_unmapped_market_log_occurrence_count": "occurrence_count >= 1",
    "ck_unmapped_market_log_seen": "first_seen_at <= last_seen_at",
}


def upgrade() -> None:
    op.add_column(TABLE, sa.Column("reason", sa.String(40)))
    op.add_column(TABLE, sa.Column("mapping_version", sa.BigInteger))
    op.add_column(TABLE, sa.Column("announced_at", sa.DateTime(timezone=True)))
    # Rows that are already in the table are not announced.
    op.execute(f"UPDATE {TABLE} SET announced_at = now()")  # noqa: S608 (a constant)
    op.create_index(
        "idx_unmapped_unannounced", TABLE, ["id"], postgresql_where=sa.text("announced_at IS NULL")
    )
    for name, condition in CHECKS.items():
        op.create_check_constraint(name, TABLE, condition)


def downgrade() -> None:
    for name in CHECKS:
        op.drop_constraint(name, TABLE)
    op.drop_index("idx_unmapped_unannounced", TABLE)
    for column in ("announced_at", "mapping_version", "reason"):
        op.drop_column(TABLE, column)
