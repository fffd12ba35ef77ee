"""Indexes for what people list and search: no page reads a large table from end to end.

None is on the missed markets: counting would pay for it. The version of a mapping is found by mapping and
number, change sets by person and by a part of their text. A text is found by its groups of three characters,
without an extension.
"""

import sqlalchemy as sa
from alembic import op

from worker.storage.routines import statements

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

AUDIT = ("idx_audit_log_canonical_version", "mapping_audit_log")
TEXT = ("idx_change_set_text", "change_set")
PEOPLE = {
    "idx_change_set_actor": "actor",
    "idx_change_set_proposed_by": "proposed_by",
    "idx_change_set_decided_by": "decided_by",
}
_KEYS = "marketmap_grams_v1(coalesce(CAST(name AS text) || ' ', '') || coalesce(reason, ''))"


def upgrade() -> None:
    for statement in statements("search_keys_v1"):
        op.execute(statement)
    op.create_index(*AUDIT, ["canonical_id", "id"])
    for name, person in PEOPLE.items():
        op.create_index(name, "change_set", [person, "id"])
    op.create_index(*TEXT, [sa.text(_KEYS)], postgresql_using="gin")


def downgrade() -> None:
    for index in (TEXT, AUDIT):
        op.drop_index(*index)
    for name in PEOPLE:
        op.drop_index(name, "change_set")
    op.execute("DROP FUNCTION marketmap_grams_v1(text)")
