"""What months cost: nothing before there is one, and a search one index over all of them, not one a month.

A row a payment that moved, with digests of what it is looked for by (core/help_desk/lookup.py says the same words).
"""

from alembic import op

revision = "0035"
down_revision = "0034"
branch_labels = None
depends_on = None

# fastupdate: what waits to be sorted in would be read by every search.
DIRECTORY = """
CREATE TABLE payments_of_months (
    payment_id text PRIMARY KEY,
    created_at timestamptz NOT NULL,
    keys bigint[] NOT NULL
);
CREATE INDEX payments_of_months_keys ON payments_of_months USING gin (keys) WITH (fastupdate = off);
"""

# plpgsql keeps its plans; a function in SQL is planned at every call.
KEYS = """
CREATE FUNCTION khallas_word_keys(words text[]) RETURNS bigint[] LANGUAGE plpgsql IMMUTABLE AS $$
BEGIN
    RETURN ARRAY(SELECT ('x' || encode(substr(sha256(convert_to(w, 'UTF8')), 1, 8), 'hex'))::bit(64)::bigint
                 FROM unnest(words) w WHERE w IS NOT NULL);
END;
$$;

CREATE FUNCTION khallas_payment_keys(p payments, bills text[], receipt text) RETURNS bigint[]
LANGUAGE plpgsql STABLE AS $$
BEGIN
    RETURN khallas_word_keys(ARRAY[
        'text ' || p.auth_code, 'text ' || p.reference, 'text ' || p.line_reference,
        'transaction ' || lower(p.transaction_number), 'payer ' || NULLIF(p.payer_msisdn, ''),
        'email ' || lower(p.email), 'line ' || p.service || ' ' || p.line_reference,
        'card ' || p.card_last4 || to_char(p.created_at AT TIME ZONE 'UTC', ' YYYY-MM-DD'), 'receipt ' || receipt]
        || ARRAY(SELECT 'text ' || b FROM unnest(bills) b));
END;
$$;
"""

# Of a card's last digits a day is told: keys of the days in UTC that it touches, then its very bounds.
FOUND = """
CREATE FUNCTION khallas_in_months(
    ids text[], words text[], day_words text[], begins timestamptz, ends timestamptz, most integer)
RETURNS TABLE (id text, moved_of timestamptz)
LANGUAGE plpgsql STABLE SECURITY DEFINER SET search_path = public, pg_temp SET enable_seqscan = off AS $$
DECLARE
    wanted bigint[] := khallas_word_keys(words);
    of_days bigint[] := khallas_word_keys(day_words);
BEGIN
    RETURN QUERY
    SELECT m.payment_id, m.created_at FROM payments_of_months m WHERE m.payment_id = ANY(ids)
    UNION SELECT m.payment_id, m.created_at FROM payments_of_months m WHERE m.keys && wanted
    UNION SELECT m.payment_id, m.created_at FROM payments_of_months m
          WHERE m.keys && of_days AND m.created_at >= begins AND m.created_at < ends
    ORDER BY 2 DESC LIMIT most;
END;
$$;
"""

# Whoever is forgotten in a month is not found there any more. Written with the owner's rights, as the rows were.
AGAIN = """
CREATE FUNCTION khallas_found_by_again() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    UPDATE payments_of_months m SET keys = khallas_payment_keys(p,
        ARRAY(SELECT l.invoice_number FROM payment_lines l WHERE l.payment_id = NEW.id),
        (SELECT r.year || ' ' || r.sequence FROM receipts r WHERE r.payment_id = NEW.id))
    FROM payments p WHERE p.id = NEW.id AND m.payment_id = NEW.id;
    RETURN NULL;
END;
$$;
"""

# No trigger asks the months before there is one: a payment costs what it cost. They are switched on before the first
# month is made, a table a commit, for each waits until nobody writes there.
ASKING = """
CREATE FUNCTION khallas_asks_months() RETURNS TABLE (of_table text, named text, off boolean) LANGUAGE sql STABLE AS $$
    SELECT c.relname::text, t.tgname::text, t.tgenabled = 'D' FROM pg_trigger t
    JOIN pg_class c ON c.oid = t.tgrelid JOIN pg_proc p ON p.oid = t.tgfoid
    WHERE p.proname IN ('khallas_live_again', 'khallas_key_in_months', 'khallas_bill_in_months')
      AND c.relnamespace = 'public'::regnamespace
$$;

CREATE FUNCTION khallas_deaf_tables() RETURNS SETOF text LANGUAGE sql STABLE AS $$
    SELECT DISTINCT a.of_table FROM khallas_asks_months() a WHERE a.off ORDER BY 1
$$;

CREATE FUNCTION khallas_ask_months(asked text) RETURNS void
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp SET lock_timeout = '2s' AS $$
DECLARE
    each text;
BEGIN
    FOR each IN SELECT a.named FROM khallas_asks_months() a WHERE a.of_table = asked AND a.off LOOP
        EXECUTE format('ALTER TABLE %I ENABLE TRIGGER %I', asked, each);
    END LOOP;
END;
$$;

DO $$
DECLARE
    each record;
BEGIN
    FOR each IN SELECT a.of_table, a.named FROM khallas_asks_months() a LOOP
        EXECUTE format('ALTER TABLE %I DISABLE TRIGGER %I', each.of_table, each.named);
    END LOOP;
END;
$$;
"""


def upgrade() -> None:
    for sql in (DIRECTORY, KEYS, FOUND, AGAIN, ASKING):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
