"""Settlement files of the acquirer: each run by its file's hash, what the file said, and what did not agree."""

from alembic import op

revision = "0007"
down_revision = "0006"
branch_labels = None
depends_on = None

RUNS = """
CREATE TABLE settlement_runs (
    file_hash text PRIMARY KEY CHECK (file_hash ~ '^[0-9a-f]{64}$'),
    file_name text NOT NULL,
    ran_at timestamptz NOT NULL,
    runs integer NOT NULL DEFAULT 1,
    rows_read bigint NOT NULL,
    unreadable bigint NOT NULL,
    matched bigint NOT NULL,
    missing_here bigint NOT NULL,
    missing_there bigint NOT NULL,
    different bigint NOT NULL,
    from_at timestamptz,
    to_at timestamptz
);
"""

ROWS = """
CREATE TABLE settlement_rows (
    file_hash text NOT NULL,
    line_no bigint NOT NULL,
    order_id text NOT NULL,
    transaction_number text NOT NULL,
    auth_code text NOT NULL,
    amount_centimes bigint NOT NULL CHECK (amount_centimes >= 0),
    at timestamptz NOT NULL,
    kind text NOT NULL CHECK (kind IN ('sale', 'credit')),
    PRIMARY KEY (file_hash, line_no)
);
CREATE INDEX settlement_rows_order ON settlement_rows (order_id);
"""

# Three queues for operations; `ours` and `theirs` are centimes, null where there is nothing.
FINDINGS = """
CREATE TABLE settlement_findings (
    file_hash text NOT NULL REFERENCES settlement_runs (file_hash),
    queue text NOT NULL CHECK (queue IN ('missing_here', 'missing_there', 'different')),
    order_id text NOT NULL,
    kind text NOT NULL CHECK (kind IN ('sale', 'credit')),
    transaction_number text,
    ours_centimes bigint,
    theirs_centimes bigint,
    why text NOT NULL,
    PRIMARY KEY (file_hash, queue, order_id, kind)
);
"""


def upgrade() -> None:
    for sql in (RUNS, ROWS, FINDINGS):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
