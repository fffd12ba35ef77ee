-- As ownership_v3, for the form of observations by the hour.
DO $$
BEGIN
    IF to_regclass('public.shape_hour') IS NOT NULL THEN
        ALTER TABLE public.shape_hour OWNER TO marketmap_owner;
    END IF;
END
$$
