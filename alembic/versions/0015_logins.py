"""The login is kept next to every actor, and no function calls anything that somebody else can create.

An actor is what a transaction claims. Functions were looked up in a schema where everybody may create
operators, until Postgres 14 by default, and two of them run with their owner's rights. A change of mappings
that waits for another one has a limit.
"""

from collections.abc import Iterable

import sqlalchemy as sa
from alembic import op

from worker.storage.routines import statements

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

LOGINS = {
    "mapping_audit_log": "login",
    "watermark_change": "login",
    "replay_run": "login",
    "unmapped_market_log": "status_login",
}
TRIGGERS = {
    "user_market_mappings": (
        "marketmap_lock",
        "marketmap_prepare",
        "marketmap_audit",
        "marketmap_announce",
    ),
    "mapping_audit_log": ("marketmap_lock", "marketmap_guard_rows", "marketmap_guard"),
    "unmapped_market_log": ("marketmap_change_status",),
    "watermark_change": ("marketmap_guard",),
}
NEW_TRIGGERS = {
    "unmapped_market_log": ("marketmap_sign_status", "marketmap_sign_new_status"),
    "watermark_change": ("marketmap_sign",),
    "replay_run": ("marketmap_sign",),
}
REPLACED = ("lock_mappings", "audit_mapping", "guard_audit", "change_status", "append_only")
ADDED = ("sign_v1", "sign_status_v1")
BOUND = ("heat_v1", "events_v1", "market_name_v1")


def upgrade() -> None:
    for table, column in LOGINS.items():
        op.add_column(table, sa.Column(column, sa.String(100)))
    # After the column is added, so that existing rows stay NULL: nobody knows who wrote them.
    op.alter_column("mapping_audit_log", "login", server_default=sa.text("SESSION_USER"))
    _drop_triggers(TRIGGERS)
    _run("bound_functions_v1", *(f"{name}_v2" for name in REPLACED), *ADDED)
    _run("mapping_triggers_v2", "miss_triggers_v2")
    _run("watermark_change_triggers_v2", "replay_triggers_v1")
    _drop_functions(f"{name}_v1" for name in REPLACED)


def downgrade() -> None:
    _drop_triggers(NEW_TRIGGERS)
    _drop_triggers(TRIGGERS)
    _drop_functions((*(f"{name}_v2" for name in REPLACED), *ADDED))
    for name in BOUND:
        for statement in statements(name):
            op.execute(statement.replace("CREATE FUNCTION", "CREATE OR REPLACE FUNCTION"))
    _run(*(f"{name}_v1" for name in REPLACED))
    _run("mapping_triggers_v1", "miss_triggers_v1", "watermark_change_triggers_v1")
    for table, column in LOGINS.items():
        op.drop_column(table, column)


def _run(*names: str) -> None:
    for name in names:
        for statement in statements(name):
            op.execute(statement)


def _drop_triggers(triggers: dict[str, tuple[str, ...]]) -> None:
    for table, names in triggers.items():
        for name in names:
            op.execute(f"DROP TRIGGER {name} ON {table}")


def _drop_functions(names: Iterable[str]) -> None:
    for name in names:
        op.execute(f"DROP FUNCTION marketmap_{name}()")
