"""Lines and bills, people and their consent, payments with their locks and events, receipts, messages."""

from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None

APPEND_ONLY = """
CREATE FUNCTION khallas_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END;
$$;
"""

BILLING = """
CREATE TABLE lines (
    service text NOT NULL CHECK (service IN ('mobile', 'fixed', 'internet')),
    reference text NOT NULL,
    holder text NOT NULL,
    contact_msisdn text NOT NULL,
    email text,
    payment_code text NOT NULL,
    language text NOT NULL CHECK (language IN ('fr', 'ar', 'en')),
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (service, reference)
);
CREATE INDEX lines_contact ON lines (contact_msisdn);
CREATE INDEX lines_reference ON lines (reference);

CREATE TABLE invoices (
    service text NOT NULL,
    line_reference text NOT NULL,
    number text NOT NULL,
    period date NOT NULL,
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    due_date date NOT NULL,
    paid_at timestamptz,
    paid_by text,
    updated_at timestamptz NOT NULL,
    PRIMARY KEY (service, line_reference, number),
    FOREIGN KEY (service, line_reference) REFERENCES lines (service, reference),
    CHECK ((paid_at IS NULL) = (paid_by IS NULL))
);
CREATE INDEX invoices_unpaid ON invoices (service, line_reference, period, number) WHERE paid_at IS NULL;
"""

PEOPLE = """
CREATE TABLE people (
    msisdn text PRIMARY KEY,
    language text NOT NULL CHECK (language IN ('fr', 'ar', 'en')),
    updated_at timestamptz NOT NULL
);

CREATE TABLE consents (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    msisdn text NOT NULL,
    version text NOT NULL,
    language text NOT NULL,
    channel text NOT NULL,
    given_at timestamptz NOT NULL
);
CREATE INDEX consents_msisdn ON consents (msisdn, id);
CREATE TRIGGER consents_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON consents
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();
"""

# `bills` is what the customer confirmed, never changed; payment_lines locks the same bills and follows their posting.
# `due_at` is when somebody must look at the row again: null = nothing is left to do.
PAYMENTS = """
CREATE TABLE payments (
    id text PRIMARY KEY,
    idempotency_key text NOT NULL UNIQUE,
    fingerprint text NOT NULL,
    reference text NOT NULL,
    state text NOT NULL CHECK (state IN ('created', 'sending', 'challenge', 'captured', 'declined', 'unknown',
        'voiding', 'voided', 'refunding', 'refunded', 'expired', 'integrity_failure')),
    service text NOT NULL,
    line_reference text NOT NULL,
    payer_msisdn text NOT NULL,
    email text,
    language text NOT NULL,
    channel text NOT NULL,
    bills jsonb NOT NULL,
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    currency text NOT NULL,
    created_at timestamptz NOT NULL,
    expires_at timestamptz NOT NULL,
    due_at timestamptz,
    attempts integer NOT NULL DEFAULT 0,
    sent_at timestamptz,
    declines integer NOT NULL DEFAULT 0,
    decline_kind text,
    challenge_id text,
    challenge_length integer,
    challenge_attempts_left integer,
    challenge_expires_at timestamptz,
    auth_code text,
    transaction_number text,
    approved_centimes bigint,
    card_brand text,
    card_last4 text CHECK (length(card_last4) = 4),
    paid_at timestamptz
);
CREATE UNIQUE INDEX payments_open_reference ON payments (reference)
    WHERE state IN ('created', 'sending', 'challenge', 'unknown');
CREATE INDEX payments_reference ON payments (reference, created_at);
CREATE INDEX payments_due ON payments (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX payments_payer ON payments (payer_msisdn, created_at);
CREATE INDEX payments_line ON payments (line_reference, created_at);
CREATE INDEX payments_auth_code ON payments (auth_code) WHERE auth_code IS NOT NULL;
CREATE INDEX payments_transaction ON payments (transaction_number) WHERE transaction_number IS NOT NULL;

CREATE TABLE payment_lines (
    payment_id text NOT NULL REFERENCES payments (id),
    service text NOT NULL,
    line_reference text NOT NULL,
    invoice_number text NOT NULL,
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    active boolean NOT NULL,
    posting text CHECK (posting IN ('pending', 'posted', 'refused', 'crediting', 'credited', 'stuck')),
    posting_attempts integer NOT NULL DEFAULT 0,
    posting_due_at timestamptz,
    PRIMARY KEY (payment_id, invoice_number)
);
-- one active payment a bill, whatever the channel
CREATE UNIQUE INDEX payment_lines_active ON payment_lines (service, line_reference, invoice_number) WHERE active;
CREATE INDEX payment_lines_invoice ON payment_lines (invoice_number);
CREATE INDEX payment_lines_due ON payment_lines (posting_due_at) WHERE posting_due_at IS NOT NULL;

CREATE TABLE payment_events (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    payment_id text NOT NULL REFERENCES payments (id),
    at timestamptz NOT NULL,
    event text NOT NULL,
    state text NOT NULL,
    detail text
);
CREATE INDEX payment_events_payment ON payment_events (payment_id, id);
CREATE TRIGGER payment_events_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON payment_events
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();

-- a counter row, not a sequence: a rolled back commit leaves no gap
CREATE TABLE receipt_counters (
    year integer PRIMARY KEY,
    value bigint NOT NULL
);

CREATE TABLE receipts (
    payment_id text PRIMARY KEY REFERENCES payments (id),
    year integer NOT NULL,
    sequence bigint NOT NULL,
    token text NOT NULL UNIQUE,
    created_at timestamptz NOT NULL,
    revoked_at timestamptz,
    UNIQUE (year, sequence)
);
"""

# The outbox and the log of what went out in one table; words and payment codes are never kept.
MESSAGES = """
CREATE TABLE messages (
    reference text PRIMARY KEY,
    kind text NOT NULL,
    payment_id text REFERENCES payments (id),
    recipient text NOT NULL,
    status text NOT NULL CHECK (status IN ('queued', 'sent', 'failed', 'delivered')),
    provider_id text,
    error text,
    attempts integer NOT NULL DEFAULT 0,
    due_at timestamptz,
    created_at timestamptz NOT NULL,
    updated_at timestamptz NOT NULL
);
CREATE INDEX messages_due ON messages (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX messages_payment ON messages (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX messages_provider ON messages (provider_id) WHERE provider_id IS NOT NULL;
CREATE INDEX messages_recipient ON messages (recipient, created_at);
"""


def upgrade() -> None:
    for sql in (APPEND_ONLY, BILLING, PEOPLE, PAYMENTS, MESSAGES):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
