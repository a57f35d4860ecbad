"""Which request moved a payment: the id that its log lines bear too."""

from alembic import op

revision = "0008"
down_revision = "0007"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE payment_events ADD COLUMN request text")
