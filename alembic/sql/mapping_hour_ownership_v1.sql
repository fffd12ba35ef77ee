-- As ownership_v3, for how much mappings are used.
DO $$
BEGIN
    IF to_regclass('public.mapping_hour') IS NOT NULL THEN
        ALTER TABLE public.mapping_hour OWNER TO marketmap_owner;
    END IF;
END
$$
