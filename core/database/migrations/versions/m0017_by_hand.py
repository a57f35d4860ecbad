"""Requests to end by hand what only people can end: two of them, with evidence, decided once."""

from alembic import op

revision = "0017"
down_revision = "0016"
branch_labels = None
depends_on = None

REQUESTS = """
CREATE TABLE hand_requests (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    payment_id text NOT NULL REFERENCES payments (id),
    subject text NOT NULL, -- empty: the payment; a bill's number; a part's key
    was text NOT NULL,
    resolution text NOT NULL,
    evidence text NOT NULL CHECK (length(evidence) BETWEEN 10 AND 500),
    auth_code text NOT NULL,
    transaction_number text NOT NULL,
    amount_centimes bigint CHECK (amount_centimes > 0),
    state text NOT NULL CHECK (state IN ('proposed', 'approved', 'rejected')),
    proposed_by text NOT NULL REFERENCES desk_users (name),
    proposed_at timestamptz NOT NULL,
    decided_by text REFERENCES desk_users (name),
    decided_at timestamptz,
    CHECK ((state = 'proposed') = (decided_by IS NULL) AND (decided_by IS NULL) = (decided_at IS NULL)),
    CONSTRAINT hand_requests_two_people CHECK (state <> 'approved' OR decided_by <> proposed_by)
);
CREATE UNIQUE INDEX hand_requests_open ON hand_requests (payment_id, subject) WHERE state = 'proposed';
CREATE INDEX hand_requests_payment ON hand_requests (payment_id, id);

CREATE FUNCTION khallas_hand_decided_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'proposed'
        OR (NEW.payment_id, NEW.subject, NEW.was, NEW.resolution, NEW.evidence, NEW.auth_code, NEW.transaction_number,
            NEW.amount_centimes, NEW.proposed_by, NEW.proposed_at)
        IS DISTINCT FROM (OLD.payment_id, OLD.subject, OLD.was, OLD.resolution, OLD.evidence, OLD.auth_code,
            OLD.transaction_number, OLD.amount_centimes, OLD.proposed_by, OLD.proposed_at)
    THEN
        RAISE EXCEPTION 'a request to end something by hand is decided once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER hand_requests_decided_once BEFORE UPDATE OR DELETE ON hand_requests
    FOR EACH ROW EXECUTE FUNCTION khallas_hand_decided_once();
CREATE TRIGGER hand_requests_kept BEFORE TRUNCATE ON hand_requests
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(REQUESTS, execution_options={"no_parameters": True})
