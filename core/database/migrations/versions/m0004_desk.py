"""The help desk: its accounts, the log of who saw and did what, notes, and requests to give money back.

What is evidence cannot be changed: rows of the access log leave by retention alone, never younger than its floor.
"""

from alembic import op

revision = "0004"
down_revision = "0003"
branch_labels = None
depends_on = None

USERS = """
CREATE TABLE desk_users (
    name text PRIMARY KEY CHECK (name ~ '^[a-z][a-z0-9._-]{1,31}$'),
    role text NOT NULL CHECK (role IN ('agent', 'supervisor')),
    password_hash text NOT NULL,
    generation integer NOT NULL DEFAULT 1, -- sessions of an earlier one are over
    created_at timestamptz NOT NULL,
    disabled_at timestamptz
);
"""

# No foreign keys: evidence outlives what it is about. The floor is that of core/privacy/retention.py.
ACCESS_LOG = """
CREATE TABLE access_log (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    who text NOT NULL,
    role text NOT NULL,
    address text NOT NULL,
    action text NOT NULL,
    payment_id text,
    detail text
);
CREATE INDEX access_log_payment ON access_log (payment_id, id) WHERE payment_id IS NOT NULL;
CREATE INDEX access_log_who ON access_log (who, id);
CREATE INDEX access_log_at ON access_log (at);
CREATE TRIGGER access_log_append_only BEFORE UPDATE OR TRUNCATE ON access_log
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();

CREATE FUNCTION khallas_access_log_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF OLD.at > now() - interval '90 days' THEN
        RAISE EXCEPTION 'access_log keeps its rows for at least 90 days' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN OLD;
END;
$$;
CREATE TRIGGER access_log_kept BEFORE DELETE ON access_log
    FOR EACH ROW EXECUTE FUNCTION khallas_access_log_kept();
"""

NOTES = """
CREATE TABLE desk_notes (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    payment_id text NOT NULL REFERENCES payments (id),
    at timestamptz NOT NULL,
    who text NOT NULL REFERENCES desk_users (name),
    text text NOT NULL CHECK (length(text) BETWEEN 1 AND 500)
);
CREATE INDEX desk_notes_payment ON desk_notes (payment_id, id);
CREATE TRIGGER desk_notes_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON desk_notes
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();
"""

# Money leaves by the word of two people, or of one supervisor below a limit: the table itself refuses anything else.
UNDO_REQUESTS = """
CREATE TABLE undo_requests (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    payment_id text NOT NULL REFERENCES payments (id),
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    reason text NOT NULL,
    comment text NOT NULL,
    two_people boolean NOT NULL,
    state text NOT NULL CHECK (state IN ('proposed', 'approved', 'rejected')),
    proposed_by text NOT NULL REFERENCES desk_users (name),
    proposed_at timestamptz NOT NULL,
    decided_by text REFERENCES desk_users (name),
    decided_at timestamptz,
    CHECK ((state = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT undo_requests_two_people CHECK (state <> 'approved' OR NOT two_people OR decided_by <> proposed_by)
);
CREATE UNIQUE INDEX undo_requests_open ON undo_requests (payment_id) WHERE state = 'proposed';
CREATE INDEX undo_requests_payment ON undo_requests (payment_id, id);

CREATE FUNCTION khallas_undo_decided_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'proposed'
        OR (NEW.payment_id, NEW.amount_centimes, NEW.reason, NEW.comment, NEW.two_people, NEW.proposed_by,
            NEW.proposed_at)
        IS DISTINCT FROM (OLD.payment_id, OLD.amount_centimes, OLD.reason, OLD.comment, OLD.two_people,
            OLD.proposed_by, OLD.proposed_at)
    THEN
        RAISE EXCEPTION 'a request to give money back is decided once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER undo_requests_decided_once BEFORE UPDATE OR DELETE ON undo_requests
    FOR EACH ROW EXECUTE FUNCTION khallas_undo_decided_once();
CREATE TRIGGER undo_requests_kept BEFORE TRUNCATE ON undo_requests
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();
"""

# "the card ending 0010, on Monday": how customers without a number in hand are found
SEARCH = "CREATE INDEX payments_card ON payments (card_last4, created_at) WHERE card_last4 IS NOT NULL;"


def upgrade() -> None:
    for sql in (USERS, ACCESS_LOG, NOTES, UNDO_REQUESTS, SEARCH):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
