"""Every change of a mapping is audited in the order of the commits, whoever makes it.

Existing mappings get a first audit row, so the table at every version can be rebuilt from the log alone.
"""

from alembic import op

from worker.storage.routines import statements

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None

ROUTINES = (
    "lock_mappings_v1",
    "prepare_mapping_v1",
    "audit_mapping_v1",
    "announce_mappings_v1",
    "guard_audit_v1",
    "mapping_triggers_v1",
)
TRIGGERS = {
    "user_market_mappings": (
        "marketmap_lock",
        "marketmap_prepare",
        "marketmap_audit",
        "marketmap_announce",
    ),
    "mapping_audit_log": ("marketmap_lock", "marketmap_guard_rows", "marketmap_guard"),
}
CHECK = "ck_mapping_audit_log_action"


def upgrade() -> None:
    op.create_check_constraint(
        CHECK,
        "mapping_audit_log",
        "action IN ('CREATE', 'UPDATE', 'DELETE', 'ACTIVATE', 'DEACTIVATE')",
    )
    for name in (*ROUTINES, "audit_baseline_v1"):
        for statement in statements(name):
            op.execute(statement)


def downgrade() -> None:
    for table, triggers in TRIGGERS.items():
        for trigger in triggers:
            op.execute(f"DROP TRIGGER {trigger} ON {table}")
    for name in ROUTINES[:-1]:
        op.execute(f"DROP FUNCTION marketmap_{name}()")
    op.drop_constraint(CHECK, "mapping_audit_log")
