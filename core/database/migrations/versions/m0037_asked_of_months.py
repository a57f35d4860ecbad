"""A search over all months costs what it finds, and new events are summarised as they come.

Nobody can guess how many rows a word has in the months: PostgreSQL guesses a share of them all, and for that share of
twenty millions it starts processes beside, lays out a table of megabytes and compiles the plan, to find one row.
"""

from alembic import op

revision = "0037"
down_revision = "0036"
branch_labels = None
depends_on = None

SEARCH = "khallas_in_months(text[], text[], text[], timestamptz, timestamptz, integer)"
AS_IF_ONE = (
    "max_parallel_workers_per_gather = 0",
    "enable_hashagg = off",
    "jit = off",
    "plan_cache_mode = force_generic_plan",
)
# Without it what came since the last VACUUM is read whole, whatever hour is asked for.
BY_TIME = ("payment_events_at", "transcript_turns_at", "payment_evidence_kept")


def upgrade() -> None:
    for setting in AS_IF_ONE:
        op.execute(f"ALTER FUNCTION {SEARCH} SET {setting}")
    op.execute(f"ALTER FUNCTION {SEARCH} ROWS 50")
    for index in BY_TIME:
        op.execute(f"ALTER INDEX {index} SET (autosummarize = on)")
