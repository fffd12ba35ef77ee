-- The same functions, bound: a body written this way is looked up once, here, in Postgres's own schema. What
-- somebody creates later in a schema that a caller searches is never called. They can still be inlined, which a
-- function with a search path of its own cannot.
SET LOCAL search_path = pg_catalog, pg_temp;

-- How often and how recently, in one number: the logarithm of the occurrences, each one counting half after a
-- day. All rows cool at the same pace, so their order does not change with time and can stand in an index.
CREATE OR REPLACE FUNCTION public.marketmap_heat_v1(occurrences integer, seen_at timestamptz)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
    ln(CAST(greatest(occurrences, 1) AS double precision))
    + ln(CAST(2.0 AS double precision)) / 86400
        * date_part('epoch', seen_at - timestamptz '2026-01-01 00:00:00+00');

-- ln(exp(one) + exp(other)), for numbers whose exp() does not exist.
CREATE OR REPLACE FUNCTION public.marketmap_add_heat_v1(one double precision, other double precision)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN greatest(one, other) + ln(1 + exp(-least(abs(one - other), 700)));

-- Occurrences per hour, averaged over the last day or so: a steady rate shows as itself.
CREATE OR REPLACE FUNCTION public.marketmap_rate_v1(heat double precision, seen_at timestamptz)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
    ln(CAST(2.0 AS double precision)) / 24
    * exp(greatest(least(heat - public.marketmap_heat_v1(1, seen_at), 700), -700));

-- Hashes are spread evenly over 0 to 2^31: how far the 32nd one lies tells how many there are.
CREATE OR REPLACE FUNCTION public.marketmap_event_count_v1(hashes integer[]) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN CASE
    WHEN cardinality(hashes) < 32 THEN cardinality(hashes)
    ELSE CAST(
        least(31 * (CAST(2.0 AS double precision) ^ 31) / greatest(hashes[32], 1), 2000000000) AS integer
    )
END;

-- A market's name as books are compared by it: letters and digits only, in lower case.
CREATE OR REPLACE FUNCTION public.marketmap_market_name_v1(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN lower(regexp_replace(name, '[^[:alnum:]]+', '', 'g'));

-- Distinct events are counted by their 32 smallest hashes: exact below 32, then within about a sixth. It never
-- saturates, and the same event twice, or in another order, gives the same. `added` is in ascending order.
-- A body in PL/pgSQL is looked up when it runs, so it says which functions and operators it means.
CREATE OR REPLACE FUNCTION public.marketmap_add_events_v1(known integer[], added integer[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF added OPERATOR(pg_catalog.<@) known OR (
        pg_catalog.cardinality(known) OPERATOR(pg_catalog.=) 32
        AND added[1] OPERATOR(pg_catalog.>) known[32]
    ) THEN
        RETURN known;
    END IF;
    RETURN ARRAY(
        SELECT DISTINCT hash FROM pg_catalog.unnest(known OPERATOR(pg_catalog.||) added) AS hash
        ORDER BY hash LIMIT 32
    );
END
$$;

SET LOCAL search_path TO DEFAULT
