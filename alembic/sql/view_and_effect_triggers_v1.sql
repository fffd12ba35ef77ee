CREATE TRIGGER marketmap_sign
BEFORE INSERT OR UPDATE ON queue_view
FOR EACH ROW EXECUTE FUNCTION marketmap_sign_row_v1();

CREATE TRIGGER marketmap_change_effect
BEFORE INSERT ON change_effect
FOR EACH ROW EXECUTE FUNCTION marketmap_change_effect_v1();

CREATE TRIGGER marketmap_change_effect
BEFORE INSERT ON change_effect_miss
FOR EACH ROW EXECUTE FUNCTION marketmap_change_effect_v1();

CREATE TRIGGER marketmap_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON change_effect
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_append_only_v2();

CREATE TRIGGER marketmap_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON change_effect_miss
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_append_only_v2();

-- Always: no session setting silences them.
ALTER TABLE change_effect ENABLE ALWAYS TRIGGER marketmap_guard;

ALTER TABLE change_effect_miss ENABLE ALWAYS TRIGGER marketmap_guard
