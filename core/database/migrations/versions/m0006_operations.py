"""What the operations page counts is found by index, however many payments there are."""

from alembic import op

revision = "0006"
down_revision = "0005"
branch_labels = None
depends_on = None

# Events are only ever added, in the order of time: a few pages of BRIN find a day of them.
INDEXES = """
CREATE INDEX payments_paid ON payments (paid_at) WHERE paid_at IS NOT NULL;
CREATE INDEX payment_events_at ON payment_events USING brin (at) WITH (pages_per_range = 32);
CREATE INDEX payment_lines_stuck ON payment_lines (payment_id) WHERE posting = 'stuck';
CREATE INDEX messages_failed ON messages (updated_at) WHERE status = 'failed';
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(INDEXES, execution_options={"no_parameters": True})
