-- The history starts with what is there: each mapping whose newest audit row does not show it as it stands, and
-- the end of each one that the log still shows and the table has no more.
INSERT INTO mapping_audit_log (
    mapping_id, canonical_id, action, old_value, new_value, reason, created_at, created_by
)
SELECT
    mapping.id,
    coalesce(mapping.canonical_id, newest.canonical_id),
    CASE
        WHEN mapping.id IS NULL THEN 'DELETE'
        WHEN newest.new_value IS NULL THEN 'CREATE'
        ELSE 'UPDATE'
    END,
    newest.new_value,
    to_jsonb(mapping),
    'as it stood before changes were audited',
    clock_timestamp(),
    left(session_user, 100)
FROM user_market_mappings AS mapping
FULL JOIN (
    SELECT DISTINCT ON (canonical_id) canonical_id, new_value
    FROM mapping_audit_log
    ORDER BY canonical_id, id DESC
) AS newest USING (canonical_id)
WHERE newest.new_value IS DISTINCT FROM to_jsonb(mapping)
ORDER BY mapping.id, newest.canonical_id
