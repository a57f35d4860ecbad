"""What a dispute needs, kept with the payment; chargebacks, and everything that happened to them."""

from alembic import op

revision = "0019"
down_revision = "0018"
branch_labels = None
depends_on = None

FACTS = "ALTER TABLE payments ADD COLUMN dispute_facts jsonb"

CHARGEBACKS = """
CREATE TABLE chargebacks (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    case_id text NOT NULL UNIQUE CHECK (length(case_id) BETWEEN 1 AND 64), -- the acquirer's
    payment_id text NOT NULL REFERENCES payments (id),
    reason_code text NOT NULL,
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    state text NOT NULL CHECK (state IN ('received', 'evidence_sent', 'won', 'lost', 'accepted')),
    received_on date NOT NULL,
    deadline date NOT NULL,
    entered_by text NOT NULL,
    entered_at timestamptz NOT NULL,
    decided_by text,
    decided_at timestamptz,
    CONSTRAINT chargebacks_two_people CHECK (state <> 'accepted' OR decided_by <> entered_by)
);
CREATE INDEX chargebacks_payment ON chargebacks (payment_id);
CREATE INDEX chargebacks_open ON chargebacks (deadline) WHERE state IN ('received', 'evidence_sent');

CREATE TABLE chargeback_events (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    chargeback_id bigint NOT NULL REFERENCES chargebacks (id),
    at timestamptz NOT NULL,
    who text NOT NULL,
    state text NOT NULL,
    note text NOT NULL
);
CREATE INDEX chargeback_events_chargeback ON chargeback_events (chargeback_id, id);
CREATE TRIGGER chargeback_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON chargeback_events
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();
"""


def upgrade() -> None:
    for sql in (FACTS, CHARGEBACKS):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
