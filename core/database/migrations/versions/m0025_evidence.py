"""What a customer was shown and had accepted, kept with the payment as long as a dispute can come."""

from alembic import op

revision = "0025"
down_revision = "0024"
branch_labels = None
depends_on = None

# Neither number nor digest of one: the payment says whose it is, until its payer is forgotten.
EVIDENCE = """
CREATE TABLE payment_evidence (
    payment_id text PRIMARY KEY REFERENCES payments (id),
    kept_at timestamptz NOT NULL,
    agreed jsonb, -- the terms that the payer had accepted
    turns jsonb NOT NULL -- screens, the oldest first
);
CREATE INDEX payment_evidence_kept ON payment_evidence USING brin (kept_at);
CREATE TRIGGER payment_evidence_kept_as_it_is BEFORE UPDATE OR TRUNCATE ON payment_evidence
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(EVIDENCE, execution_options={"no_parameters": True})
