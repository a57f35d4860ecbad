"""Hours of the doors, for a month's report, and when a message left: of messages before this nobody knows it."""

from alembic import op

revision = "0033"
down_revision = "0032"
branch_labels = None
depends_on = None

# `outcome` of requests, or `bound` of their times (seconds, as Prometheus writes them): the other one is empty.
HOURS = """
CREATE TABLE service_hours (
    hour timestamptz NOT NULL,
    channel text NOT NULL,
    wire text NOT NULL,
    outcome text NOT NULL,
    bound text NOT NULL,
    count bigint NOT NULL CHECK (count > 0),
    PRIMARY KEY (hour, channel, wire, outcome, bound)
);
"""

SENT_AT = """
ALTER TABLE messages ADD COLUMN sent_at timestamptz;
"""


def upgrade() -> None:
    op.execute(HOURS)
    op.execute(SENT_AT)
