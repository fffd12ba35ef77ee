-- As ownership_v3, for how often markets were missed by day.
DO $$
BEGIN
    IF to_regclass('public.miss_day') IS NOT NULL THEN
        ALTER TABLE public.miss_day OWNER TO marketmap_owner;
    END IF;
END
$$
