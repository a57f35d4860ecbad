"""Whether a key or a bill was used in a month is told by one index over all of them.

A digest says that it may have been, and only then each month is asked. They are written where a payment's month is
noted, so by the version before, too, and stay when it comes back: one too many costs a look, one too few a charge.
"""

from alembic import op

revision = "0038"
down_revision = "0037"
branch_labels = None
depends_on = None

# The trigger first: from here on nothing moves without it, and what moved before is read afterwards.
USED = """
CREATE TABLE used_in_months (digest bigint NOT NULL);

CREATE FUNCTION khallas_used_key(key text) RETURNS bigint LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended('key ' || key, 0)
$$;
CREATE FUNCTION khallas_used_bill(service text, line_reference text, invoice_number text) RETURNS bigint
LANGUAGE sql IMMUTABLE AS $$
    SELECT hashtextextended('bill ' || service || ' ' || line_reference || ' ' || invoice_number, 0)
$$;

CREATE FUNCTION khallas_note_used() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    INSERT INTO used_in_months (digest)
    SELECT khallas_used_key(p.idempotency_key) FROM payments p WHERE p.id IN (SELECT n.payment_id FROM noted n)
    UNION ALL
    SELECT khallas_used_bill(l.service, l.line_reference, l.invoice_number) FROM payment_lines l
    WHERE l.payment_id IN (SELECT n.payment_id FROM noted n);
    RETURN NULL;
END;
$$;
CREATE TRIGGER payments_of_months_used AFTER INSERT ON payments_of_months
    REFERENCING NEW TABLE AS noted FOR EACH STATEMENT EXECUTE FUNCTION khallas_note_used();

INSERT INTO used_in_months (digest)
SELECT khallas_used_key(p.idempotency_key) FROM payments p WHERE p.tableoid <> 'payments'::regclass
UNION ALL
SELECT khallas_used_bill(l.service, l.line_reference, l.invoice_number) FROM payment_lines l
WHERE l.tableoid <> 'payment_lines'::regclass;
CREATE INDEX used_in_months_digest ON used_in_months (digest);
"""

# Two statements: to open the tables of all months is what costs, and one would open them before it knows.
ASKED = """
CREATE OR REPLACE FUNCTION khallas_key_in_months() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM used_in_months u WHERE u.digest = khallas_used_key(NEW.idempotency_key);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM payments p WHERE p.idempotency_key = NEW.idempotency_key AND p.tableoid <> TG_RELID) THEN
        RAISE EXCEPTION 'the key of payment % was used in a month before', NEW.id
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'payments_idempotency_key_key';
    END IF;
    RETURN NULL;
END;
$$;

CREATE OR REPLACE FUNCTION khallas_bill_in_months() RETURNS trigger
LANGUAGE plpgsql SECURITY DEFINER SET search_path = public, pg_temp AS $$
BEGIN
    PERFORM FROM used_in_months u
    WHERE u.digest = khallas_used_bill(NEW.service, NEW.line_reference, NEW.invoice_number);
    IF NOT FOUND THEN
        RETURN NULL;
    END IF;
    IF EXISTS (SELECT FROM payment_lines l WHERE l.service = NEW.service AND l.line_reference = NEW.line_reference
               AND l.invoice_number = NEW.invoice_number AND l.active AND l.tableoid <> TG_RELID) THEN
        RAISE EXCEPTION 'bill % was paid in a month before', NEW.invoice_number
            USING ERRCODE = 'unique_violation', CONSTRAINT = 'payment_lines_active';
    END IF;
    RETURN NULL;
END;
$$;
"""


def upgrade() -> None:
    for sql in (USED, ASKED):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
