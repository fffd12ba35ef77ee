-- A market's name as books are compared by it: letters and digits only, in lower case.
CREATE FUNCTION marketmap_market_name_v1(name text) RETURNS text
LANGUAGE sql IMMUTABLE PARALLEL SAFE
AS $$
SELECT lower(regexp_replace(name, '[^[:alnum:]]+', '', 'g'))
$$
