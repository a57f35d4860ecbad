"""The job queue's own tables (procrastinate 3.10). A later release of it brings its SQL in a later revision of ours."""

from alembic import op
from procrastinate.schema import SchemaManager

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    # no_parameters: many statements at once, and a percent sign is a percent sign
    op.get_bind().exec_driver_sql(SchemaManager.get_schema(), execution_options={"no_parameters": True})
