"""Which line's bills an acceptance of the terms opened, and which payment it was given for."""

from alembic import op

revision = "0023"
down_revision = "0022"
branch_labels = None
depends_on = None

# Empty in rows of before; the version that runs beside this one leaves them empty too.
COLUMNS = "ALTER TABLE consents ADD COLUMN service text, ADD COLUMN line_reference text, ADD COLUMN payment_id text"


def upgrade() -> None:
    op.execute(COLUMNS)
