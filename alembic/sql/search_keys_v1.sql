-- What a search looks up: each three characters of a text that follow one another, in lower case. A text that
-- contains another has all of the other's; the opposite need not hold, so whoever asks compares the texts as
-- well. The function is bound, as those in bound_functions_v1. It costs much more than a look-up.
SET LOCAL search_path = pg_catalog, pg_temp;

CREATE FUNCTION public.marketmap_grams_v1(value text) RETURNS text[]
LANGUAGE sql IMMUTABLE PARALLEL SAFE COST 1000
RETURN ARRAY(
    WITH lowered AS MATERIALIZED (SELECT lower(value) AS value)
    SELECT DISTINCT substr(lowered.value, place, 3)
    FROM lowered, generate_series(1, length(lowered.value) - 2) AS place
);

SET LOCAL search_path TO DEFAULT
