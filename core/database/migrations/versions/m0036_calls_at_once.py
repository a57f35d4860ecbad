"""An outgoing call is counted, queued and its worker woken in one statement.

Each statement of a plpgsql function looks anew: what is counted is what was committed before the lock was given.
"""

from alembic import op

revision = "0036"
down_revision = "0035"
branch_labels = None
depends_on = None

# Requests about one number follow one another, whatever payment they are about; the lock is the one that the version
# before takes. True: one rings, or will.
QUEUE_CALL = """
CREATE FUNCTION khallas_queue_call(of_payment text, number text, of_kind text, at timestamptz, rings_since timestamptz,
    hour_since timestamptz, payment_max integer, hour_max integer, by_request text)
RETURNS boolean LANGUAGE plpgsql AS $$
DECLARE
    calls bigint;
    to_number bigint;
    ringing boolean;
    queued text;
BEGIN
    PERFORM pg_advisory_xact_lock(hashtextextended('call ' || number, 16));
    SELECT count(*) FILTER (WHERE m.payment_id = of_payment),
           count(*) FILTER (WHERE m.created_at > hour_since AND m.recipient = number),
           COALESCE(bool_or(m.payment_id = of_payment AND (m.due_at IS NOT NULL
               OR (m.updated_at > rings_since AND m.status NOT IN ('delivered', 'failed')))), false)
    INTO calls, to_number, ringing
    FROM ONLY messages m
    WHERE m.kind = of_kind
      AND (m.payment_id = of_payment OR (m.recipient = number AND m.created_at > hour_since));
    IF ringing THEN
        RETURN true;
    END IF;
    IF calls >= payment_max OR to_number >= hour_max THEN
        RETURN false;
    END IF;
    INSERT INTO messages (reference, kind, payment_id, recipient, status, due_at, created_at, updated_at)
    VALUES (of_payment || '-' || of_kind || '-' || calls, of_kind, of_payment, number, 'queued', at, at, at)
    ON CONFLICT (reference) DO NOTHING
    RETURNING reference INTO queued;
    IF queued IS NOT NULL THEN
        PERFORM procrastinate_defer_jobs_v1(ARRAY[ROW('texts', 'khallas.deliver', 0, NULL, NULL,
            jsonb_build_object('key', queued, 'request', by_request), NULL)::procrastinate_job_to_defer_v1]);
    END IF;
    RETURN true;
END;
$$;
"""


def upgrade() -> None:
    op.get_bind().exec_driver_sql(QUEUE_CALL, execution_options={"no_parameters": True})
