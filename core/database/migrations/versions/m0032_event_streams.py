"""The cursor of the relay that puts events into a broker's log, and which relay holds it."""

from alembic import op

revision = "0032"
down_revision = "0031"
branch_labels = None
depends_on = None

# The cursor is a number of the chain payment_events in audit_links.
STREAMS = """
CREATE TABLE event_streams (
    name text PRIMARY KEY,
    cursor bigint NOT NULL,
    began_at timestamptz NOT NULL,
    holder text,
    leased_until timestamptz,
    delivered bigint NOT NULL DEFAULT 0,
    moved_at timestamptz
);
"""


def upgrade() -> None:
    op.execute(STREAMS)
