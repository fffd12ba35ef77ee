-- A transaction that somebody leaves open keeps the rows that are counted from being cleaned up, and every batch
-- becomes slower. A setting of a group does not reach its members, so each login of readers and editors gets it,
-- unless it has its own. A login can still set another one: this is for slips.
DO $$
DECLARE
    login name;
    place CONSTANT text := ' IN DATABASE ' || quote_ident(current_database());
BEGIN
    FOR login IN
        SELECT member.rolname
        FROM pg_roles AS member
        WHERE member.rolcanlogin
            AND NOT member.rolsuper
            AND EXISTS (
                SELECT
                FROM pg_roles AS people
                WHERE people.rolname IN ('marketmap_reader', 'marketmap_editor')
                    AND pg_has_role(member.oid, people.oid, 'MEMBER')
            )
            AND NOT EXISTS (
                SELECT
                FROM pg_roles AS programs
                WHERE programs.rolname IN ('marketmap_worker', 'marketmap_owner')
                    AND pg_has_role(member.oid, programs.oid, 'MEMBER')
            )
            AND NOT EXISTS (
                SELECT
                FROM pg_db_role_setting AS given
                CROSS JOIN LATERAL unnest(given.setconfig) AS setting
                WHERE given.setrole = member.oid AND (
                    starts_with(setting, 'statement_timeout=')
                    OR starts_with(setting, 'idle_in_transaction_session_timeout=')
                )
            )
    LOOP
        EXECUTE 'ALTER ROLE ' || quote_ident(login) || place || ' SET statement_timeout = ''5min''';
        EXECUTE 'ALTER ROLE ' || quote_ident(login) || place
            || ' SET idle_in_transaction_session_timeout = ''1min''';
    END LOOP;
END
$$
