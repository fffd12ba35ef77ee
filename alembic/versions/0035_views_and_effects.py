"""Views of the queue that people keep, and what each change of mappings did to misses."""

import sqlalchemy as sa
from alembic import op

from worker.storage.routines import statements

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "queue_view",
        sa.Column("actor", sa.String(100)),
        sa.Column("name", sa.String(100)),
        sa.Column("query", sa.Text, nullable=False),
        sa.Column("login", sa.String(100), nullable=False),
        _now("created_at"),
        sa.PrimaryKeyConstraint("actor", "name"),
        sa.CheckConstraint("btrim(name) <> ''", name="ck_queue_view_name"),
        sa.CheckConstraint("length(query) <= 2000", name="ck_queue_view_query"),
    )
    op.create_table(
        "change_effect",
        sa.Column("change_set_id", sa.BigInteger, sa.ForeignKey("change_set.id")),
        _now("created_at"),
        sa.PrimaryKeyConstraint("change_set_id"),
    )
    op.create_index("idx_change_effect_created", "change_effect", [sa.text("created_at DESC")])
    op.create_table(
        "change_effect_miss",
        sa.Column("change_set_id", sa.BigInteger, sa.ForeignKey("change_effect.change_set_id")),
        sa.Column("source", sa.String(20)),
        sa.Column("external_market_id", sa.String(100)),
        sa.Column("is_covered", sa.Boolean, nullable=False),
        sa.Column("occurrences", sa.BigInteger, nullable=False),
        sa.Column("per_hour", sa.Double, nullable=False),
        sa.Column("comparisons_per_day", sa.Double),
        sa.PrimaryKeyConstraint("change_set_id", "source", "external_market_id"),
        sa.CheckConstraint(
            "occurrences >= 1 AND per_hour >= 0 AND comparisons_per_day >= 0",
            name="ck_change_effect_miss_counts",
        ),
    )
    for name in ("change_effect_v1", "view_and_effect_triggers_v1", "view_and_effect_grants_v1"):
        for statement in statements(name):
            op.execute(statement)


def downgrade() -> None:
    for table in ("change_effect_miss", "change_effect", "queue_view"):
        op.drop_table(table)
    op.execute("DROP FUNCTION marketmap_change_effect_v1()")


def _now(name: str) -> sa.Column[object]:
    return sa.Column(
        name, sa.DateTime(timezone=True), nullable=False, server_default=sa.text("now()")
    )
