"""Accounts that administer the others, and passwords that somebody else gave: the owner sets another one first."""

from alembic import op

revision = "0024"
down_revision = "0023"
branch_labels = None
depends_on = None

ADMINISTERS = "ALTER TABLE desk_users ADD COLUMN administers boolean NOT NULL DEFAULT false"
GIVEN = "ALTER TABLE desk_users ADD COLUMN password_given boolean NOT NULL DEFAULT false"


def upgrade() -> None:
    op.execute(ADMINISTERS)
    op.execute(GIVEN)
