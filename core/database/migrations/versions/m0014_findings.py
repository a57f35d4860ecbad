"""What a settlement file and the books do not agree about: findings with an owner, closed by two people.

They outlive the run that found them: a finding is known by what it says, so that the next run of the same file, or
another file, finds it again instead of adding one. `settlement_findings` stays for the release before this one.
"""

from alembic import op

revision = "0014"
down_revision = "0013"
branch_labels = None
depends_on = None

RUNS = """
ALTER TABLE settlement_runs
    ADD COLUMN sales_centimes bigint,
    ADD COLUMN credits_centimes bigint,
    ADD COLUMN commission_centimes bigint,
    ADD COLUMN net_centimes bigint;
"""

ROWS = """
ALTER TABLE settlement_rows
    ADD COLUMN commission_centimes bigint,
    ADD COLUMN net_centimes bigint,
    ADD COLUMN value_date date,
    ADD COLUMN batch text,
    ADD COLUMN merchant text;
"""

# `key`: a digest of what the finding says. `resolved_at`: it went away by itself, when a later look agreed.
FINDINGS = """
CREATE TABLE reconciliation_findings (
    id bigint PRIMARY KEY GENERATED ALWAYS AS IDENTITY,
    key uuid NOT NULL UNIQUE,
    file_hash text,
    queue text NOT NULL CHECK (queue IN ('missing_here', 'missing_there', 'different', 'unreadable', 'no_file')),
    order_id text NOT NULL DEFAULT '',
    kind text CHECK (kind IN ('sale', 'credit')),
    line_no bigint,
    transaction_number text NOT NULL DEFAULT '',
    ours_centimes bigint,
    theirs_centimes bigint,
    why text NOT NULL,
    found_at timestamptz NOT NULL,
    seen_at timestamptz NOT NULL,
    resolved_at timestamptz,
    owner text,
    closing_reason text,
    closing_by text,
    closing_at timestamptz,
    closed_by text,
    closed_at timestamptz,
    CHECK ((closing_by IS NULL) = (closing_at IS NULL) AND (closing_by IS NULL) = (closing_reason IS NULL)),
    CHECK ((closed_by IS NULL) = (closed_at IS NULL)),
    CONSTRAINT reconciliation_findings_two_people CHECK (closed_by IS NULL OR closed_by <> closing_by)
);
CREATE INDEX reconciliation_findings_file ON reconciliation_findings (file_hash, queue, order_id);
CREATE INDEX reconciliation_findings_order ON reconciliation_findings (order_id) WHERE order_id <> '';
CREATE INDEX reconciliation_findings_open ON reconciliation_findings (queue, found_at)
    WHERE closed_at IS NULL AND resolved_at IS NULL;
"""

# What was closed is evidence.
CLOSED_ONCE = """
CREATE FUNCTION khallas_finding_closed_once() RETURNS trigger LANGUAGE plpgsql AS $$
BEGIN
    IF TG_OP = 'DELETE' OR OLD.closed_at IS NOT NULL AND
        (NEW.owner, NEW.closing_reason, NEW.closing_by, NEW.closing_at, NEW.closed_by, NEW.closed_at)
        IS DISTINCT FROM
        (OLD.owner, OLD.closing_reason, OLD.closing_by, OLD.closing_at, OLD.closed_by, OLD.closed_at)
    THEN
        RAISE EXCEPTION 'a finding is closed once' USING ERRCODE = 'restrict_violation';
    END IF;
    RETURN NEW;
END;
$$;
CREATE TRIGGER reconciliation_findings_closed_once BEFORE UPDATE OR DELETE ON reconciliation_findings
    FOR EACH ROW EXECUTE FUNCTION khallas_finding_closed_once();
"""


def upgrade() -> None:
    for sql in (RUNS, ROWS, FINDINGS, CLOSED_ONCE):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
