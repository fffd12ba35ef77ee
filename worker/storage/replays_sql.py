"""The statements about side replays."""

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

COLUMNS = (
    "id, consumer_group, ranges, filters, mapping_version, rate, actor, reason, state, error,"
    " published, passed_over, unreadable, lost, created_at, updated_at, finished_at, login"
)

# The session that holds it runs the replay. It is released when the connection ends, however it ends.
TRY_TO_RUN = text("SELECT pg_try_advisory_lock(hashtextextended('marketmap.replay/' || :id, 0))")

INSERT = text("""
INSERT INTO replay_run
    (id, consumer_group, ranges, filters, mapping_version, rate, actor, reason, state)
VALUES
    (:id, :consumer_group, CAST(:ranges AS jsonb), CAST(:filters AS jsonb), :mapping_version, :rate, :actor,
     :reason, 'RUNNING')
""")

COUNT = text("SELECT count(*) FROM replay_run")

REOPEN = text("""
UPDATE replay_run
SET state = 'RUNNING', error = NULL, finished_at = NULL, updated_at = now()
WHERE id = :id AND state <> 'DONE'
RETURNING id
""")

ADD = text("""
UPDATE replay_run
SET published = published + :published,
    passed_over = passed_over + :passed_over,
    unreadable = unreadable + :unreadable,
    lost = lost + :lost,
    updated_at = now()
WHERE id = :id
""")

FINISH = text("""
UPDATE replay_run
SET state = :state, error = :error, finished_at = now(), updated_at = now()
WHERE id = :id
""")

READ = text(f"""
SELECT {COLUMNS}
FROM replay_run
WHERE id = :id
""").columns(ranges=JSONB, filters=JSONB)  # noqa: S608  (a constant)

READ_NEWEST = text(f"""
SELECT {COLUMNS}
FROM replay_run
ORDER BY created_at DESC, id
LIMIT :limit
""").columns(ranges=JSONB, filters=JSONB)  # noqa: S608  (a constant)
