"""Indexes of tables that hold data already: built after the revisions, CONCURRENTLY, so that nobody waits to write.

A revision makes indexes only of tables it makes itself (tests/core/database/test_migration_rules.py).
"""

from core.names import FOLDED_FROM, FOLDED_TO

# A holder's name as words, without accents and the forms of one Arabic letter: asked in any order (core/names.py folds
# what is typed in the same way). The query repeats the index's expression letter by letter.
HOLDER_WORDS = f"to_tsvector('simple', translate(lower(holder), '{FOLDED_FROM}', '{FOLDED_TO}'))"

# name -> the statement's rest: CREATE INDEX CONCURRENTLY IF NOT EXISTS {name} {rest}
INDEXES: dict[str, str] = {
    "payments_transaction_lower": "ON payments (lower(transaction_number)) WHERE transaction_number IS NOT NULL",
    "payments_by_hand": "ON payments (id) WHERE by_hand IS NOT NULL",
    "refunds_refused": "ON refunds (payment_id, invoice_number, id) WHERE state = 'refused'",
    "undo_requests_decided": "ON undo_requests (decided_by, decided_at) WHERE state = 'approved'",
    "consents_payment": "ON consents (payment_id) WHERE payment_id IS NOT NULL",
    "settlement_runs_to": "ON settlement_runs (to_at)",
    "payments_created": "ON payments (created_at)",
    "payments_email": "ON payments (lower(email)) WHERE email IS NOT NULL",
    "payments_unfinished": "ON payments (created_at) WHERE state NOT IN "
    "('captured', 'declined', 'voided', 'refunded', 'expired')",
    # the operations page's: letter by letter as it asks (core/database/help_desk/operations.py)
    "payment_events_troubles": "ON payment_events (at) WHERE event IN ('mismatch', 'unconfirmed', 'undo_refused', "
    "'bill_stuck', 'part_stuck', 'part_refused', 'part_untold', 'lost')",
    "lines_email": "ON lines (lower(email)) WHERE email IS NOT NULL",
    "lines_holder": f"ON lines USING gin ({HOLDER_WORDS})",
}
