"""The statements of the views of the queue that people keep."""

from sqlalchemy import text

LIST = text("""
SELECT name, query, login, created_at
FROM queue_view
WHERE actor = left(:actor, 100)
ORDER BY lower(name), name
""")
COUNT = text("SELECT count(*) FROM queue_view WHERE actor = left(:actor, 100) AND name <> :name")
# A trigger sets whose it is.
SAVE = text("""
INSERT INTO queue_view (name, query) VALUES (:name, :query)
ON CONFLICT (actor, name) DO UPDATE SET query = excluded.query
""")
DELETE = text(
    "DELETE FROM queue_view WHERE actor = left(:actor, 100) AND name = :name RETURNING name"
)
