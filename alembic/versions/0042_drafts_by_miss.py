"""An index of the missed markets that drafts are made for: a case shows its own, however many there are."""

from alembic import op

revision = "0042"
down_revision = "0041"
branch_labels = None
depends_on = None

NAME = "idx_change_draft_misses"


def upgrade() -> None:
    op.create_index(
        NAME,
        "change_draft",
        ["misses"],
        postgresql_using="gin",
        postgresql_ops={"misses": "jsonb_path_ops"},
    )


def downgrade() -> None:
    op.drop_index(NAME, "change_draft")
