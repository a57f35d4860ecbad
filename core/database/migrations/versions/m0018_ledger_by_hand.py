"""The ledger with payments that only a person can end: a credit that was refused is owed to the payer, and under way no
more; a bill is credited only when its money is back."""

from alembic import op

revision = "0018"
down_revision = "0017"
branch_labels = None
depends_on = None

# core/ledger/places.py, in SQL.
PLACES = """
CREATE OR REPLACE FUNCTION khallas_place(state text, item text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN state IN ('created', 'sending', 'challenge', 'declined', 'unknown', 'expired', 'voided', 'refunded')
            THEN NULL
        WHEN item = 'credited' THEN NULL
        WHEN state = 'refunding' THEN 'doubt:credits'
        WHEN state = 'voiding' AND item IN ('pending', 'posted') THEN 'customers:to_refund'
        ELSE CASE item
            WHEN 'pending' THEN 'bills:to_post'
            WHEN 'posted' THEN 'bills:posted'
            WHEN 'refused' THEN 'customers:to_refund'
            WHEN 'asked' THEN 'customers:to_refund'
            WHEN 'excess' THEN 'doubt:captures'
            ELSE 'doubt:credits'
        END
    END
$$;

CREATE FUNCTION khallas_ledger_state(state text, by_hand text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE WHEN state = 'refunding' AND by_hand IS NOT NULL THEN 'voiding' ELSE state END
$$;

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
FROM payments p;
"""

# core/ledger/following.py: the events that only move money from place to place.
FOLLOWING = """
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
        outside := 'acquirer:cmi:receivable';
    END IF;
    INSERT INTO ledger_transfers (id, at, debit, credit, amount_centimes, currency, payment_id, bill, event)
    SELECT 'e' || NEW.id || '.' || g.leg, NEW.at, g.debit, g.credit, g.amount_centimes, g.currency, NEW.payment_id,
           g.bill, NEW.event
    FROM khallas_ledger_legs(NEW.payment_id, of_bill, outside) g;
    RETURN NULL;
END;
$$;
"""


def upgrade() -> None:
    for sql in (PLACES, FOLLOWING):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
