"""Indexes of tables that hold data already: built after the revisions, CONCURRENTLY, so that nobody waits to write.

A revision makes indexes only of tables it makes itself (tests/core/database/test_migration_rules.py).
"""

# name -> the statement's rest: CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} {rest}
INDEXES: dict[str, str] = {
    "payments_transaction_lower": "ON payments (lower(transaction_number)) WHERE transaction_number IS NOT NULL",
    "payments_by_hand": "ON payments (id) WHERE by_hand IS NOT NULL",
    "refunds_refused": "ON refunds (payment_id, invoice_number, id) WHERE state = 'refused'",
    "undo_requests_decided": "ON undo_requests (decided_by, decided_at) WHERE state = 'approved'",
    "consents_payment": "ON consents (payment_id) WHERE payment_id IS NOT NULL",
    "settlement_runs_to": "ON settlement_runs (to_at)",
}
