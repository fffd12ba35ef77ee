"""The statements of drafts."""

from typing import Final

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

_READ: Final = """
SELECT
    draft.id, draft.change_set_id, draft.canonical_id, draft.action, draft.base_version, draft.mapping,
    draft.is_active, draft.misses, draft.actor, draft.login, draft.created_at, draft.updated_at,
    holding.name, holding.state, holding.reason
FROM change_draft AS draft
JOIN change_set AS holding ON holding.id = draft.change_set_id
"""
_FILTERED: Final = """
WHERE (CAST(:states AS text[]) IS NULL OR holding.state = ANY (CAST(:states AS text[])))
    AND (CAST(:change_set_id AS bigint) IS NULL OR draft.change_set_id = :change_set_id)
    AND (CAST(:actor AS text) IS NULL OR draft.actor = :actor)
    AND strpos(lower(draft.canonical_id), lower(:containing)) > 0
"""
LIST = text(
    f"{_READ} {_FILTERED} ORDER BY draft.change_set_id DESC, draft.id LIMIT :limit"
).columns(mapping=JSONB, misses=JSONB)
COUNT = text(f"""
SELECT count(*) FROM change_draft AS draft JOIN change_set AS holding ON holding.id = draft.change_set_id
{_FILTERED}
""")  # noqa: S608  (constants)
GET = text(f"{_READ} WHERE draft.id = :id").columns(mapping=JSONB, misses=JSONB)
OF_SET = text(f"{_READ} WHERE draft.change_set_id = :change_set_id ORDER BY draft.id").columns(
    mapping=JSONB, misses=JSONB
)

# Containment knows no order: a market that is named like a bookmaker would match as well.
FOR_MISS = text(
    f"{_READ} WHERE draft.misses @> CAST(:market AS jsonb) AND holding.state = ANY (CAST(:states AS text[]))"
    " ORDER BY draft.change_set_id DESC, draft.id"
).columns(mapping=JSONB, misses=JSONB)

# In the order given, so that they are applied in that order.
ADD = text("""
INSERT INTO change_draft (change_set_id, canonical_id, action, base_version, mapping, is_active, misses)
VALUES (
    :change_set_id, :canonical_id, :action, :base_version, CAST(:mapping AS jsonb), :is_active,
    CAST(:misses AS jsonb)
)
RETURNING id
""")
REPLACE = text("""
UPDATE change_draft
SET
    canonical_id = :canonical_id,
    action = :action,
    base_version = :base_version,
    mapping = CAST(:mapping AS jsonb),
    is_active = :is_active,
    misses = CAST(:misses AS jsonb)
WHERE id = :id
""")
REMOVE = text("DELETE FROM change_draft WHERE id = :id")
