"""Several acquirers: which one a payment was sent to, and what operators say of each.

Beside the version before it every payment is the first acquirer's, as it was. Another one is set only where nothing
can be at the one before: by the statement, and by a trigger for every other hand.
"""

from alembic import op

revision = "0029"
down_revision = "0028"
branch_labels = None
depends_on = None

PAYMENTS = """
ALTER TABLE payments
    ADD COLUMN acquirer text NOT NULL DEFAULT 'cmi',
    ADD COLUMN acquirer_free boolean NOT NULL DEFAULT false;

CREATE FUNCTION khallas_acquirer_kept() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    RAISE EXCEPTION 'payment % may be charged at %: no other acquirer may have it', OLD.id, OLD.acquirer;
END;
$$;
CREATE TRIGGER payments_acquirer_kept BEFORE UPDATE OF acquirer ON payments
    FOR EACH ROW WHEN (OLD.acquirer <> NEW.acquirer AND OLD.state <> 'created' AND NOT OLD.acquirer_free)
    EXECUTE FUNCTION khallas_acquirer_kept();
"""

STATES = """
CREATE TABLE acquirer_states (
    acquirer text PRIMARY KEY CHECK (acquirer ~ '^[a-z][a-z0-9_]{0,31}$'),
    state text NOT NULL CHECK (state IN ('on', 'draining', 'off')),
    since timestamptz NOT NULL,
    said_by text NOT NULL
);
"""

# A run is of an acquirer and a file.
SETTLEMENT = """
ALTER TABLE settlement_runs ADD COLUMN acquirer text NOT NULL DEFAULT 'cmi';
ALTER TABLE settlement_rows ADD COLUMN acquirer text NOT NULL DEFAULT 'cmi';
"""

# Whose receivable a payment's events move: its wallet's, or that of the acquirer that was asked.
TENDER = """
CREATE OR REPLACE FUNCTION khallas_tender(of_payment text) RETURNS text LANGUAGE sql STABLE AS $$
    SELECT COALESCE(p.wallet, p.acquirer) FROM payments p WHERE p.id = of_payment
$$;
"""


def upgrade() -> None:
    for sql in (PAYMENTS, STATES, SETTLEMENT, TENDER):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
