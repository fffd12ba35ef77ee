-- Drafts change only while their change set is open for it: what a reviewer has seen is what is approved. The row of
-- the change set is locked, so nobody proposes or approves it at the same time, and the number of drafts is exact.
-- A draft names who wrote it last. Everybody who ever wrote or removed one becomes an author of the change set.
CREATE FUNCTION marketmap_change_draft_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    signed_by CONSTANT text := left(
        coalesce(nullif(current_setting('marketmap.actor', true), ''), session_user), 100
    );
    who CONSTANT text := left(CAST(session_user AS text), 100);
    held bigint;
    found text;
BEGIN
    IF TG_OP = 'TRUNCATE' THEN
        RAISE EXCEPTION USING
            ERRCODE = 'insufficient_privilege',
            MESSAGE = 'drafts are removed one by one: TRUNCATE refused';
    END IF;
    held := CASE WHEN TG_OP = 'INSERT' THEN NEW.change_set_id ELSE OLD.change_set_id END;
    SELECT state INTO found FROM public.change_set AS holding WHERE holding.id = held FOR NO KEY UPDATE;
    IF found NOT IN ('DRAFT', 'SENT_BACK', 'WITHDRAWN') THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = concat('change set ', held, ' is ', found, ': its drafts cannot be changed');
    END IF;
    -- The trigger of change sets adds who signs this; here an editor may write no authors.
    UPDATE public.change_set AS holding SET name = holding.name
    WHERE holding.id = held AND NOT holding.authors @> ARRAY[signed_by, who];
    IF TG_OP = 'DELETE' THEN
        RETURN OLD;
    END IF;
    IF TG_OP = 'UPDATE' THEN
        IF (NEW.id, NEW.change_set_id, NEW.created_at) IS DISTINCT FROM (OLD.id, OLD.change_set_id, OLD.created_at) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                MESSAGE = concat('draft ', OLD.id, ' stays in change set ', held);
        END IF;
    ELSIF (SELECT count(*) FROM public.change_draft AS draft WHERE draft.change_set_id = held) >= 1000 THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = concat('change set ', held, ' holds 1000 drafts: it takes no more');
    ELSE
        NEW.created_at := now();
    END IF;
    NEW.actor := signed_by;
    NEW.login := who;
    NEW.updated_at := now();
    RETURN NEW;
END
$$
