"""A dry run where four eyes are required: a direct change is refused at its commit, not when it is tried."""

from alembic import op

from worker.storage.routines import statements

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

_TRIGGERS = {
    "user_market_mappings": (
        "marketmap_lock",
        "marketmap_prepare",
        "marketmap_audit",
        "marketmap_announce",
    ),
    "mapping_audit_log": ("marketmap_lock", "marketmap_guard_rows", "marketmap_guard"),
}


def upgrade() -> None:
    _drop_triggers()
    _run("audit_mapping_v4", "refuse_unreviewed_v1", "mapping_triggers_v4")
    op.execute("DROP FUNCTION marketmap_audit_mapping_v3")


def downgrade() -> None:
    _drop_triggers()
    op.execute("DROP TRIGGER marketmap_refuse_unreviewed ON user_market_mappings")
    op.execute("DROP FUNCTION marketmap_audit_mapping_v4")
    op.execute("DROP FUNCTION marketmap_refuse_unreviewed_v1")
    _run("audit_mapping_v3", "mapping_triggers_v3")


def _drop_triggers() -> None:
    for table, triggers in _TRIGGERS.items():
        for trigger in triggers:
            op.execute(f"DROP TRIGGER {trigger} ON {table}")


def _run(*names: str) -> None:
    for name in names:
        for statement in statements(name):
            op.execute(statement)
