-- A change set goes from state to state on legal ways only, and each step names who took it. The actor is what the
-- transaction claims; the login is who connected, and no setting changes it.
-- Whoever writes in a change set, its drafts included, or proposes it, is one of its authors from then on, by actor and by
-- login: saving somebody's draft again takes nobody off the list.
-- Where four eyes are required, nobody approves what they wrote or proposed: neither the actor nor the login may be an
-- author's actor or login, in whatever case it is written, and the login is in the group of approvers.
-- The operators of Postgres alone are found: no other schema is searched.
CREATE FUNCTION marketmap_change_set_v1() RETURNS trigger
LANGUAGE plpgsql
SET search_path = pg_catalog, pg_temp
AS $$
DECLARE
    signed_by CONSTANT text := left(
        coalesce(nullif(current_setting('marketmap.actor', true), ''), session_user), 100
    );
    who CONSTANT text := left(CAST(session_user AS text), 100);
    current_id CONSTANT bigint := CAST(CAST(pg_current_xact_id() AS text) AS bigint);
    is_approver CONSTANT boolean := EXISTS (
        SELECT FROM pg_roles WHERE rolname = 'marketmap_approver' AND pg_has_role(session_user, oid, 'MEMBER')
    );
    four_eyes CONSTANT boolean := coalesce(
        (SELECT policy.four_eyes FROM public.review_policy AS policy ORDER BY policy.id DESC LIMIT 1), false
    );
    written text[];
    is_author boolean;
    refused text;
BEGIN
    IF TG_OP = 'INSERT' THEN
        NEW.actor := signed_by;
        NEW.login := who;
        NEW.authors := ARRAY[signed_by, who];
        NEW.created_at := now();
        RETURN NEW;
    END IF;
    IF (NEW.id, NEW.is_direct, NEW.actor, NEW.login, NEW.authors, NEW.created_at, NEW.reverts)
        IS DISTINCT FROM (OLD.id, OLD.is_direct, OLD.actor, OLD.login, OLD.authors, OLD.created_at, OLD.reverts)
        OR (NEW.state = OLD.state AND OLD.state NOT IN ('DRAFT', 'SENT_BACK', 'WITHDRAWN'))
    THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = concat('change set ', OLD.id, ' is ', OLD.state, ' and keeps what it says');
    END IF;
    IF NEW.state <> 'APPROVED' THEN
        NEW.forced := OLD.forced;
    END IF;
    written := OLD.authors || ARRAY(
        SELECT DISTINCT one FROM unnest(ARRAY[signed_by, who]) AS one WHERE one <> ALL (OLD.authors)
    );
    IF NEW.state = OLD.state THEN
        NEW.authors := written;
        RETURN NEW;
    END IF;
    IF (OLD.state, NEW.state) NOT IN (
        ('DRAFT', 'PROPOSED'), ('SENT_BACK', 'PROPOSED'), ('WITHDRAWN', 'PROPOSED'),
        ('DRAFT', 'WITHDRAWN'), ('SENT_BACK', 'WITHDRAWN'), ('PROPOSED', 'WITHDRAWN'),
        ('PROPOSED', 'SENT_BACK'), ('PROPOSED', 'APPROVED'), ('APPROVED', 'REVERTED')
    ) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = concat('change set ', OLD.id, ' is ', OLD.state, ' and cannot become ', NEW.state);
    END IF;
    IF (NEW.name, NEW.reason) IS DISTINCT FROM (OLD.name, OLD.reason) THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = concat('change set ', OLD.id, ' keeps its name and its reason while it becomes ', NEW.state);
    END IF;
    IF NEW.state = 'REVERTED' THEN
        IF NOT EXISTS (
            SELECT
            FROM public.change_set AS revert
            WHERE revert.reverts = OLD.id AND revert.applied_in = current_id AND revert.decided_at = now()
        ) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                MESSAGE = concat('change set ', OLD.id, ' is reverted by a change set that is approved');
        END IF;
        RETURN NEW;
    END IF;
    IF NEW.state = 'PROPOSED' THEN
        IF NOT EXISTS (SELECT FROM public.change_draft AS draft WHERE draft.change_set_id = OLD.id) THEN
            RAISE EXCEPTION USING
                ERRCODE = 'check_violation',
                MESSAGE = concat('change set ', OLD.id, ' holds no drafts');
        END IF;
        NEW.authors := written;
        NEW.revision := OLD.revision + 1;
        NEW.proposed_at := now();
        NEW.proposed_by := signed_by;
        NEW.proposed_login := who;
        NEW.decided_at := NULL;
        NEW.decided_by := NULL;
        NEW.decided_login := NULL;
        RETURN NEW;
    END IF;
    NEW.decided_at := now();
    NEW.decided_by := signed_by;
    NEW.decided_login := who;
    is_author := EXISTS (
        SELECT
        FROM unnest(OLD.authors) AS author
        WHERE lower(btrim(author)) IN (lower(btrim(signed_by)), lower(btrim(who)))
    );
    IF NEW.state = 'WITHDRAWN' AND NOT is_author AND NOT is_approver THEN
        refused := concat('withdrawn: ', signed_by, ' (login ', who, ') neither wrote nor proposed it');
    ELSIF NEW.state <> 'WITHDRAWN' AND four_eyes AND NOT is_approver THEN
        refused := concat(
            CASE NEW.state WHEN 'SENT_BACK' THEN 'sent back' ELSE 'approved' END,
            ': login ', who, ' is not in the group marketmap_approver'
        );
    ELSIF NEW.state = 'APPROVED' THEN
        NEW.applied_in := current_id;
        IF EXISTS (
            SELECT
            FROM public.change_set AS other
            WHERE other.applied_in = current_id AND other.decided_at = now()
        ) THEN
            refused := 'approved: another change was made in the same transaction';
        ELSIF four_eyes AND is_author THEN
            refused := concat(
                'approved: four eyes are required, and ', signed_by, ' (login ', who, ') wrote or proposed it'
            );
        END IF;
    END IF;
    IF refused IS NOT NULL THEN
        RAISE EXCEPTION USING
            ERRCODE = 'check_violation',
            MESSAGE = concat('change set ', OLD.id, ' cannot be ', refused);
    END IF;
    RETURN NEW;
END
$$
