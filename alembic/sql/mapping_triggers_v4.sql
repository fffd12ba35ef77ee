CREATE TRIGGER marketmap_lock
BEFORE INSERT OR UPDATE OR DELETE ON user_market_mappings
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_lock_mappings_v2();

CREATE TRIGGER marketmap_prepare
BEFORE UPDATE ON user_market_mappings
FOR EACH ROW EXECUTE FUNCTION marketmap_prepare_mapping_v1();

CREATE TRIGGER marketmap_audit
AFTER INSERT OR UPDATE OR DELETE ON user_market_mappings
FOR EACH ROW EXECUTE FUNCTION marketmap_audit_mapping_v4();

CREATE CONSTRAINT TRIGGER marketmap_refuse_unreviewed
AFTER INSERT OR UPDATE OR DELETE ON user_market_mappings
DEFERRABLE INITIALLY DEFERRED
FOR EACH ROW EXECUTE FUNCTION marketmap_refuse_unreviewed_v1();

CREATE TRIGGER marketmap_announce
AFTER INSERT OR UPDATE OR DELETE ON user_market_mappings
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_announce_mappings_v1();

CREATE TRIGGER marketmap_lock
BEFORE INSERT ON mapping_audit_log
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_lock_mappings_v2();

CREATE TRIGGER marketmap_guard_rows
BEFORE UPDATE ON mapping_audit_log
FOR EACH ROW EXECUTE FUNCTION marketmap_guard_audit_v2();

CREATE TRIGGER marketmap_guard
BEFORE DELETE OR TRUNCATE ON mapping_audit_log
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_guard_audit_v2();

-- Always: no session setting silences them.
ALTER TABLE mapping_audit_log ENABLE ALWAYS TRIGGER marketmap_guard_rows;

ALTER TABLE mapping_audit_log ENABLE ALWAYS TRIGGER marketmap_guard;

-- Nobody may hang a function with its owner's rights on a table of their own.
REVOKE EXECUTE ON FUNCTION
    marketmap_audit_mapping_v4(), marketmap_refuse_unreviewed_v1(), marketmap_guard_audit_v2()
FROM PUBLIC
