"""What customers were shown, screen by screen, under digests of their numbers (core/help_desk/transcripts.py)."""

from alembic import op

revision = "0009"
down_revision = "0008"
branch_labels = None
depends_on = None

# Written in batches, only ever added; the daily job takes the oldest, found by a few pages of BRIN.
TURNS = """
CREATE TABLE transcript_turns (
    who text NOT NULL,
    at timestamptz NOT NULL,
    dialog text NOT NULL,
    channel text NOT NULL,
    wire text NOT NULL,
    language text NOT NULL,
    screen text NOT NULL,
    came_from text NOT NULL,
    outcome text NOT NULL,
    keys text NOT NULL CHECK (length(keys) <= 2),
    said text NOT NULL,
    request text NOT NULL
);
CREATE INDEX transcript_turns_who ON transcript_turns (who, at);
CREATE INDEX transcript_turns_at ON transcript_turns USING brin (at) WITH (pages_per_range = 32);
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(TURNS, execution_options={"no_parameters": True})
