"""One credit under way per payment, whoever gives it; and payments, parts and bills that only a person can end."""

from alembic import op

revision = "0013"
down_revision = "0012"
branch_labels = None
depends_on = None

# Written before the acquirer is asked, gone when the credit's end is known: the row's key is a part ("r7") or a bill.
UNDER_WAY = """
CREATE TABLE credits_under_way (
    payment_id text PRIMARY KEY,
    key text NOT NULL,
    amount_centimes bigint NOT NULL CHECK (amount_centimes > 0),
    before_centimes bigint NOT NULL,
    asks integer NOT NULL DEFAULT 0,
    answered boolean NOT NULL DEFAULT false, -- by a word that settles nothing: no landing is to be expected any more
    asked_at timestamptz NOT NULL
);
INSERT INTO credits_under_way (payment_id, key, amount_centimes, before_centimes, asks, asked_at)
SELECT payment_id, 'r' || id, amount_centimes, before_centimes, 1, now()
FROM refunds WHERE state = 'crediting' AND before_centimes IS NOT NULL
ON CONFLICT DO NOTHING;
"""

BY_HAND = """
ALTER TABLE payments ADD COLUMN by_hand text;
ALTER TABLE refunds ADD COLUMN closed_at timestamptz;
"""


def upgrade() -> None:
    op.execute(UNDER_WAY)
    op.execute(BY_HAND)
