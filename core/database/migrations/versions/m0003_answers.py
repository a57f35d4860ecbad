"""Answers wait in the outbox too: they go before other messages, by the way their question came."""

from alembic import op

revision = "0003"
down_revision = "0002"
branch_labels = None
depends_on = None

ANSWERS = """
ALTER TABLE messages ADD COLUMN priority smallint NOT NULL DEFAULT 1, ADD COLUMN route text;
DROP INDEX messages_due;
CREATE INDEX messages_due ON messages (priority, due_at) WHERE due_at IS NOT NULL;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(ANSWERS, execution_options={"no_parameters": True})
