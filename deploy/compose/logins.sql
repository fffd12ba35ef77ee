-- Run once, when Postgres makes its data directory: a login for each part, with no more rights than it needs.
-- Its groups are those of `marketmap roles`; what they may do is given to them by `marketmap migrate`.
DO $$
DECLARE
    part text;
BEGIN
    FOREACH part IN ARRAY ARRAY['worker', 'editor']
    LOOP
        IF NOT EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketmap_' || part) THEN
            EXECUTE format('CREATE ROLE %I NOLOGIN', 'marketmap_' || part);
        END IF;
        EXECUTE format('CREATE ROLE %I LOGIN PASSWORD %L IN ROLE %I', part, part, 'marketmap_' || part);
    END LOOP;
END
$$;
