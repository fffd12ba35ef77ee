CREATE TRIGGER marketmap_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON watermark_change
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_append_only_v1();

-- Always: no session setting silences it.
ALTER TABLE watermark_change ENABLE ALWAYS TRIGGER marketmap_guard
