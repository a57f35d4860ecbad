"""Money that goes back for single bills, what billing is told of it, and what is owed again of a bill."""

from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

# `request_id` null: the whole payment went back, and only billing is to be told. `before_centimes`: what the acquirer
# had given back of the payment when it was asked, so that a credit whose end nobody heard can be seen in its sum.
REFUNDS = """
CREATE TABLE refunds (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    payment_id text NOT NULL,
    invoice_number text NOT NULL,
    request_id bigint, -- of undo_requests
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    state text NOT NULL CHECK (state IN ('asked', 'crediting', 'credited', 'told', 'refused', 'stuck', 'untold')),
    before_centimes bigint,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz,
    created_at timestamptz NOT NULL,
    FOREIGN KEY (payment_id, invoice_number) REFERENCES payment_lines (payment_id, invoice_number),
    UNIQUE (request_id, invoice_number)
);
-- the whole goes back once; parts of one payment go one after the other, or the acquirer's sum would say nothing
CREATE UNIQUE INDEX refunds_whole ON refunds (payment_id, invoice_number) WHERE request_id IS NULL;
CREATE UNIQUE INDEX refunds_one_at_a_time ON refunds (payment_id) WHERE state = 'crediting';
CREATE INDEX refunds_payment ON refunds (payment_id, id);
CREATE INDEX refunds_due ON refunds (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX refunds_by_hand ON refunds (payment_id) WHERE state IN ('stuck', 'untold');
"""

# Never more goes back of a bill than was paid for it, whoever decides at once.
RETURNED = """
ALTER TABLE payment_lines ADD COLUMN returned_centimes bigint NOT NULL DEFAULT 0;
ALTER TABLE payment_lines ADD CONSTRAINT payment_lines_returned
    CHECK (returned_centimes BETWEEN 0 AND amount_centimes) NOT VALID;
"""

# A request for a part names bills and centimes: [{"number": …, "amount_centimes": …}]; null is the whole.
PARTS = """
ALTER TABLE undo_requests ADD COLUMN parts jsonb;

CREATE OR REPLACE FUNCTION khallas_undo_decided_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.state <> 'proposed'
        OR (NEW.payment_id, NEW.amount_centimes, NEW.reason, NEW.comment, NEW.two_people, NEW.proposed_by,
            NEW.proposed_at, NEW.parts)
        IS DISTINCT FROM (OLD.payment_id, OLD.amount_centimes, OLD.reason, OLD.comment, OLD.two_people,
            OLD.proposed_by, OLD.proposed_at, OLD.parts)
    THEN
        RAISE EXCEPTION 'a request to give money back is decided once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END;
$$;
"""

# The embedded billing: what is owed of a bill again (null: all of it), and what it was told, by our reference.
OWED = """
ALTER TABLE invoices ADD COLUMN owed_centimes bigint;
ALTER TABLE invoices ADD CONSTRAINT invoices_owed CHECK (owed_centimes BETWEEN 1 AND amount_centimes) NOT VALID;

CREATE TABLE bill_reversals (
    reference text PRIMARY KEY,
    service text NOT NULL,
    line_reference text NOT NULL,
    number text NOT NULL,
    payment_id text NOT NULL,
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    at timestamptz NOT NULL
);
CREATE INDEX bill_reversals_payment ON bill_reversals (payment_id, number);
"""


def upgrade() -> None:
    for sql in (REFUNDS, RETURNED, PARTS, OWED):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
