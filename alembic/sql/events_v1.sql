-- Distinct events are counted by their 32 smallest hashes: exact below 32, then within about a sixth. It never
-- saturates, and the same event twice, or in another order, gives the same. `added` is in ascending order.
CREATE FUNCTION marketmap_add_events_v1(known integer[], added integer[]) RETURNS integer[]
LANGUAGE plpgsql IMMUTABLE PARALLEL SAFE
AS $$
BEGIN
    IF added <@ known OR (cardinality(known) = 32 AND added[1] > known[32]) THEN
        RETURN known;
    END IF;
    RETURN ARRAY(SELECT DISTINCT hash FROM unnest(known || added) AS hash ORDER BY hash LIMIT 32);
END
$$;

-- Hashes are spread evenly over 0 to 2^31: how far the 32nd one lies tells how many there are.
CREATE FUNCTION marketmap_event_count_v1(hashes integer[]) RETURNS integer
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT CASE
    WHEN cardinality(hashes) < 32 THEN cardinality(hashes)
    ELSE CAST(least(31 * (2.0::double precision ^ 31) / greatest(hashes[32], 1), 2000000000) AS integer)
END
$$
