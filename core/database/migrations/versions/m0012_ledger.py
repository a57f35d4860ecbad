"""The ledger: transfers that follow the payments' events in their own commit, and the days that are closed.

The rules stand in core/ledger, which a test holds together with what is written here. Books of payments that exist
are opened after the revision, in small commits (core/database/migrate.py): the version that runs goes on meanwhile,
and what it writes is followed already.
"""

from alembic import op

revision = "0012"
down_revision = "0011"
branch_labels = None
depends_on = None

# `until_at` closes the door to earlier rows at once; the totals and the hash follow when nobody writes such rows any
# more. `opened_at` null: payments from before wait for their first transfers.
TABLES = """
CREATE TABLE ledger_transfers (
    id text COLLATE "C" PRIMARY KEY,
    at timestamptz NOT NULL,
    debit text NOT NULL,
    credit text NOT NULL,
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    currency text NOT NULL,
    payment_id text,
    bill text NOT NULL DEFAULT '',
    event text NOT NULL,
    note text NOT NULL DEFAULT '',
    seal bytea NOT NULL,
    CHECK (debit <> credit)
);
CREATE INDEX ledger_transfers_payment ON ledger_transfers (payment_id) WHERE payment_id IS NOT NULL;
CREATE INDEX ledger_transfers_at ON ledger_transfers (at);
CREATE TRIGGER ledger_transfers_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_transfers
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();

CREATE TABLE ledger_days (
    number bigint PRIMARY KEY CHECK (number > 0),
    day date NOT NULL UNIQUE,
    from_at timestamptz, -- null: from the beginning
    until_at timestamptz NOT NULL UNIQUE,
    rows_count bigint,
    rows_hash bytea,
    hash bytea,
    closed_at timestamptz,
    CHECK ((hash IS NULL) = (rows_hash IS NULL) AND (hash IS NULL) = (closed_at IS NULL))
);
-- a day that is closed stays as it is
CREATE TRIGGER ledger_days_kept BEFORE UPDATE ON ledger_days
    FOR EACH ROW WHEN (OLD.hash IS NOT NULL) EXECUTE FUNCTION khallas_append_only();
CREATE TRIGGER ledger_days_append_only BEFORE DELETE OR TRUNCATE ON ledger_days
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();

CREATE TABLE ledger_day_totals (
    day date NOT NULL REFERENCES ledger_days (day),
    account text NOT NULL,
    currency text NOT NULL,
    debits_centimes bigint NOT NULL,
    credits_centimes bigint NOT NULL,
    PRIMARY KEY (day, account, currency)
);
CREATE TRIGGER ledger_day_totals_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON ledger_day_totals
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();

CREATE TABLE ledger_opening (
    since timestamptz NOT NULL,
    opened_at timestamptz
);
INSERT INTO ledger_opening (since) VALUES (now());
"""

# A row vouches for itself: one that is changed by hand is named (khallas ledger verify).
ROWS = """
CREATE FUNCTION khallas_ledger_seal(t ledger_transfers) RETURNS bytea LANGUAGE sql STABLE AS $$
    SELECT sha256(convert_to(jsonb_build_array(t.id, extract(epoch FROM t.at)::text, t.debit, t.credit,
        t.amount_centimes, t.currency, t.payment_id, t.bill, t.event, t.note)::text, 'UTF8'))
$$;

CREATE FUNCTION khallas_ledger_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    closed_until timestamptz;
BEGIN
    SELECT until_at INTO closed_until FROM ledger_days ORDER BY number DESC LIMIT 1;
    IF NEW.at < closed_until THEN
        NEW.note := concat_ws('; ', NULLIF(NEW.note, ''),
            'of ' || to_char(NEW.at AT TIME ZONE 'UTC', 'YYYY-MM-DD"T"HH24:MI:SS"Z"') || ', a day that is closed');
        NEW.at := GREATEST(now(), closed_until);
    END IF;
    NEW.seal := khallas_ledger_seal(NEW);
    RETURN NEW;
END;
$$;
CREATE TRIGGER ledger_transfers_row BEFORE INSERT ON ledger_transfers
    FOR EACH ROW EXECUTE FUNCTION khallas_ledger_row();
"""

# core/ledger/places.py, in SQL.
PLACES = """
CREATE FUNCTION khallas_place(state text, item text) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT CASE
        WHEN state IN ('created', 'sending', 'challenge', 'declined', 'unknown', 'expired', 'voided', 'refunded')
            THEN NULL
        WHEN state = 'refunding' THEN 'doubt:credits'
        WHEN state = 'voiding' AND item IN ('pending', 'posted', 'credited') THEN 'customers:to_refund'
        ELSE CASE item
            WHEN 'pending' THEN 'bills:to_post'
            WHEN 'posted' THEN 'bills:posted'
            WHEN 'refused' THEN 'customers:to_refund'
            WHEN 'asked' THEN 'customers:to_refund'
            WHEN 'credited' THEN NULL
            WHEN 'excess' THEN 'doubt:captures'
            ELSE 'doubt:credits'
        END
    END
$$;

CREATE VIEW ledger_positions AS
SELECT p.id AS payment_id, p.currency, l.invoice_number AS bill, khallas_place(p.state, l.posting) AS account,
       l.amount_centimes - l.returned_centimes AS centimes
FROM payments p JOIN payment_lines l ON l.payment_id = p.id
WHERE l.posting IS NOT NULL
UNION ALL
SELECT p.id, p.currency, r.invoice_number, khallas_place(p.state, r.state), r.amount_centimes
FROM payments p JOIN refunds r ON r.payment_id = p.id
WHERE r.request_id IS NOT NULL AND r.state IN ('asked', 'crediting', 'stuck')
UNION ALL
SELECT p.id, p.currency, '', khallas_place(p.state, 'excess'),
       COALESCE(p.approved_centimes, p.amount_centimes) - CASE WHEN p.paid_at IS NULL THEN 0 ELSE p.amount_centimes END
FROM payments p;
"""

# core/ledger/following.py, in SQL: bill by bill, what lost pairs with what gained, along both sums. What is over is the
# receivable's where the event can take money in or give it back, else nobody's, and the equations will say so. The
# payment's row is locked first: two events of one payment follow one another, those of others do not wait.
FOLLOWING = """
CREATE FUNCTION khallas_ledger_legs(of_payment text, of_bill text, outside text)
RETURNS TABLE (leg bigint, bill text, debit text, credit text, amount_centimes bigint, currency text)
LANGUAGE sql STABLE AS $$
    WITH lies AS (
        SELECT s.bill, s.account, s.centimes FROM ledger_positions s
        WHERE s.payment_id = of_payment AND s.account IS NOT NULL
        UNION ALL
        SELECT t.bill, t.debit, t.amount_centimes FROM ledger_transfers t
        WHERE t.payment_id = of_payment AND split_part(t.debit, ':', 1) IN ('bills', 'customers', 'doubt')
        UNION ALL
        SELECT t.bill, t.credit, -t.amount_centimes FROM ledger_transfers t
        WHERE t.payment_id = of_payment AND split_part(t.credit, ':', 1) IN ('bills', 'customers', 'doubt')
    ), deltas AS (
        SELECT l.bill, l.account, sum(l.centimes) AS delta FROM lies l
        WHERE of_bill IS NULL OR l.bill = of_bill
        GROUP BY l.bill, l.account HAVING sum(l.centimes) <> 0
    ), whole AS (
        SELECT d.bill, d.account, d.delta FROM deltas d
        UNION ALL
        SELECT d.bill, outside, -sum(d.delta) FROM deltas d GROUP BY d.bill HAVING sum(d.delta) <> 0
    ), sums AS (
        SELECT w.bill, w.account, w.delta > 0 AS gains, abs(w.delta) AS size,
               sum(abs(w.delta)) OVER (
                   PARTITION BY w.bill, w.delta > 0 ORDER BY w.account COLLATE "C" NULLS LAST) AS upto
        FROM whole w
    )
    SELECT row_number() OVER (ORDER BY g.bill COLLATE "C", LEAST(g.upto, l.upto)), g.bill, l.account, g.account,
           (LEAST(g.upto, l.upto) - GREATEST(g.upto - g.size, l.upto - l.size))::bigint, p.currency
    FROM sums l JOIN sums g ON g.bill = l.bill AND g.gains AND NOT l.gains
         AND l.upto - l.size < g.upto AND g.upto - g.size < l.upto
    JOIN payments p ON p.id = of_payment
    WHERE l.account IS NOT NULL AND g.account IS NOT NULL
$$;

CREATE FUNCTION khallas_ledger_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_bill text;
    outside text;
BEGIN
    PERFORM FROM payments p WHERE p.id = NEW.payment_id FOR NO KEY UPDATE;
    IF starts_with(NEW.event, 'bill_') OR starts_with(NEW.event, 'part_') THEN
        SELECT l.invoice_number INTO of_bill FROM payment_lines l
        WHERE l.payment_id = NEW.payment_id AND l.invoice_number = NEW.detail;
    END IF;
    IF NEW.event NOT IN ('void', 'refund', 'undo_refused', 'bill_posted', 'bill_refused', 'bill_crediting',
            'bill_stuck', 'part', 'part_asked', 'part_crediting', 'part_refused', 'part_stuck', 'part_told',
            'part_untold') THEN
        outside := 'acquirer:cmi:receivable';
    END IF;
    INSERT INTO ledger_transfers (id, at, debit, credit, amount_centimes, currency, payment_id, bill, event)
    SELECT 'e' || NEW.id || '.' || g.leg, NEW.at, g.debit, g.credit, g.amount_centimes, g.currency, NEW.payment_id,
           g.bill, NEW.event
    FROM khallas_ledger_legs(NEW.payment_id, of_bill, outside) g;
    RETURN NULL;
END;
$$;
CREATE TRIGGER payment_events_ledger AFTER INSERT ON payment_events
    FOR EACH ROW
    WHEN (NEW.state NOT IN ('created', 'sending', 'challenge', 'declined', 'unknown', 'expired'))
    EXECUTE FUNCTION khallas_ledger_follow();

-- a payment from before the ledger: one opening set, once
CREATE FUNCTION khallas_ledger_open(of_payment text, open_at timestamptz) RETURNS void LANGUAGE plpgsql AS $$
BEGIN
    PERFORM FROM payments p WHERE p.id = of_payment FOR NO KEY UPDATE;
    IF EXISTS (SELECT FROM ledger_transfers t WHERE t.payment_id = of_payment) THEN
        RETURN;
    END IF;
    INSERT INTO ledger_transfers (id, at, debit, credit, amount_centimes, currency, payment_id, bill, event)
    SELECT 'o' || of_payment || '.' || g.leg, open_at, g.debit, g.credit, g.amount_centimes, g.currency, of_payment,
           g.bill, 'opening'
    FROM khallas_ledger_legs(of_payment, NULL, 'acquirer:cmi:receivable') g;
END;
$$;
"""


def upgrade() -> None:
    for sql in (TABLES, ROWS, PLACES, FOLLOWING):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
