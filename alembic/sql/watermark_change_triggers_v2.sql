CREATE TRIGGER marketmap_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON watermark_change
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_append_only_v2();

-- Always: no session setting silences it.
ALTER TABLE watermark_change ENABLE ALWAYS TRIGGER marketmap_guard;

CREATE TRIGGER marketmap_sign
BEFORE INSERT ON watermark_change
FOR EACH ROW EXECUTE FUNCTION marketmap_sign_v1()
