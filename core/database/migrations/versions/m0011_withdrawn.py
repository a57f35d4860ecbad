"""Bills that a whole file of what is owed no longer names: paid elsewhere, or taken back by billing."""

from alembic import op

revision = "0011"
down_revision = "0010"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.execute("ALTER TABLE invoices ADD COLUMN withdrawn_at timestamptz")
