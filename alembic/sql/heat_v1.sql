-- How often and how recently, in one number: the logarithm of the occurrences, each one counting half after a
-- day. All rows cool at the same pace, so their order does not change with time and can stand in an index.
CREATE FUNCTION marketmap_heat_v1(occurrences integer, seen_at timestamptz) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT
    ln(CAST(greatest(occurrences, 1) AS double precision))
    + ln(2.0::double precision) / 86400
        * date_part('epoch', seen_at - timestamptz '2026-01-01 00:00:00+00')
$$;

-- ln(exp(one) + exp(other)), for numbers whose exp() does not exist.
CREATE FUNCTION marketmap_add_heat_v1(one double precision, other double precision) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT greatest(one, other) + ln(1 + exp(-least(abs(one - other), 700)))
$$;

-- Occurrences per hour, averaged over the last day or so: a steady rate shows as itself.
CREATE FUNCTION marketmap_rate_v1(heat double precision, seen_at timestamptz) RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT ln(2.0::double precision) / 24 * exp(greatest(least(heat - marketmap_heat_v1(1, seen_at), 700), -700))
$$
