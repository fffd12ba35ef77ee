-- Editors write drafts and take cases. What they may approve, the trigger of change sets decides. An approver may do
-- what an editor may, an operator what a reader may; see change_roles_v1.
-- Ids come from their sequences alone: a chosen one would stay the newest decision, or take the place of a coming row.
DO $$
DECLARE
    grantee text;
    privileges text;
BEGIN
    FOR grantee IN SELECT rolname FROM pg_roles WHERE rolname IN ('marketmap_editor', 'marketmap_operator') LOOP
        EXECUTE 'REVOKE ALL ON change_set, change_draft, change_comment, review_policy FROM ' || grantee;
    END LOOP;
    FOR grantee, privileges IN VALUES
        ('editor', 'SELECT ON change_set, change_draft, change_comment, review_policy, miss_case'),
        ('editor', 'INSERT (name, reason, reverts), UPDATE (name, reason, state, forced) ON change_set'),
        ('editor', 'INSERT (change_set_id, canonical_id, action, base_version, mapping, is_active, misses),'
            ' UPDATE (canonical_id, action, base_version, mapping, is_active, misses), DELETE ON change_draft'),
        ('editor', 'INSERT (change_set_id, comment) ON change_comment'),
        ('editor', 'INSERT (source, external_market_id, owner, snoozed_until) ON miss_case'),
        ('editor', 'UPDATE (owner, snoozed_until) ON miss_case'),
        ('editor', 'USAGE ON SEQUENCE change_set_id_seq, change_draft_id_seq, change_comment_id_seq'),
        ('operator', 'INSERT (four_eyes, reason) ON review_policy'),
        ('operator', 'USAGE ON SEQUENCE review_policy_id_seq'),
        ('operator', 'INSERT, UPDATE ON replay_run'),
        ('reader', 'SELECT ON change_set, change_draft, change_comment, review_policy, miss_case')
    LOOP
        IF EXISTS (SELECT FROM pg_roles WHERE rolname = 'marketmap_' || grantee) THEN
            EXECUTE 'GRANT ' || privileges || ' TO marketmap_' || grantee;
        END IF;
    END LOOP;
END
$$
