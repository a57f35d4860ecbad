"""Endpoints that are told of payments, and what each of them was not told yet. A sent event leaves no row."""

from alembic import op

revision = "0028"
down_revision = "0027"
branch_labels = None
depends_on = None

# Secrets rest sealed; the cursor is a number of the chain payment_events in audit_links.
ENDPOINTS = """
CREATE TABLE event_endpoints (
    name text PRIMARY KEY,
    kind text NOT NULL CHECK (kind IN ('webhook', 'tmf')),
    url text NOT NULL,
    query text NOT NULL DEFAULT '',
    types text[] NOT NULL DEFAULT '{}',
    full_numbers boolean NOT NULL DEFAULT false,
    sealed_secrets bytea NOT NULL,
    cursor bigint NOT NULL,
    created_at timestamptz NOT NULL,
    disabled_at timestamptz,
    disabled_why text,
    delivered bigint NOT NULL DEFAULT 0,
    delivered_at timestamptz,
    leased_until timestamptz,
    quiet_until timestamptz
);
"""

DELIVERIES = """
CREATE TABLE event_deliveries (
    endpoint text NOT NULL REFERENCES event_endpoints (name) ON DELETE CASCADE,
    sequence bigint NOT NULL,
    row_id bigint NOT NULL, -- of payment_events, whose rows never go
    payment_id text NOT NULL REFERENCES payments (id),
    type text NOT NULL,
    attempts integer NOT NULL DEFAULT 0,
    planned_at timestamptz NOT NULL,
    due_at timestamptz,
    dead_at timestamptz,
    error text,
    PRIMARY KEY (endpoint, sequence),
    CHECK ((due_at IS NULL) <> (dead_at IS NULL))
);
CREATE INDEX event_deliveries_of_payment ON event_deliveries (endpoint, payment_id, sequence) WHERE dead_at IS NULL;
CREATE INDEX event_deliveries_due ON event_deliveries (endpoint, due_at) WHERE dead_at IS NULL;
"""


def upgrade() -> None:
    op.execute(ENDPOINTS)
    op.execute(DELIVERIES)
