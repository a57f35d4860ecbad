"""The banks' ledgers against our books and our ledger: what the customers paid is what we say they paid, once a bill.

Rule of this file: reads both sides directly and explains every difference in words.
"""

from collections import Counter, defaultdict
from collections.abc import Mapping
from datetime import UTC, datetime

from core.database.ledger.reading import LedgerReader
from core.database.pool import Database
from lab.cmi.ledger import Ledger, Transaction

PAYMENTS = """
SELECT p.id, p.state, p.amount_centimes, p.line_reference || ':' || l.invoice_number AS bill, r.sequence
FROM payments p JOIN payment_lines l ON l.payment_id = p.id LEFT JOIN receipts r ON r.payment_id = p.id
"""
# What the embedded billing believes; what it is still to be told is left out.
BELIEVED = """
SELECT i.number, i.paid_by, p.state FROM invoices i JOIN payments p ON p.id = i.paid_by
WHERE p.state <> 'captured' AND NOT EXISTS (
    SELECT FROM refunds r WHERE r.payment_id = p.id AND r.invoice_number = i.number AND r.due_at IS NOT NULL)
UNION ALL
SELECT l.invoice_number, COALESCE(i.paid_by, 'nobody'), p.state
FROM payments p JOIN payment_lines l ON l.payment_id = p.id
JOIN invoices i ON (i.service, i.line_reference, i.number) = (l.service, l.line_reference, l.invoice_number)
WHERE p.state = 'captured' AND l.posting = 'posted' AND l.returned_centimes = 0 AND i.paid_by IS DISTINCT FROM p.id
"""
# What our ledger says of each order: still owed by the acquirer, or paid in.
OURS = """
SELECT payment_id, sum(centimes)::bigint AS centimes FROM (
    SELECT payment_id, amount_centimes AS centimes FROM ledger_transfers
    WHERE split_part(debit, ':', 1) IN ('acquirer', 'bank', 'fees')
    UNION ALL
    SELECT payment_id, -amount_centimes FROM ledger_transfers
    WHERE split_part(credit, ':', 1) IN ('acquirer', 'bank', 'fees')
) sides WHERE payment_id IS NOT NULL GROUP BY payment_id
"""
# And at which acquirer each order's money lies, as long as none of it is paid in.
WHERE = """
SELECT payment_id, acquirer, sum(centimes)::bigint AS centimes FROM (
    SELECT payment_id, split_part(debit, ':', 2) AS acquirer, amount_centimes AS centimes FROM ledger_transfers
    WHERE split_part(debit, ':', 1) = 'acquirer'
    UNION ALL
    SELECT payment_id, split_part(credit, ':', 2), -amount_centimes FROM ledger_transfers
    WHERE split_part(credit, ':', 1) = 'acquirer'
) sides WHERE payment_id IS NOT NULL GROUP BY payment_id, acquirer
"""
NO_WALLETS: Mapping[str, int] = {}
DECIDED = frozenset({"captured", "declined", "expired", "voided", "refunded", "created"})


def _taken(rows: tuple[Transaction, ...]) -> int:
    """What the customer paid and has not got back, in centimes."""
    sign = {"S": 1, "C": -1}
    return sum(sign[row.charge_type] * row.captured_centimes for row in rows if row.state in {"C", "S"})


async def misplaced(database: Database, banks: Mapping[str, Ledger]) -> list[str]:
    """Orders whose money is not at the acquirer where our ledger has it, bank by bank. Before anything is paid in."""
    ours = {(row["payment_id"], row["acquirer"]): row["centimes"] for row in await database.all(WHERE)}
    there = {(order_id, named): _taken(rows) for named, bank in banks.items() for order_id, rows in bank.orders()}
    return [
        f"{order_id}: our ledger has {ours.get((order_id, named), 0)} at {named}, {named} has"
        f" {there.get((order_id, named), 0)}"
        for order_id, named in sorted({*ours, *there})
        if ours.get((order_id, named), 0) != there.get((order_id, named), 0)
    ]


async def ledger_differences(
    database: Database, *ledgers: Ledger, wallets: Mapping[str, int] = NO_WALLETS
) -> list[str]:
    """Our ledger against the acquirers', order by order, and against our own tables, account by account. `wallets`:
    what wallets hold of each payment."""
    ours = {row["payment_id"]: row["centimes"] for row in await database.all(OURS)}
    there = _held(ledgers, wallets)
    found = [
        f"{order_id}: our ledger has {ours.get(order_id, 0)} at the acquirer, the acquirer {there.get(order_id, 0)}"
        for order_id in sorted({*ours, *there})
        if ours.get(order_id, 0) != there.get(order_id, 0)
    ]
    sheet = await LedgerReader(database).sheet(datetime.now(UTC))
    found += [
        f"{each.name} fails: {each.says}: {each.left_centimes} and {each.right_centimes}"
        for each in sheet.equations
        if not each.holds
    ]
    found += [f"{each.payment_id} {each.bill}: the tables and the transfers differ" for each in sheet.differences]
    return found


def _held(ledgers: tuple[Ledger, ...], wallets: Mapping[str, int]) -> Counter[str]:
    held = Counter(dict(wallets))
    for ledger in ledgers:
        for order_id, rows in ledger.orders():
            held[order_id] += _taken(rows)
    return held


async def differences(database: Database, *ledgers: Ledger, wallets: Mapping[str, int] = NO_WALLETS) -> list[str]:
    """Empty when all is well, over all banks together."""
    taken = _held(ledgers, wallets)
    charges: Counter[str] = Counter()
    for ledger in ledgers:
        for order_id, rows in ledger.orders():
            charges[order_id] += sum(row.charge_type == "S" and row.state in {"C", "S"} for row in rows)
    found = [f"{order_id} is charged twice" for order_id, times in charges.items() if times > 1]
    payers: dict[str, set[str]] = defaultdict(set)
    known: set[str] = set()
    for row in await database.all(PAYMENTS):
        known.add(row["id"])
        kept = taken.get(row["id"], 0)
        if kept:
            payers[row["bill"]].add(row["id"])
        if row["state"] not in DECIDED:
            found.append(f"{row['id']} is left {row['state']}")
        if kept != (row["amount_centimes"] if row["state"] == "captured" else 0):
            found.append(f"{row['id']} is {row['state']} for {row['amount_centimes']}, the bank keeps {kept}")
        if row["state"] == "captured" and row["sequence"] is None:
            found.append(f"{row['id']} is captured without a receipt")
    found += [f"bill {bill} is paid by {sorted(ids)}" for bill, ids in payers.items() if len(ids) > 1]
    for row in await database.all(BELIEVED):
        found.append(f"billing says that {row['paid_by']} paid bill {row['number']}, which is {row['state']}")
    found += [f"the bank knows {order_id}, we do not" for order_id in taken if order_id not in known]
    return found + await ledger_differences(database, *ledgers, wallets=wallets)
