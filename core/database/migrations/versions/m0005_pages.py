"""The acquirer's hosted page: until when a customer's browser may be on it."""

from alembic import op

revision = "0005"
down_revision = "0004"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.get_bind().exec_driver_sql("ALTER TABLE payments ADD COLUMN page_until timestamptz")
