-- Two more groups to put logins into. An approver is an editor who may also approve where four eyes are required; an
-- operator is a reader who may also decide whether they are, and publish a range again.
DO $$
DECLARE
    wanted text;
    basis text;
BEGIN
    FOR wanted, basis IN VALUES ('marketmap_approver', 'marketmap_editor'), ('marketmap_operator', 'marketmap_reader')
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = wanted) THEN
            BEGIN
                EXECUTE 'CREATE ROLE ' || quote_ident(wanted) || ' NOLOGIN';
            EXCEPTION
                WHEN duplicate_object OR unique_violation THEN
                    NULL;
            END;
        END IF;
        IF NOT pg_has_role(CAST(wanted AS name), CAST(basis AS name), 'MEMBER') THEN
            EXECUTE 'GRANT ' || quote_ident(basis) || ' TO ' || quote_ident(wanted);
        END IF;
    END LOOP;
END
$$
