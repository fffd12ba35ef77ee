"""How far the changes of mappings are published."""

import sqlalchemy as sa
from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "relay_cursor",
        sa.Column("name", sa.String(249), primary_key=True),
        sa.Column("last_audit_id", sa.BigInteger, nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
        sa.CheckConstraint("last_audit_id >= 0", name="ck_relay_cursor_last_audit_id"),
    )


def downgrade() -> None:
    op.drop_table("relay_cursor")
