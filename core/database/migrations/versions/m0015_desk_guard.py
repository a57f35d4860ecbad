"""The help desk guards itself: who decided from where, second factors, former passwords, accounts that nobody uses."""

from alembic import op

revision = "0015"
down_revision = "0014"
branch_labels = None
depends_on = None

# Where a request was made and decided: addresses, and digests of browsers' own marks.
UNDO_REQUESTS = """
ALTER TABLE undo_requests
    ADD COLUMN proposed_address text, ADD COLUMN proposed_browser text,
    ADD COLUMN decided_address text, ADD COLUMN decided_browser text;
"""

USERS = """
ALTER TABLE desk_users
    ADD COLUMN seen_at timestamptz, -- the last login, or the last change by an administrator
    ADD COLUMN former_hashes text[] NOT NULL DEFAULT '{}', -- the latest first
    ADD COLUMN totp_sealed bytea, -- under a key that the database does not know
    ADD COLUMN totp_step bigint NOT NULL DEFAULT 0, -- a code counts once
    ADD COLUMN recovery_hashes text[] NOT NULL DEFAULT '{}';
"""


def upgrade() -> None:
    op.execute(UNDO_REQUESTS)
    op.execute(USERS)
