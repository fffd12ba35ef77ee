"""Counting a known market changes no index: Postgres then writes the new row into the page of the old one.

Each sighting changes the number of occurrences, the time of the last one and the priority. The indexes of
these made every update write to all indexes of the table. The queue is read by bands of priority instead: a
row changes its band about once a day.
"""

import sqlalchemy as sa
from alembic import op

revision = "0031"
down_revision = "0030"
branch_labels = None
depends_on = None

TABLE = "unmapped_market_log"
PRIORITY = "idx_unmapped_priority"
OF_EACH_SIGHTING = {
    "idx_unmapped_occurrences": "occurrence_count DESC",
    "idx_unmapped_last_seen": "last_seen_at DESC",
}
BAND = (
    "floor("
    "coalesce(heat, marketmap_heat_v1(occurrence_count, last_seen_at))"
    " + ln((1 + marketmap_event_count_v1(event_hashes))::double precision)"
    " + other_books * ln(2.0::double precision)"
    ")"
)


def upgrade() -> None:
    for name in (*OF_EACH_SIGHTING, PRIORITY):
        op.drop_index(name, TABLE)
    # Half of each page is left for new versions of its rows. Adding the column rewrites the table.
    op.execute(f"ALTER TABLE {TABLE} SET (fillfactor = 50)")
    op.add_column(TABLE, sa.Column("priority_band", sa.Double, sa.Computed(BAND, persisted=True)))
    op.create_index(PRIORITY, TABLE, [sa.text("priority_band DESC")])


def downgrade() -> None:
    op.drop_index(PRIORITY, TABLE)
    op.drop_column(TABLE, "priority_band")
    op.execute(f"ALTER TABLE {TABLE} RESET (fillfactor)")
    op.create_index(PRIORITY, TABLE, [sa.text("priority DESC"), "id"])
    for name, column in OF_EACH_SIGHTING.items():
        op.create_index(name, TABLE, [sa.text(column)])
