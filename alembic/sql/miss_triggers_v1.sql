CREATE TRIGGER marketmap_change_status
BEFORE UPDATE ON unmapped_market_log
FOR EACH ROW WHEN (OLD.status IS DISTINCT FROM NEW.status)
EXECUTE FUNCTION marketmap_change_status_v1()
