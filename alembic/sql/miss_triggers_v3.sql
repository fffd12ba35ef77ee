CREATE TRIGGER marketmap_change_status
BEFORE UPDATE ON unmapped_market_log
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
EXECUTE FUNCTION marketmap_change_status_v3();

-- The conditions are checked without a call: counting, which signs nothing, pays almost nothing for them.
CREATE TRIGGER marketmap_sign_status
BEFORE UPDATE ON unmapped_market_log
FOR EACH ROW WHEN (
    OLD.status IS NOT DISTINCT FROM NEW.status
    AND (OLD.status_login IS DISTINCT FROM NEW.status_login OR OLD.status_actor IS DISTINCT FROM NEW.status_actor)
)
EXECUTE FUNCTION marketmap_sign_status_v1();

CREATE TRIGGER marketmap_sign_new_status
BEFORE INSERT ON unmapped_market_log
FOR EACH ROW WHEN (NEW.status_login IS NOT NULL OR NEW.status_actor IS NOT NULL)
EXECUTE FUNCTION marketmap_sign_status_v1();

-- Nobody may hang a function with its owner's rights on a table of their own.
REVOKE EXECUTE ON FUNCTION marketmap_change_status_v3() FROM PUBLIC
