"""Of money that was paid elsewhere and found no bill: who gave it back, when, and what proves it.

Beside the version before it nothing changes: that one reads none of these.
"""

from alembic import op

revision = "0030"
down_revision = "0029"
branch_labels = None
depends_on = None

GIVEN_BACK = """
ALTER TABLE outside_payments
    ADD COLUMN given_back_at timestamptz,
    ADD COLUMN given_back_by text,
    ADD COLUMN evidence text;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(GIVEN_BACK, execution_options={"no_parameters": True})
