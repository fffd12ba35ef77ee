-- Changes of mappings queue up here, from before their first row until they are committed. So the ids of the
-- audit log are in the order of the commits: whoever reads up to an id has missed nothing below it.
-- Everybody who can connect may take the lock. So a wait ends, after 30 s where the session sets no lock_timeout,
-- and says who is in the way.
CREATE FUNCTION marketmap_lock_mappings_v2() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    key CONSTANT bigint := hashtextextended('marketmap.mappings', 0);
    bound CONSTANT text := current_setting('lock_timeout');
    holders text;
BEGIN
    IF pg_try_advisory_xact_lock(key) THEN
        RETURN NULL;
    END IF;
    IF bound = '0' THEN
        PERFORM set_config('lock_timeout', '30s', true);
    END IF;
    BEGIN
        PERFORM pg_advisory_xact_lock(key);
    EXCEPTION
        WHEN lock_not_available THEN
            SELECT string_agg(
                concat('pid ', held.pid, ', login ', session.usename, ', application ', session.application_name),
                '; '
            )
            INTO holders
            FROM pg_locks AS held
            LEFT JOIN pg_stat_activity AS session USING (pid)
            WHERE held.locktype = 'advisory'
                AND held.granted
                AND held.objsubid = 1
                AND held.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                AND held.classid = CAST((key >> 32) & 4294967295 AS oid)
                AND held.objid = CAST(key & 4294967295 AS oid);
            RAISE EXCEPTION USING
                ERRCODE = 'lock_not_available',
                MESSAGE = concat(
                    'lock timeout: changing mappings waits for ', coalesce(holders, 'a session that has ended')
                );
    END;
    PERFORM set_config('lock_timeout', bound, true);
    RETURN NULL;
END
$$
