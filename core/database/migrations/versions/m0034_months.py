"""Payments that are over may be moved into tables of a month, which PostgreSQL reads and changes with the live ones.

A month's table inherits from its live one (payments_2026_11 from payments): a statement that names `payments` means
both, one that says ONLY means the live one. Keys and locks on bills stay unique over both by triggers. The version
before this one reads months as it reads everything; nothing is moved before somebody asks for it, and until then the
next revision switches the triggers off.
"""

from alembic import op

revision = "0034"
down_revision = "0033"
branch_labels = None
depends_on = None

# Those whose rows the tables' owner moves within a transaction of the functions below, and nobody else ever.
MOVING = """
CREATE FUNCTION khallas_moving(of_table oid) RETURNS boolean LANGUAGE sql STABLE AS $$
    SELECT COALESCE(current_setting('khallas.moving', true), '') = 'on'
       AND pg_has_role(current_user, (SELECT relowner FROM pg_class WHERE oid = of_table), 'USAGE')
$$;

CREATE OR REPLACE FUNCTION khallas_append_only() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' AND khallas_moving(TG_RELID) THEN
        RETURN NULL;
    END IF;
    RAISE EXCEPTION '% is append-only', TG_TABLE_NAME USING ERRCODE = 'restrict_violation';
END;
$$;
"""

# khallas_ledger_legs() and `ledger_positions` over the live tables alone: what moves, moves whole, and events are
# written of what is live. No view: the role that serves beside this revision has no right to a new one yet.
LEDGER = """
CREATE FUNCTION khallas_ledger_legs_live(of_payment text, of_bill text, outside text)
RETURNS TABLE (leg bigint, bill text, debit text, credit text, amount_centimes bigint, currency text)
LANGUAGE sql STABLE AS $$
    WITH lies AS (
        SELECT s.bill, s.account, s.centimes FROM (
            SELECT l.invoice_number AS bill,
                   khallas_place(khallas_ledger_state(p.state, p.by_hand), l.posting) AS account,
                   l.amount_centimes - l.returned_centimes AS centimes
            FROM ONLY payments p JOIN ONLY payment_lines l ON l.payment_id = p.id
            WHERE p.id = of_payment AND l.posting IS NOT NULL
            UNION ALL
            SELECT r.invoice_number, khallas_place(khallas_ledger_state(p.state, p.by_hand), r.state), r.amount_centimes
            FROM ONLY payments p JOIN refunds r ON r.payment_id = p.id
            WHERE p.id = of_payment AND r.request_id IS NOT NULL AND r.state IN ('asked', 'crediting', 'stuck')
            UNION ALL
            SELECT '', khallas_place(khallas_ledger_state(p.state, p.by_hand), 'excess'),
                   COALESCE(p.approved_centimes, p.amount_centimes)
                       - CASE WHEN p.paid_at IS NULL THEN 0 ELSE p.amount_centimes END
            FROM ONLY payments p WHERE p.id = of_payment
        ) s WHERE s.account IS NOT NULL
        UNION ALL
        SELECT 'w' || a.n, 'doubt:captures', a.taken_centimes FROM ONLY wallet_attempts a
        WHERE a.payment_id = of_payment AND a.state = 'surplus'
        UNION ALL
        SELECT t.bill, t.debit, t.amount_centimes FROM ONLY ledger_transfers t
        WHERE t.payment_id = of_payment AND split_part(t.debit, ':', 1) IN ('bills', 'customers', 'doubt')
        UNION ALL
        SELECT t.bill, t.credit, -t.amount_centimes FROM ONLY ledger_transfers t
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
    JOIN ONLY payments p ON p.id = of_payment
    WHERE l.account IS NOT NULL AND g.account IS NOT NULL
$$;

CREATE OR REPLACE FUNCTION khallas_one_tender() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM ONLY wallet_attempts a WHERE a.payment_id = NEW.id
               AND a.state IN ('waiting', 'asking', 'asked', 'unknown')) THEN
        RAISE EXCEPTION 'a wallet is being asked for payment %', NEW.id
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'wallet_attempts_open';
    END IF;
    RETURN NEW;
END;
$$;

CREATE OR REPLACE FUNCTION khallas_ledger_follow() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    of_bill text;
    outside text;
BEGIN
    IF COALESCE(current_setting('khallas.moving', true), '') = 'on' AND khallas_moving(TG_RELID) THEN
        RETURN NULL; -- an event that comes back was followed when it was written
    END IF;
    PERFORM FROM ONLY payments p WHERE p.id = NEW.payment_id FOR NO KEY UPDATE;
    IF starts_with(NEW.event, 'bill_') OR starts_with(NEW.event, 'part_') THEN
        SELECT l.invoice_number INTO of_bill FROM ONLY payment_lines l
        WHERE l.payment_id = NEW.payment_id AND l.invoice_number = NEW.detail;
    END IF;
    IF NEW.event NOT IN ('void', 'refund', 'undo_refused', 'kept', 'unconfirmed', 'confirmed', 'bill_posted',
            'bill_refused', 'bill_crediting', 'bill_stuck', 'part', 'part_asked', 'part_crediting', 'part_refused',
            'part_stuck', 'part_told', 'part_untold', 'part_closed') THEN
        SELECT 'acquirer:' || COALESCE(p.wallet, p.acquirer) || ':receivable' INTO outside
        FROM ONLY payments p WHERE p.id = NEW.payment_id;
    END IF;
    IF NEW.event IN ('wallet_surplus', 'wallet_returned') THEN
        of_bill := split_part(NEW.detail, ' ', 2);
        outside := 'acquirer:' || split_part(NEW.detail, ' ', 1) || ':receivable';
    END IF;
    INSERT INTO ledger_transfers (id, at, debit, credit, amount_centimes, currency, payment_id, bill, event)
    SELECT 'e' || NEW.id || '.' || g.leg, NEW.at, g.debit, g.credit, g.amount_centimes, g.currency, NEW.payment_id,
           g.bill, NEW.event
    FROM khallas_ledger_legs_live(NEW.payment_id, of_bill, outside) g;
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION khallas_ledger_row() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    closed_until timestamptz;
BEGIN
    IF COALESCE(current_setting('khallas.moving', true), '') = 'on' AND khallas_moving(TG_RELID) THEN
        RETURN NEW; -- it comes back as it is: its day has it already
    END IF;
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
"""

# AFTER: by then a move of the same key or bill has ended, for the index of the live table made us wait for it.
UNIQUE = """
CREATE FUNCTION khallas_key_in_months() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key AND p.tableoid <> TG_RELID) THEN
        RAISE EXCEPTION 'the key of payment % was used in a month before', NEW.id
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'payments_idempotency_key_key';
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER payments_key_in_months AFTER INSERT ON payments
    FOR EACH ROW EXECUTE FUNCTION khallas_key_in_months();

CREATE FUNCTION khallas_bill_in_months() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF EXISTS (SELECT FROM payment_lines l WHERE l.service = NEW.service AND l.line_reference = NEW.line_reference
               AND l.invoice_number = NEW.invoice_number AND l.active AND l.tableoid <> TG_RELID) THEN
        RAISE EXCEPTION 'bill % was paid in a month before', NEW.invoice_number
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'payment_lines_active';
    END IF;
    RETURN NULL;
END;
$$;
CREATE TRIGGER payment_lines_in_months AFTER INSERT ON payment_lines
    FOR EACH ROW WHEN (NEW.active) EXECUTE FUNCTION khallas_bill_in_months();
CREATE TRIGGER payment_lines_locked_in_months AFTER UPDATE OF active ON payment_lines
    FOR EACH ROW WHEN (NEW.active AND NOT OLD.active) EXECUTE FUNCTION khallas_bill_in_months();
"""

# An endpoint may be behind what has moved: its deliveries name payments of the months too.
DELIVERIES = "ALTER TABLE event_deliveries DROP CONSTRAINT event_deliveries_payment_id_fkey"

# `moved` in this order; back in the other one.
MONTHS = """
CREATE FUNCTION khallas_moved_tables() RETURNS text[] LANGUAGE sql IMMUTABLE AS $$
    SELECT ARRAY['receipts', 'messages', 'payment_evidence', 'wallet_attempts', 'payment_events', 'payment_lines',
                 'ledger_transfers', 'payments']
$$;

CREATE FUNCTION khallas_month_suffix(at timestamptz) RETURNS text LANGUAGE sql IMMUTABLE AS $$
    SELECT to_char(at AT TIME ZONE 'UTC', '"_"YYYY"_"MM')
$$;

-- Whoever gives a row of a month something to do again (a time to be looked at, a hand, another state) has all of its
-- payment live from then on: queues and sweeps look at nothing else.
CREATE FUNCTION khallas_due_again() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    PERFORM khallas_bring_back(to_jsonb(NEW) ->> TG_ARGV[0]);
    RETURN NULL;
END;
$$;

CREATE FUNCTION khallas_make_month(month timestamptz) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    begins timestamp := date_trunc('month', month AT TIME ZONE 'UTC');
    suffix text := khallas_month_suffix(month);
    live text;
    again text;
BEGIN
    PERFORM pg_advisory_xact_lock(1117779);
    IF to_regclass('payments' || suffix) IS NOT NULL THEN
        RETURN false;
    END IF;
    FOREACH live IN ARRAY khallas_moved_tables() LOOP
        EXECUTE format('CREATE TABLE %I (LIKE %I INCLUDING DEFAULTS INCLUDING CONSTRAINTS INCLUDING STORAGE
            INCLUDING INDEXES) INHERITS (%I)', live || suffix, live, live);
        IF live IN ('payment_events', 'ledger_transfers') THEN
            EXECUTE format('CREATE TRIGGER %I BEFORE UPDATE OR DELETE OR TRUNCATE ON %I
                FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only()', live || suffix || '_kept', live || suffix);
        END IF;
        again := CASE live
            WHEN 'payments' THEN 'NEW.due_at IS NOT NULL OR NEW.by_hand IS NOT NULL OR NEW.state <> OLD.state'
            WHEN 'wallet_attempts' THEN 'NEW.due_at IS NOT NULL OR NEW.by_hand IS NOT NULL OR NEW.state <> OLD.state'
            WHEN 'messages' THEN 'NEW.due_at IS NOT NULL'
            WHEN 'payment_lines' THEN 'NEW.posting_due_at IS NOT NULL OR NEW.returned_centimes <> OLD.returned_centimes
                OR (NEW.active, NEW.posting) IS DISTINCT FROM (OLD.active, OLD.posting)' END;
        IF again IS NOT NULL THEN
            EXECUTE format('CREATE TRIGGER due_again AFTER UPDATE ON %I FOR EACH ROW WHEN (%s)
                EXECUTE FUNCTION khallas_due_again(%L)', live || suffix, again,
                CASE live WHEN 'payments' THEN 'id' ELSE 'payment_id' END);
        END IF;
    END LOOP;
    EXECUTE format('ALTER TABLE %I ADD CHECK (created_at >= %L AND created_at < %L)', 'payments' || suffix,
        begins AT TIME ZONE 'UTC', (begins + interval '1 month') AT TIME ZONE 'UTC');
    EXECUTE format('CREATE TRIGGER payments_wallet_forgotten BEFORE UPDATE OF payer_msisdn ON %I FOR EACH ROW
        WHEN (NEW.payer_msisdn = '''' AND OLD.payer_msisdn <> '''') EXECUTE FUNCTION khallas_wallet_forgotten()',
        'payments' || suffix);
    EXECUTE format('CREATE TRIGGER payments_found_by AFTER UPDATE ON %I FOR EACH ROW
        WHEN ((NEW.payer_msisdn, NEW.email, NEW.reference, NEW.auth_code, NEW.transaction_number, NEW.line_reference)
              IS DISTINCT FROM (OLD.payer_msisdn, OLD.email, OLD.reference, OLD.auth_code, OLD.transaction_number,
                                OLD.line_reference)) EXECUTE FUNCTION khallas_found_by_again()',
        'payments' || suffix);
    RETURN true;
END;
$$;
"""

# Over, and nobody has anything to do with it any more: what people dealt with stays live, and so does what they
# brought back lately. Looked at behind `after_at` and `after_id`, of one month, a batch a call.
ARCHIVE = """
CREATE TABLE payments_brought_back (
    payment_id text PRIMARY KEY,
    at timestamptz NOT NULL
);

CREATE FUNCTION khallas_over(candidates text[], before timestamptz) RETURNS SETOF text
LANGUAGE sql STABLE SECURITY DEFINER SET search_path = public, pg_temp AS $$
    SELECT p.id FROM ONLY payments p
    WHERE p.id = ANY(candidates) AND p.state IN ('captured', 'declined', 'voided', 'refunded', 'expired')
      AND p.due_at IS NULL AND p.by_hand IS NULL AND p.created_at < before AND p.expires_at < before
      AND (p.page_until IS NULL OR p.page_until < before)
      AND (p.paid_at IS NULL OR p.paid_at < before)
      AND NOT EXISTS (SELECT FROM ONLY payment_lines l WHERE l.payment_id = p.id
          AND (l.posting_due_at IS NOT NULL OR l.posting NOT IN ('posted', 'credited')))
      AND NOT EXISTS (SELECT FROM ONLY messages m WHERE m.payment_id = p.id AND m.due_at IS NOT NULL)
      AND NOT EXISTS (SELECT FROM ONLY payment_events e WHERE e.payment_id = p.id AND e.at >= before)
      AND NOT EXISTS (SELECT FROM ONLY ledger_transfers t WHERE t.payment_id = p.id AND t.at >= before)
      AND NOT EXISTS (SELECT FROM ONLY wallet_attempts a WHERE a.payment_id = p.id
          AND (a.state NOT IN ('declined', 'paid') OR a.due_at IS NOT NULL OR a.by_hand IS NOT NULL
               OR EXISTS (SELECT FROM wallet_reversals v WHERE v.attempt = a.reference)))
      AND NOT EXISTS (SELECT FROM refunds r WHERE r.payment_id = p.id)
      AND NOT EXISTS (SELECT FROM credits_under_way c WHERE c.payment_id = p.id)
      AND NOT EXISTS (SELECT FROM undo_requests u WHERE u.payment_id = p.id)
      AND NOT EXISTS (SELECT FROM hand_requests h WHERE h.payment_id = p.id)
      AND NOT EXISTS (SELECT FROM desk_notes n WHERE n.payment_id = p.id)
      AND NOT EXISTS (SELECT FROM chargebacks c WHERE c.payment_id = p.id)
      AND NOT EXISTS (SELECT FROM reconciliation_findings f
          WHERE f.order_id = p.id AND f.closed_at IS NULL AND f.resolved_at IS NULL)
      AND NOT EXISTS (SELECT FROM payments_brought_back b WHERE b.payment_id = p.id AND b.at >= before)
$$;

CREATE FUNCTION khallas_archive(before timestamptz, after_at timestamptz, after_id text, most integer)
RETURNS TABLE (looked bigint, moved bigint, last_at timestamptz, last_id text)
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    first_at timestamptz;
    month_ends timestamptz;
    suffix text;
    candidates text[];
    ids text[];
    live text;
BEGIN
    IF EXISTS (SELECT FROM khallas_deaf_tables()) THEN
        RAISE EXCEPTION 'triggers do not ask the months yet' USING ERRCODE = 'object_not_in_prerequisite_state';
    END IF;
    SELECT p.created_at INTO first_at FROM ONLY payments p
    WHERE (p.created_at, p.id) > (after_at, after_id) AND p.created_at >= after_at AND p.created_at < before
    ORDER BY p.created_at, p.id LIMIT 1;
    IF first_at IS NULL THEN
        RETURN QUERY SELECT 0::bigint, 0::bigint, after_at, after_id;
        RETURN;
    END IF;
    suffix := khallas_month_suffix(first_at);
    month_ends := (date_trunc('month', first_at AT TIME ZONE 'UTC') + interval '1 month') AT TIME ZONE 'UTC';
    SELECT array_agg(c.id ORDER BY c.created_at, c.id), count(*) INTO candidates, looked FROM (
        SELECT p.id, p.created_at FROM ONLY payments p
        WHERE (p.created_at, p.id) > (after_at, after_id) AND p.created_at >= first_at
          AND p.created_at < LEAST(before, month_ends)
        ORDER BY p.created_at, p.id LIMIT most) c;
    last_id := candidates[cardinality(candidates)];
    SELECT p.created_at INTO last_at FROM ONLY payments p WHERE p.id = last_id;
    -- locked first and looked at afterwards: nobody can write of them any more, and what was written is seen
    SELECT array_agg(l.id) INTO ids FROM (
        SELECT p.id FROM ONLY payments p WHERE p.id = ANY(candidates) ORDER BY p.id FOR UPDATE SKIP LOCKED) l;
    SELECT array_agg(o.id) INTO ids FROM khallas_over(ids, before) AS o (id);
    moved := COALESCE(cardinality(ids), 0);
    IF moved > 0 THEN
        INSERT INTO payments_of_months (payment_id, created_at, keys)
        SELECT p.id, p.created_at, khallas_payment_keys(p,
            ARRAY(SELECT l.invoice_number FROM ONLY payment_lines l WHERE l.payment_id = p.id),
            (SELECT r.year || ' ' || r.sequence FROM ONLY receipts r WHERE r.payment_id = p.id))
        FROM ONLY payments p WHERE p.id = ANY(ids);
        PERFORM set_config('khallas.moving', 'on', true);
        FOREACH live IN ARRAY khallas_moved_tables() LOOP
            EXECUTE format('WITH gone AS (DELETE FROM ONLY %I WHERE %I = ANY($1) RETURNING *)
                INSERT INTO %I SELECT * FROM gone', live, CASE live WHEN 'payments' THEN 'id' ELSE 'payment_id' END,
                live || suffix) USING ids;
        END LOOP;
        DELETE FROM payments_brought_back b WHERE b.payment_id = ANY(ids);
    END IF;
    PERFORM set_config('khallas.moving', '', true);
    RETURN NEXT;
END;
$$;

CREATE FUNCTION khallas_bring_back(of_payment text) RETURNS boolean
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
DECLARE
    suffix text;
    live text;
    tables text[] := khallas_moved_tables();
BEGIN
    SELECT khallas_month_suffix(p.created_at) INTO suffix FROM payments p
    WHERE p.id = of_payment AND p.tableoid <> 'payments'::regclass FOR UPDATE;
    IF suffix IS NULL THEN
        RETURN EXISTS (SELECT FROM ONLY payments p WHERE p.id = of_payment);
    END IF;
    PERFORM set_config('khallas.moving', 'on', true);
    FOR i IN REVERSE cardinality(tables) .. 1 LOOP
        live := tables[i];
        EXECUTE format('WITH gone AS (DELETE FROM %I WHERE %I = $1 RETURNING *)
            INSERT INTO %I OVERRIDING SYSTEM VALUE SELECT * FROM gone', live || suffix,
            CASE live WHEN 'payments' THEN 'id' ELSE 'payment_id' END, live) USING of_payment;
    END LOOP;
    DELETE FROM payments_of_months m WHERE m.payment_id = of_payment;
    INSERT INTO payments_brought_back (payment_id, at) VALUES (of_payment, now())
    ON CONFLICT (payment_id) DO UPDATE SET at = now();
    PERFORM set_config('khallas.moving', '', true);
    RETURN true;
END;
$$;
"""


# Whoever writes of a payment has it live from then on, in the same commit: a note, a refund, a late word of a wallet.
NAMED = """
CREATE FUNCTION khallas_live_again() RETURNS trigger LANGUAGE plpgsql AS $$
DECLARE
    live boolean;
BEGIN
    IF TG_TABLE_NAME = 'payment_events' THEN -- of every step: it locked the payment before it
        live := EXISTS (SELECT FROM ONLY payments p WHERE p.id = NEW.payment_id);
    ELSE -- nor is it moving at this moment
        PERFORM FROM ONLY payments p WHERE p.id = NEW.payment_id FOR KEY SHARE;
        live := FOUND;
    END IF;
    IF NOT live AND NOT khallas_moving(TG_RELID) THEN
        PERFORM khallas_bring_back(NEW.payment_id);
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER desk_notes_live BEFORE INSERT ON desk_notes FOR EACH ROW EXECUTE FUNCTION khallas_live_again();
CREATE TRIGGER undo_requests_live BEFORE INSERT ON undo_requests FOR EACH ROW EXECUTE FUNCTION khallas_live_again();
CREATE TRIGGER hand_requests_live BEFORE INSERT ON hand_requests FOR EACH ROW EXECUTE FUNCTION khallas_live_again();
CREATE TRIGGER chargebacks_live BEFORE INSERT ON chargebacks FOR EACH ROW EXECUTE FUNCTION khallas_live_again();
CREATE TRIGGER refunds_live BEFORE INSERT ON refunds FOR EACH ROW EXECUTE FUNCTION khallas_live_again();
CREATE TRIGGER wallet_attempts_live BEFORE INSERT ON wallet_attempts
    FOR EACH ROW EXECUTE FUNCTION khallas_live_again();
CREATE TRIGGER payment_evidence_live BEFORE INSERT ON payment_evidence
    FOR EACH ROW EXECUTE FUNCTION khallas_live_again();
CREATE TRIGGER payment_events_live BEFORE INSERT ON payment_events
    FOR EACH ROW EXECUTE FUNCTION khallas_live_again();
CREATE TRIGGER messages_live BEFORE INSERT ON messages
    FOR EACH ROW WHEN (NEW.payment_id IS NOT NULL) EXECUTE FUNCTION khallas_live_again();
"""


def upgrade() -> None:
    for sql in (MOVING, LEDGER, UNIQUE, DELIVERIES, MONTHS, ARCHIVE, NAMED):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
