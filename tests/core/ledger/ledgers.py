"""What the tests of the ledger read of it."""

from collections import defaultdict

from core.database.pool import Database
from core.ledger.accounts import signed

ROWS = "SELECT * FROM ledger_transfers ORDER BY payment_id, id"
UNFOLLOWED = """
SELECT l.leg, p.id, l.bill, l.debit, l.credit, l.amount_centimes
FROM payments p CROSS JOIN LATERAL khallas_ledger_legs(p.id, NULL, 'acquirer:cmi:receivable') l
"""


async def story_of(database: Database, payment_id: str) -> list[tuple[str, str, str, int]]:
    """(event, debit, credit, centimes), in the order of the events."""
    rows = await database.all(
        "SELECT * FROM ledger_transfers WHERE payment_id = %(id)s ORDER BY length(id), id", id=payment_id
    )
    return [(row["event"], row["debit"], row["credit"], row["amount_centimes"]) for row in rows]


async def balances(database: Database) -> dict[str, int]:
    """Account -> centimes on its own side; those at zero are left out."""
    found: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for row in await database.all(ROWS):
        found[row["debit"]][0] += row["amount_centimes"]
        found[row["credit"]][1] += row["amount_centimes"]
    made = {account: signed(account, *sides) for account, sides in found.items()}
    return {account: centimes for account, centimes in made.items() if centimes}


async def unfollowed(database: Database) -> list[tuple[object, ...]]:
    """What the tables say and the ledger does not; empty when all is well."""
    return [tuple(row.values()) for row in await database.all(UNFOLLOWED)]
