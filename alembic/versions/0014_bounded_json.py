"""Bounds of the JSON that people write: no process could read or publish a value beyond them.

An existing row beyond the bounds does not stop the migration. Its constraint then stays NOT VALID: it applies
to new rows, and `marketmap doctor` says what to do about the old one.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

BOUNDED = """
length(CAST({column} AS text)) <= {longest}
AND NOT jsonb_path_exists({column}, 'strict $.**{{32}} ? (@.type() == "object" || @.type() == "array")')
AND NOT jsonb_path_exists(
    {column},
    'strict $.** ? (@.type() == "number" && (@ > 9223372036854775807 || @ < -9223372036854775808))'
)
"""
CHECKS = {
    ("user_market_mappings", "outcome_mapping"): "NOT is_active OR ({bounded})",
    ("user_market_mappings", "line_rule"): "NOT is_active OR ({bounded})",
    ("replay_run", "ranges"): "{bounded}",
    ("replay_run", "filters"): "{bounded}",
}
LONGEST = {"user_market_mappings": 400_000, "replay_run": 1_000_000}
# A line rule may be NULL, and a CHECK that is NULL holds.
VALIDATED = """
DO $$
BEGIN
    IF EXISTS (SELECT FROM {table} WHERE NOT ({condition})) THEN
        RAISE WARNING '{table} has rows that {name} refuses: it stays NOT VALID';
    ELSE
        ALTER TABLE {table} VALIDATE CONSTRAINT {name};
    END IF;
END
$$
"""


def upgrade() -> None:
    for (table, column), form in CHECKS.items():
        bounded = BOUNDED.format(column=column, longest=LONGEST[table]).strip()
        condition, name = form.format(bounded=bounded), f"ck_{table}_{column}_bounds"
        op.create_check_constraint(name, table, condition, postgresql_not_valid=True)
        op.execute(VALIDATED.format(table=table, name=name, condition=condition))


def downgrade() -> None:
    for table, column in CHECKS:
        op.drop_constraint(f"ck_{table}_{column}_bounds", table)
