"""Links of hashes over the help desk's log and the payments' events; the log's end of life without a right to delete.

The rows that exist are linked by the worker's next rounds: no revision looks at them.
"""

from alembic import op

revision = "0020"
down_revision = "0019"
branch_labels = None
depends_on = None

LINKS = """
CREATE TABLE audit_links (
    chain text NOT NULL CHECK (chain IN ('access_log', 'payment_events')),
    number bigint NOT NULL CHECK (number > 0),
    row_id bigint NOT NULL,
    row_at timestamptz NOT NULL,
    linked_at timestamptz NOT NULL,
    hash bytea NOT NULL CHECK (octet_length(hash) = 32),
    PRIMARY KEY (chain, number)
);
CREATE UNIQUE INDEX audit_links_row ON audit_links (chain, row_id);
CREATE INDEX audit_links_at ON audit_links (chain, row_at);
CREATE TRIGGER audit_links_append_only BEFORE UPDATE OR DELETE OR TRUNCATE ON audit_links
    FOR EACH STATEMENT EXECUTE FUNCTION khallas_append_only();
"""

# With its owner's rights: the role that serves may not delete, and the trigger's floor holds all the same.
DROP_ACCESSES = """
CREATE FUNCTION khallas_drop_accesses(until timestamptz, most integer) RETURNS bigint
LANGUAGE sql SECURITY DEFINER SET search_path = public, pg_temp AS $$
    WITH dropped AS (
        DELETE FROM access_log WHERE id IN (
            SELECT id FROM access_log WHERE at < until ORDER BY at LIMIT most FOR UPDATE SKIP LOCKED)
        RETURNING id
    )
    SELECT count(*) FROM dropped;
$$;
"""


def upgrade() -> None:
    for sql in (LINKS, DROP_ACCESSES):
        op.get_bind().exec_driver_sql(sql, execution_options={"no_parameters": True})
