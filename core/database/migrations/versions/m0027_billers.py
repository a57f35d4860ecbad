"""Bills that wallets, banks and counters were paid for, told to us once a key."""

from alembic import op

revision = "0027"
down_revision = "0026"
branch_labels = None
depends_on = None

# Nobody's number: who paid is the other side's to know. What each paid stands in bill_payments under this id.
# `left_centimes` found no bill: a person gives it back.
OUTSIDE = """
CREATE TABLE outside_payments (
    id text PRIMARY KEY,
    door text NOT NULL,
    key text NOT NULL,
    fingerprint text NOT NULL,
    service text NOT NULL,
    line_reference text NOT NULL,
    number text,
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    currency text NOT NULL,
    their_reference text NOT NULL,
    final boolean NOT NULL,
    at timestamptz NOT NULL,
    left_centimes bigint NOT NULL CHECK (left_centimes >= 0),
    UNIQUE (door, key)
);
CREATE INDEX outside_payments_left ON outside_payments (at) WHERE left_centimes > 0;
CREATE INDEX outside_payments_line ON outside_payments (line_reference, at);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(OUTSIDE, execution_options={"no_parameters": True})
