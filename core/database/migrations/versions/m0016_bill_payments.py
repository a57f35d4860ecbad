"""What each payment paid of a bill of the embedded billing: a bill may owe more by then, and be paid by several."""

from alembic import op

revision = "0016"
down_revision = "0015"
branch_labels = None
depends_on = None

PAID = """
CREATE TABLE bill_payments (
    payment_id text NOT NULL,
    number text NOT NULL,
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    at timestamptz NOT NULL,
    PRIMARY KEY (payment_id, number)
);
"""


def upgrade() -> None:
    op.execute(PAID)
