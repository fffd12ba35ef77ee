"""The statements of the form of observations by the hour. To write the same again changes nothing."""

from sqlalchemy import text
from sqlalchemy.dialects.postgresql import JSONB

READ = text("""
SELECT platform, hour, version, observations, unreadable, markets, recalled, unread, examples, records
FROM shape_hour
WHERE platform = :platform AND hour >= :since
ORDER BY hour
""").columns(markets=JSONB, unread=JSONB, examples=JSONB)

SAVE = text("""
INSERT INTO shape_hour AS kept
    (platform, hour, version, observations, unreadable, markets, recalled, unread, examples, records)
VALUES (:platform, :hour, :version, :observations, :unreadable, CAST(:markets AS jsonb), :recalled,
    CAST(:unread AS jsonb), CAST(:examples AS jsonb), :records)
ON CONFLICT (platform, hour) DO UPDATE SET
    version = excluded.version,
    observations = excluded.observations,
    unreadable = excluded.unreadable,
    markets = excluded.markets,
    recalled = excluded.recalled,
    unread = excluded.unread,
    examples = excluded.examples,
    records = excluded.records,
    updated_at = now()
WHERE (kept.version, kept.observations, kept.unreadable, kept.markets, kept.recalled, kept.unread,
        kept.examples, kept.records)
    IS DISTINCT FROM (excluded.version, excluded.observations, excluded.unreadable, excluded.markets,
        excluded.recalled, excluded.unread, excluded.examples, excluded.records)
""")

DROP = text("DELETE FROM shape_hour WHERE hour < :oldest")
