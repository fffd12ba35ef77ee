"""The form of each bookmaker's observations by the hour, and alarms of kind `drift`, on no mapping."""

import sqlalchemy as sa
from alembic import op
from sqlalchemy.dialects.postgresql import JSONB

from worker.storage.routines import statements

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

_OF_MAPPINGS = {
    "canonical_id": sa.String(100),
    "version": sa.BigInteger(),
    "present": sa.Double(),
    "better": sa.Double(),
    "canonical_id_instead": sa.String(100),
    "outcomes_instead": JSONB(),
}
_KINDS = "kind IN ('assignment', 'line', 'market')"


def upgrade() -> None:
    op.create_table(
        "shape_hour",
        sa.Column("platform", sa.String(20)),
        sa.Column("hour", sa.DateTime(timezone=True)),
        sa.Column("version", sa.BigInteger, nullable=False),
        sa.Column("observations", sa.Integer, nullable=False),
        sa.Column("unreadable", sa.Integer, nullable=False),
        sa.Column("markets", JSONB, nullable=False),
        sa.Column("recalled", sa.Integer),
        sa.Column("unread", JSONB, nullable=False),
        sa.Column("examples", JSONB, nullable=False),
        sa.Column(
            "updated_at",
            sa.DateTime(timezone=True),
            nullable=False,
            server_default=sa.text("now()"),
        ),
        sa.PrimaryKeyConstraint("platform", "hour"),
        sa.CheckConstraint(
            "observations >= 0 AND unreadable >= 0 AND recalled >= 0", name="ck_shape_hour_counts"
        ),
        sa.CheckConstraint(
            "length(CAST(markets AS text)) + length(CAST(unread AS text))"
            " + length(CAST(examples AS text)) <= 65536",
            name="ck_shape_hour_length",
        ),
    )
    op.add_column("alarm", sa.Column("sign", sa.String(20)))
    op.add_column("alarm", sa.Column("first_hour", sa.DateTime(timezone=True)))
    op.add_column("alarm", sa.Column("last_hour", sa.DateTime(timezone=True)))
    for name in _OF_MAPPINGS:
        op.alter_column("alarm", name, nullable=True)
    op.drop_constraint("ck_alarm_kind", "alarm", type_="check")
    op.create_check_constraint("ck_alarm_kind", "alarm", f"{_KINDS[:-1]}, 'drift')")
    op.create_check_constraint(
        "ck_alarm_about",
        "alarm",
        "CASE kind WHEN 'drift' THEN num_nonnulls(sign, first_hour, last_hour) = 3"
        f" AND num_nonnulls({', '.join(_OF_MAPPINGS)}) = 0"
        " ELSE num_nonnulls(sign, first_hour, last_hour) = 0"
        f" AND num_nonnulls({', '.join(_OF_MAPPINGS)}) = 6 END",
    )
    op.create_unique_constraint("uq_alarm_drift", "alarm", ["platform", "sign", "first_hour"])
    for statement in statements("shape_grants_v1"):
        op.execute(statement)


def downgrade() -> None:
    op.execute("DELETE FROM alarm WHERE kind = 'drift'")
    op.drop_constraint("uq_alarm_drift", "alarm", type_="unique")
    op.drop_constraint("ck_alarm_about", "alarm", type_="check")
    op.drop_constraint("ck_alarm_kind", "alarm", type_="check")
    op.create_check_constraint("ck_alarm_kind", "alarm", _KINDS)
    for name in _OF_MAPPINGS:
        op.alter_column("alarm", name, nullable=False)
    for name in ("last_hour", "first_hour", "sign"):
        op.drop_column("alarm", name)
    op.drop_table("shape_hour")
