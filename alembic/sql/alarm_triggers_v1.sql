CREATE TRIGGER marketmap_sign_alarm
BEFORE UPDATE ON alarm
FOR EACH ROW EXECUTE FUNCTION marketmap_sign_alarm_v1()
