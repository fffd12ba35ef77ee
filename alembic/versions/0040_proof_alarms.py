"""Alarms of kind `proof`: a bookmaker's own prices contradict a mapping, and nothing fits better."""

from alembic import op

revision = "0040"
down_revision = "0039"
branch_labels = None
depends_on = None

_MAPPING = "canonical_id, version"
_INSTEAD = "present, better, canonical_id_instead, outcomes_instead"
_DRIFT = "sign, first_hour, last_hour"
_BEFORE = (
    f"CASE kind WHEN 'drift' THEN num_nonnulls({_DRIFT}) = 3"
    f" AND num_nonnulls({_MAPPING}, {_INSTEAD}) = 0"
    f" ELSE num_nonnulls({_DRIFT}) = 0"
    f" AND num_nonnulls({_MAPPING}, {_INSTEAD}) = 6 END"
)
_AFTER = _BEFORE.replace(
    " ELSE ",
    f" WHEN 'proof' THEN num_nonnulls({_DRIFT}, {_INSTEAD}) = 0"
    f" AND num_nonnulls({_MAPPING}) = 2 ELSE ",
)


def upgrade() -> None:
    _replace("kind IN ('assignment', 'line', 'market', 'proof', 'drift')", _AFTER)


def downgrade() -> None:
    op.execute("DELETE FROM alarm WHERE kind = 'proof'")
    _replace("kind IN ('assignment', 'line', 'market', 'drift')", _BEFORE)


def _replace(kinds: str, about: str) -> None:
    for name, condition in (("ck_alarm_kind", kinds), ("ck_alarm_about", about)):
        op.drop_constraint(name, "alarm", type_="check")
        op.create_check_constraint(name, "alarm", condition)
