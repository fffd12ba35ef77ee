"""Misses as a work queue: who changed a status and under which version, until when, and what comes first."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import ARRAY

from worker.storage.routines import statements

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

TABLE = "unmapped_market_log"
ROUTINES = ("heat_v1", "events_v1", "market_name_v1", "change_status_v1")
FUNCTIONS = (
    "change_status_v1()",
    "market_name_v1(text)",
    "event_count_v1(integer[])",
    "add_events_v1(integer[], integer[])",
    "rate_v1(double precision, timestamptz)",
    "add_heat_v1(double precision, double precision)",
    "heat_v1(integer, timestamptz)",
)
EVENT_COUNT = "marketmap_event_count_v1(event_hashes)"
PRIORITY = (
    "coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at))"
    f" + ln((1 + {EVENT_COUNT})::double precision) + other_books * ln(2.0::double precision)"
)
CHECKS = {
    "ck_unmapped_market_log_mapped_version": "(status = 'MAPPED') = (mapped_version IS NOT NULL)",
    "ck_unmapped_market_log_ignored": (
        "status = 'IGNORED'"
        " OR (ignored_until_count IS NULL AND ignored_until_rate IS NULL AND ignored_until IS NULL)"
    ),
}


def upgrade() -> None:
    for name in ROUTINES:
        for statement in statements(name):
            op.execute(statement)
    for column in columns():
        op.add_column(TABLE, column)
    op.execute(
        f"UPDATE {TABLE} SET mapped_version = (SELECT coalesce(max(id), 0) FROM mapping_audit_log)"  # noqa: S608 (a constant)
        " WHERE status = 'MAPPED'"
    )
    for name, condition in CHECKS.items():
        op.create_check_constraint(name, TABLE, condition)
    op.create_index("idx_unmapped_priority", TABLE, [sa.text("priority DESC"), "id"])
    op.create_index(
        "idx_unmapped_name", TABLE, [sa.text("marketmap_market_name_v1(CAST(market_name AS text))")]
    )
    for statement in statements("miss_triggers_v1"):
        op.execute(statement)


def columns() -> list[sa.Column[object]]:
    return [
        sa.Column("mapped_version", sa.BigInteger),
        sa.Column("status_actor", sa.String(100)),
        sa.Column("status_changed_at", sa.DateTime(timezone=True)),
        sa.Column("ignored_until_count", sa.Integer),
        sa.Column("ignored_until_rate", sa.Double),
        sa.Column("ignored_until", sa.DateTime(timezone=True)),
        sa.Column("heat", sa.Double),
        sa.Column(
            "event_hashes", ARRAY(sa.Integer), nullable=False, server_default=sa.text("'{}'")
        ),
        sa.Column("other_books", sa.SmallInteger, nullable=False, server_default=sa.text("0")),
        sa.Column("event_count", sa.Integer, sa.Computed(EVENT_COUNT, persisted=True)),
        sa.Column("priority", sa.Double, sa.Computed(PRIORITY, persisted=True)),
    ]


def downgrade() -> None:
    op.execute(f"DROP TRIGGER marketmap_change_status ON {TABLE}")
    op.drop_index("idx_unmapped_name", TABLE)
    op.drop_index("idx_unmapped_priority", TABLE)
    for name in CHECKS:
        op.drop_constraint(name, TABLE)
    for column in reversed(columns()):
        op.drop_column(TABLE, column.name)
    for function in FUNCTIONS:
        op.execute(f"DROP FUNCTION marketmap_{function}")
