"""Proposed changes of mappings: drafts, the change sets that hold them, review, and who works on a miss.

Every change belongs to a change set: an approved one, or one of its own that the audit trigger records.
Changes from before this revision belong to none.
"""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from worker.storage.routines import statements

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

AUDIT = "mapping_audit_log"
_TABLES = ("change_comment", "change_draft", "change_set", "review_policy", "miss_case")
_ADDED = ("change_set_v1", "change_draft_v1", "sign_row_v1", "sign_case_v1")
_LONGEST = 1_000_000
_TRIGGERS = {
    "user_market_mappings": (
        "marketmap_lock",
        "marketmap_prepare",
        "marketmap_audit",
        "marketmap_announce",
    ),
    AUDIT: ("marketmap_lock", "marketmap_guard_rows", "marketmap_guard"),
    "unmapped_market_log": (
        "marketmap_change_status",
        "marketmap_sign_status",
        "marketmap_sign_new_status",
    ),
}
_BOUNDS = f"""
length(CAST(mapping AS text)) <= {_LONGEST}
AND NOT jsonb_path_exists(mapping, 'strict $.**{{32}} ? (@.type() == "object" || @.type() == "array")')
AND NOT jsonb_path_exists(
    mapping,
    'strict $.** ? (@.type() == "number" && (@ > 9223372036854775807 || @ < -9223372036854775808))'
)
"""


def upgrade() -> None:
    _create_tables()
    op.add_column(AUDIT, sa.Column("change_set_id", sa.BigInteger))
    op.add_column(AUDIT, sa.Column("approved_by", sa.String(100)))
    _index("idx_audit_log_change_set", AUDIT, "change_set_id", "change_set_id IS NOT NULL")
    _drop_triggers()
    _run("audit_mapping_v3", "change_status_v3", *_ADDED)
    _run("mapping_triggers_v3", "miss_triggers_v3", "change_triggers_v1", "change_grants_v1")
    _drop_functions("audit_mapping_v2", "change_status_v2")


def downgrade() -> None:
    _drop_triggers()
    for table in _TABLES:
        op.drop_table(table)
    _drop_functions("audit_mapping_v3", "change_status_v3", *_ADDED)
    _run("audit_mapping_v2", "change_status_v2", "mapping_triggers_v2", "miss_triggers_v2")
    op.drop_index("idx_audit_log_change_set", AUDIT)
    op.drop_column(AUDIT, "approved_by")
    op.drop_column(AUDIT, "change_set_id")


def _create_tables() -> None:
    op.create_table(
        "change_set",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("name", sa.String(200)),
        sa.Column("reason", sa.Text),
        sa.Column("state", sa.String(20), nullable=False, server_default=sa.text("'DRAFT'")),
        sa.Column("is_direct", sa.Boolean, nullable=False, server_default=sa.text("false")),
        sa.Column("reverts", sa.BigInteger, sa.ForeignKey("change_set.id")),
        sa.Column("revision", sa.Integer, nullable=False, server_default=sa.text("0")),
        *_signed(),
        sa.Column("authors", sa.ARRAY(sa.Text), nullable=False),
        _moment("proposed_at"),
        sa.Column("proposed_by", sa.String(100)),
        sa.Column("proposed_login", sa.String(100)),
        _moment("decided_at"),
        sa.Column("decided_by", sa.String(100)),
        sa.Column("decided_login", sa.String(100)),
        sa.Column("forced", sa.Text),
        sa.Column("applied_in", sa.BigInteger),
        sa.CheckConstraint(
            "state IN ('DRAFT', 'PROPOSED', 'SENT_BACK', 'WITHDRAWN', 'APPROVED', 'REVERTED')",
            name="ck_change_set_state",
        ),
        sa.CheckConstraint(
            "is_direct OR (btrim(name) <> '' AND btrim(reason) <> '' AND length(reason) <= 2000"
            " AND name IS NOT NULL AND reason IS NOT NULL)",
            name="ck_change_set_explained",
        ),
        sa.CheckConstraint(
            "forced IS NULL OR (btrim(forced) <> '' AND length(forced) <= 2000)",
            name="ck_change_set_forced",
        ),
        sa.CheckConstraint(
            "(state IN ('APPROVED', 'REVERTED')) = (applied_in IS NOT NULL)",
            name="ck_change_set_applied",
        ),
    )
    op.create_index("idx_change_set_state", "change_set", ["state", sa.text("id DESC")])
    _index("idx_change_set_applied_in", "change_set", "applied_in", "applied_in IS NOT NULL")
    _index("idx_change_set_reverts", "change_set", "reverts", "reverts IS NOT NULL")
    op.create_table(
        "change_draft",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("change_set_id", sa.BigInteger, sa.ForeignKey("change_set.id"), nullable=False),
        sa.Column("canonical_id", sa.String(100), nullable=False),
        sa.Column("action", sa.String(20), nullable=False),
        sa.Column("base_version", sa.BigInteger),
        sa.Column("mapping", JSONB),
        sa.Column("is_active", sa.Boolean),
        sa.Column("misses", JSONB, nullable=False, server_default=sa.text("'[]'")),
        *_signed(),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
        sa.UniqueConstraint("change_set_id", "canonical_id", name="uq_change_draft_mapping"),
        sa.CheckConstraint(
            "action IN ('CREATE', 'UPDATE', 'ACTIVATE', 'DEACTIVATE', 'DELETE')",
            name="ck_change_draft_action",
        ),
        sa.CheckConstraint(
            "(action = 'CREATE') = (base_version IS NULL)", name="ck_change_draft_base_version"
        ),
        sa.CheckConstraint(
            "(action IN ('CREATE', 'UPDATE')) = (mapping IS NOT NULL)",
            name="ck_change_draft_mapping",
        ),
        sa.CheckConstraint(
            "CASE action WHEN 'ACTIVATE' THEN is_active WHEN 'DEACTIVATE' THEN NOT is_active"
            " WHEN 'DELETE' THEN is_active IS NULL ELSE true END IS TRUE",
            name="ck_change_draft_is_active",
        ),
        sa.CheckConstraint(
            f"mapping IS NULL OR (jsonb_typeof(mapping) = 'object' AND ({_BOUNDS}))",
            name="ck_change_draft_mapping_bounds",
        ),
        sa.CheckConstraint(
            "jsonb_typeof(misses) = 'array' AND length(CAST(misses AS text)) <= 100000",
            name="ck_change_draft_misses",
        ),
    )
    op.create_index("idx_change_draft_canonical", "change_draft", ["canonical_id"])
    op.create_table(
        "change_comment",
        sa.Column("id", sa.BigInteger, primary_key=True),
        sa.Column("change_set_id", sa.BigInteger, sa.ForeignKey("change_set.id"), nullable=False),
        sa.Column("comment", sa.Text, nullable=False),
        *_signed(),
        sa.CheckConstraint(
            "btrim(comment) <> '' AND length(comment) <= 2000", name="ck_change_comment_length"
        ),
    )
    op.create_index("idx_change_comment_set", "change_comment", ["change_set_id"])
    op.create_table(
        "review_policy",
        sa.Column("id", sa.Integer, primary_key=True),
        sa.Column("four_eyes", sa.Boolean, nullable=False),
        sa.Column("reason", sa.Text, nullable=False),
        *_signed(),
        sa.CheckConstraint(
            "btrim(reason) <> '' AND length(reason) <= 2000", name="ck_review_policy_explained"
        ),
    )
    op.create_table(
        "miss_case",
        sa.Column("source", sa.String(20)),
        sa.Column("external_market_id", sa.String(100)),
        sa.Column("owner", sa.String(100)),
        _moment("snoozed_until"),
        _moment("regressed_at"),
        sa.Column("regressed_from", sa.BigInteger),
        sa.Column("actor", sa.String(100)),
        sa.Column("login", sa.String(100)),
        sa.Column("reason", sa.Text),
        _moment("changed_at"),
        sa.PrimaryKeyConstraint("source", "external_market_id"),
        sa.CheckConstraint("btrim(owner) <> ''", name="ck_miss_case_owner"),
    )
    _index("idx_miss_case_owner", "miss_case", "owner", "owner IS NOT NULL")
    _index(
        "idx_miss_case_regressed",
        "miss_case",
        sa.text("regressed_at DESC"),
        "regressed_at IS NOT NULL",
    )


def _signed() -> tuple[sa.Column[str], sa.Column[str], sa.Column[object]]:
    return (
        sa.Column("actor", sa.String(100), nullable=False),
        sa.Column("login", sa.String(100), nullable=False),
        sa.Column(
            "created_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
    )


def _moment(name: str) -> sa.Column[object]:
    return sa.Column(name, sa.DateTime(timezone=True))


def _index(name: str, table: str, column: str | sa.TextClause, where: str) -> None:
    op.create_index(name, table, [column], postgresql_where=sa.text(where))


def _run(*names: str) -> None:
    for name in names:
        for statement in statements(name):
            op.execute(statement)


def _drop_triggers() -> None:
    for table, names in _TRIGGERS.items():
        for name in names:
            op.execute(f"DROP TRIGGER {name} ON {table}")


def _drop_functions(*names: str) -> None:
    for name in names:
        op.execute(f"DROP FUNCTION marketmap_{name}()")
