CREATE TRIGGER marketmap_change_set
BEFORE INSERT OR UPDATE ON change_set
FOR EACH ROW EXECUTE FUNCTION marketmap_change_set_v1();

CREATE TRIGGER marketmap_guard
BEFORE DELETE OR TRUNCATE ON change_set
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_append_only_v2();

CREATE TRIGGER marketmap_change_draft
BEFORE INSERT OR UPDATE OR DELETE ON change_draft
FOR EACH ROW EXECUTE FUNCTION marketmap_change_draft_v1();

CREATE TRIGGER marketmap_guard
BEFORE TRUNCATE ON change_draft
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_change_draft_v1();

CREATE TRIGGER marketmap_sign
BEFORE INSERT ON change_comment
FOR EACH ROW EXECUTE FUNCTION marketmap_sign_row_v1();

CREATE TRIGGER marketmap_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON change_comment
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_append_only_v2();

CREATE TRIGGER marketmap_sign
BEFORE INSERT ON review_policy
FOR EACH ROW EXECUTE FUNCTION marketmap_sign_row_v1();

CREATE TRIGGER marketmap_guard
BEFORE UPDATE OR DELETE OR TRUNCATE ON review_policy
FOR EACH STATEMENT EXECUTE FUNCTION marketmap_append_only_v2();

CREATE TRIGGER marketmap_sign_case
BEFORE INSERT OR UPDATE ON miss_case
FOR EACH ROW EXECUTE FUNCTION marketmap_sign_case_v1();

-- Always: no session setting silences them.
ALTER TABLE change_set ENABLE ALWAYS TRIGGER marketmap_guard;

ALTER TABLE change_draft ENABLE ALWAYS TRIGGER marketmap_guard;

ALTER TABLE change_comment ENABLE ALWAYS TRIGGER marketmap_guard;

ALTER TABLE review_policy ENABLE ALWAYS TRIGGER marketmap_guard
