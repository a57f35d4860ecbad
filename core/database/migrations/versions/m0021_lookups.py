"""Who looked for a number at the help desk, so that its owner can be told and it can be erased; an address that the
payer typed."""

from alembic import op

revision = "0021"
down_revision = "0020"
branch_labels = None
depends_on = None

# Beside the access log, which keeps no number: the number's keyed digest, erased with the person.
LOOKUPS = """
CREATE TABLE desk_lookups (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    at timestamptz NOT NULL,
    who text NOT NULL,
    subject text NOT NULL
);
CREATE INDEX desk_lookups_subject ON desk_lookups (subject);
CREATE INDEX desk_lookups_at ON desk_lookups (at);
"""

EMAIL_TYPED = "ALTER TABLE payments ADD COLUMN email_typed boolean NOT NULL DEFAULT false"


def upgrade() -> None:
    op.execute(LOOKUPS)
    op.execute(EMAIL_TYPED)
