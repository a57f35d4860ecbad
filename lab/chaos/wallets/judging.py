"""What must be when a storm over wallets rests: sent once, kept once, nothing lost, and our ledger is theirs."""

from collections import Counter
from collections.abc import Mapping
from datetime import UTC, datetime

from core.database.ledger.reading import LedgerReader
from core.database.pool import Database
from lab.chaos.wallets.lying import LyingWallet

RECEIVABLE = "acquirer:neqdi:receivable"
CARDS = "acquirer:cmi:receivable"
OPEN = """
SELECT reference::text AS reference, state FROM wallet_attempts
WHERE state IN ('waiting', 'asking', 'asked', 'unknown', 'surplus') AND by_hand IS NULL
"""
STANDING = """
SELECT a.payment_id, a.reference::text AS reference, a.state, a.by_hand, p.state AS payment, p.by_hand AS hand
FROM wallet_attempts a JOIN payments p ON p.id = a.payment_id
"""
KEPT = """
SELECT l.invoice_number AS number, count(*) AS kept FROM payments p JOIN payment_lines l ON l.payment_id = p.id
WHERE p.state = 'captured' AND l.posting IN ('posted', 'pending') GROUP BY 1 HAVING count(*) > 1
"""
BOOKED = """
SELECT payment_id, sum(CASE WHEN debit = %(account)s THEN amount_centimes ELSE -amount_centimes END)::bigint AS centimes
FROM ledger_transfers WHERE %(account)s IN (debit, credit) GROUP BY 1
"""
EVENTS = "SELECT event, state, detail FROM payment_events WHERE payment_id = %(payment_id)s ORDER BY id"


async def judged(database: Database, wallet: LyingWallet, cards_centimes: int) -> tuple[Counter[str], list[str]]:
    """How the attempts ended, and what is wrong; `cards_centimes` is what cards paid and kept."""
    ends: Counter[str] = Counter()
    wrong = [f"{reference} was sent {times} times" for reference, times in wallet.asked.items() if times > 1]
    wrong += [f"{row['reference']} is left {row['state']}" for row in await database.all(OPEN)]
    wrong += [f"bill {row['number']} was kept {row['kept']} times" for row in await database.all(KEPT)]
    net, net_of, with_people = wallet.net_centimes(), Counter[str](), set[str]()
    for row in await database.all(STANDING):
        ends[f"{row['state']}{' by hand' if row['by_hand'] else ''}"] += 1
        holds = net.pop(row["reference"], 0)
        net_of[row["payment_id"]] += holds
        kept = row["state"] == "paid" and row["payment"] in {"captured", "voiding", "refunding", "integrity_failure"}
        by_people = row["by_hand"] is not None or row["hand"] is not None
        if by_people:
            with_people.add(row["payment_id"])
        if holds and not (kept or by_people):
            wrong.append(f"{row['reference']} holds {holds}, and is {row['state']}: lost")
        if holds < 0:
            wrong.append(f"{row['reference']} gave back {-holds} too much")
    wrong += [f"{reference} holds {centimes} of nobody's" for reference, centimes in net.items()]
    wrong += await _unequal(database, net_of, with_people, wallet)
    sheet = await LedgerReader(database).sheet(datetime.now(UTC))
    wrong += [f"{each.name} fails: {each}" for each in sheet.equations if not each.holds]
    booked = sum(each.closing_centimes for each in sheet.accounts if each.account == CARDS)
    wrong += [] if booked == cards_centimes else [f"{CARDS} is {booked} here, and {cards_centimes} there"]
    return ends, wrong


async def _unequal(
    database: Database, net_of: Mapping[str, int], with_people: set[str], wallet: LyingWallet
) -> list[str]:
    """Payments whose receivable is not what their attempts hold; what went back unsaid may wait for people."""
    booked = {row["payment_id"]: row["centimes"] for row in await database.all(BOOKED, account=RECEIVABLE)}
    gone = Counter[str]()
    for attempt, centimes in wallet.back.values():
        gone[wallet.prompts[attempt].attempt.payment_id] += centimes
    found = []
    for payment_id in net_of.keys() | booked.keys():
        here, there = booked.get(payment_id, 0), net_of.get(payment_id, 0)
        unsaid = payment_id in with_people and 0 < here - there <= gone[payment_id]
        if here != there and not unsaid:
            events = await database.all(EVENTS, payment_id=payment_id)
            story = ", ".join(" ".join(filter(None, (row["event"], row["state"], row["detail"]))) for row in events)
            found.append(f"{RECEIVABLE} of {payment_id} is {here} here, and {there} there: {story}")
    return found
