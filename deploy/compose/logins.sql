-- Postgres runs this once, when it creates its data directory: a login for each part, with least privileges.
-- The groups are those of `marketmap roles`; `marketmap migrate` grants them their privileges.
DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['worker', 'reader', 'editor', 'approver']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketmap_' || part) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', 'marketmap_' || part);
        END IF;
        EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L IN ROLE %I', part, part, 'marketmap_' || part);
    END LOOP;
    -- As `marketmap roles` has it: an approver may do what an editor may.
    GRANT marketmap_editor TO marketmap_approver;
END
$$;
