-- The heat of a counter that an operator has widened to bigint; see marketmap_heat_v1(integer, timestamptz).
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE FUNCTION public.marketmap_heat_v1(occurrences bigint, seen_at timestamptz)
RETURNS double precision
LANGUAGE sql IMMUTABLE PARALLEL SAFE
RETURN
    ln(CAST(greatest(occurrences, 1) AS double precision))
    + ln(CAST(2.0 AS double precision)) / 86400
        * date_part('epoch', seen_at - timestamptz '2026-01-01 00:00:00+00');

SET LOCAL search_path TO DEFAULT
