"""Wallets as a second tender: attempts with a reference of their own, reversals, and the ledger's accounts of them.

Beside the version before it no payment has a wallet: none may be set up before every process is of this version.
"""

from alembic import op

revision = "0026"
down_revision = "0025"
branch_labels = None
depends_on = None

PAYMENTS = """
ALTER TABLE payments ADD COLUMN wallet text, ADD COLUMN wallet_payer text;
"""

# `payment_attempt`: which of the payment's sendings it is. `asked_at`: when it left; `accepted`: the wallet has it.
ATTEMPTS = """
CREATE TABLE wallet_attempts (
    reference uuid PRIMARY KEY,
    payment_id text NOT NULL REFERENCES payments (id),
    n integer NOT NULL CHECK (n > 0),
    payment_attempt integer NOT NULL,
    provider text NOT NULL,
    payer text NOT NULL,
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    currency text NOT NULL,
    state text NOT NULL CHECK (state IN ('waiting', 'asking', 'asked', 'unknown', 'declined', 'paid', 'surplus',
        'returned')),
    handle text,
    receipt text,
    accepted boolean NOT NULL DEFAULT false,
    decline_kind text,
    decline_code text,
    taken_centimes bigint CHECK (taken_centimes > 0),
    sent_at timestamptz NOT NULL,
    asked_at timestamptz,
    expires_at timestamptz,
    due_at timestamptz,
    by_hand text,
    UNIQUE (payment_id, n),
    CHECK ((state IN ('paid', 'surplus', 'returned')) = (taken_centimes IS NOT NULL))
);
-- one open attempt a payment, and one success that is the payment's
CREATE UNIQUE INDEX wallet_attempts_open ON wallet_attempts (payment_id)
    WHERE state IN ('waiting', 'asking', 'asked', 'unknown');
CREATE UNIQUE INDEX wallet_attempts_paid ON wallet_attempts (payment_id) WHERE state = 'paid';
-- a handle that speaks of one attempt cannot be planted on another
CREATE UNIQUE INDEX wallet_attempts_handle ON wallet_attempts (provider, handle) WHERE handle IS NOT NULL;
CREATE INDEX wallet_attempts_due ON wallet_attempts (due_at) WHERE due_at IS NOT NULL;
CREATE INDEX wallet_attempts_payer ON wallet_attempts (payer, sent_at);
CREATE INDEX wallet_attempts_by_hand ON wallet_attempts (payment_id) WHERE by_hand IS NOT NULL;

CREATE TABLE wallet_reversals (
    reference uuid PRIMARY KEY,
    attempt uuid NOT NULL REFERENCES wallet_attempts (reference),
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    state text NOT NULL CHECK (state IN ('asking', 'done', 'refused')),
    detail text,
    asked_at timestamptz NOT NULL,
    ended_at timestamptz
);
CREATE UNIQUE INDEX wallet_reversals_asking ON wallet_reversals (attempt) WHERE state = 'asking';
CREATE INDEX wallet_reversals_attempt ON wallet_reversals (attempt);
"""

# Whatever the code believes: nothing else is sent while a wallet may still take the money.
GUARD = """
CREATE FUNCTION khallas_one_tender() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM wallet_attempts a WHERE a.payment_id = NEW.id
               AND a.state IN ('waiting', 'asking', 'asked', 'unknown')) THEN
        RAISE EXCEPTION 'a wallet is being asked for payment %', NEW.id
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'wallet_attempts_open';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER payments_one_tender BEFORE UPDATE OF attempts ON payments
    FOR EACH ROW WHEN (NEW.attempts > OLD.attempts) EXECUTE FUNCTION khallas_one_tender();
"""

# Whose payment is forgotten, theirs is the wallet too.
FORGET = """
CREATE FUNCTION khallas_wallet_forgotten() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    UPDATE wallet_attempts SET payer = '' WHERE payment_id = NEW.id AND payer <> '';
    NEW.wallet_payer := NULL;
    RETURN NEW;
END;
$$;
CREATE TRIGGER payments_wallet_forgotten BEFORE UPDATE OF payer_msisdn ON payments
    FOR EACH ROW WHEN (NEW.payer_msisdn = '' AND OLD.payer_msisdn <> '') EXECUTE FUNCTION khallas_wallet_forgotten();
"""

# core/ledger/places.py, in SQL: a surplus is money that landed beside the payment.
PLACES = """
CREATE OR REPLACE VIEW ledger_positions AS
SELECT p.id AS payment_id, p.currency, l.invoice_number AS bill,
       khallas_place(khallas_ledger_state(p.state, p.by_hand), l.posting) AS account,
       l.amount_centimes - l.returned_centimes AS centimes
FROM payments p JOIN payment_lines l ON l.payment_id = p.id
WHERE l.posting IS NOT NULL
UNION ALL
SELECT p.id, p.currency, r.invoice_number, khallas_place(khallas_ledger_state(p.state, p.by_hand), r.state),
       r.amount_centimes
FROM payments p JOIN refunds r ON r.payment_id = p.id
WHERE r.request_id IS NOT NULL AND r.state IN ('asked', 'crediting', 'stuck')
UNION ALL
SELECT p.id, p.currency, '', khallas_place(khallas_ledger_state(p.state, p.by_hand), 'excess'),
       COALESCE(p.approved_centimes, p.amount_centimes) - CASE WHEN p.paid_at IS NULL THEN 0 ELSE p.amount_centimes END
FROM payments p
UNION ALL
SELECT a.payment_id, a.currency, 'w' || a.n, 'doubt:captures', a.taken_centimes
FROM wallet_attempts a WHERE a.state = 'surplus';
"""

# core/ledger/following.py: whose receivable an event moves. A surplus names its wallet, the payment its own tender.
FOLLOWING = """
CREATE FUNCTION khallas_tender(of_payment text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT COALESCE(p.wallet, 'cmi') FROM payments p WHERE p.id = of_payment
$$;

CREATE OR REPLACE FUNCTION khallas_ledger_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_bill text;
    outside text;
BEGIN
    PERFORM FROM payments p WHERE p.id = NEW.payment_id FOR NO KEY UPDATE;
    IF starts_with(NEW.event, 'bill_') OR starts_with(NEW.event, 'part_') THEN
        SELECT l.invoice_number INTO of_bill FROM payment_lines l
        WHERE l.payment_id = NEW.payment_id AND l.invoice_number = NEW.detail;
    END IF;
    IF NEW.event NOT IN ('void', 'refund', 'undo_refused', 'kept', 'unconfirmed', 'confirmed', 'bill_posted',
            'bill_refused', 'bill_crediting', 'bill_stuck', 'part', 'part_asked', 'part_crediting', 'part_refused',
            'part_stuck', 'part_told', 'part_untold', 'part_closed') THEN
        outside := 'acquirer:' || khallas_tender(NEW.payment_id) || ':receivable';
    END IF;
    IF NEW.event IN ('wallet_surplus', 'wallet_returned') THEN
        of_bill := split_part(NEW.detail, ' ', 2);
        outside := 'acquirer:' || split_part(NEW.detail, ' ', 1) || ':receivable';
    END IF;
    INSERT INTO ledger_transfers (id, at, debit, credit, amount_centimes, currency, payment_id, bill, event)
    SELECT 'e' || NEW.id || '.' || g.leg, NEW.at, g.debit, g.credit, g.amount_centimes, g.currency, NEW.payment_id,
           g.bill, NEW.event
    FROM khallas_ledger_legs(NEW.payment_id, of_bill, outside) g;
    RETURN NULL;
END;
$$;
CREATE TRIGGER payment_events_surplus AFTER INSERT ON payment_events
    FOR EACH ROW
    WHEN (NEW.state IN ('created', 'sending', 'challenge', 'declined', 'unknown', 'expired')
          AND NEW.event IN ('wallet_surplus', 'wallet_returned'))
    EXECUTE FUNCTION khallas_ledger_follow();
"""


def upgrade() -> None:
    for sql in (PAYMENTS, ATTEMPTS, GUARD, FORGET, PLACES, FOLLOWING):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
