-- As ownership_v3, for how often markets were missed by day.
DO $$
BEGIN
    IF to_regclass('public.mapping_hour') IS NOT NULL THEN
        ALTER TABLE public.mapping_hour OWNER TO marketmap_owner;
    END IF;
END
$$
