"""A help desk with a payment in every state, long names and long numbers, and something in every queue. For browsers.

Rows stand in the tables as the till writes them; no ledger follows rows that are put there by hand.
"""

from datetime import timedelta

from psycopg.types.json import Jsonb

from core.billing.invoices import Invoice, total
from core.database.rows import bills_of
from core.payments.table import PaymentState
from tests.channels.web.desk_site import DeskSite
from tests.support.desks import shown_to
from tests.support.paid import BILLS

LONG = "a.very.long.name.of.somebody.with.many.names@a-long-host.example.com"
WORDS = "Le client dit avoir payé deux fois, une fois au guichet de l'agence Hassan-II et une fois par téléphone. "
UNBROKEN = "REFERENCE-SANS-ESPACE-QUI-NE-SE-COUPE-NULLE-PART-0123456789-0123456789"

PAYMENT = """
INSERT INTO payments (id, idempotency_key, fingerprint, reference, state, service, line_reference, payer_msisdn, email,
    language, channel, bills, amount_centimes, currency, created_at, expires_at, sent_at, approved_centimes, auth_code,
    transaction_number, card_brand, card_last4, paid_at, by_hand, attempts)
VALUES (%(id)s, %(id)s, '', %(reference)s, %(state)s, 'internet', '771034512', '+212600000001', %(email)s, 'fr',
    'ussd', %(bills)s, %(centimes)s, 'MAD', %(at)s, %(at)s, %(at)s, %(centimes)s, '390059', '26327NF2C100990000001234',
    'mastercard', '0010', %(paid_at)s, %(by_hand)s, 1)
"""
LINE = """
INSERT INTO payment_lines (payment_id, service, line_reference, invoice_number, amount_centimes, active, posting,
    returned_centimes)
VALUES (%(id)s, 'internet', '771034512', %(number)s, %(centimes)s, false, 'posted', %(back)s)
"""
EVENT = """
INSERT INTO payment_events (payment_id, at, event, state, detail, request)
VALUES (%(id)s, %(at)s, %(event)s, '', %(detail)s, '0123456789abcdef0123456789abcdef')
"""
MESSAGE = """
INSERT INTO messages (reference, kind, payment_id, recipient, status, error, due_at, created_at, updated_at)
VALUES (%(reference)s, %(kind)s, %(id)s, '+212600000001', %(status)s, %(error)s, %(due_at)s, %(at)s, %(at)s)
"""
OFFICE = (
    """INSERT INTO receipts (payment_id, year, sequence, token, created_at)
       SELECT id, 2026, row_number() OVER (ORDER BY id), md5(id), now() FROM payments WHERE paid_at IS NOT NULL""",
    """INSERT INTO desk_notes (payment_id, at, who, text) SELECT id, created_at, 'amal', %(words)s FROM payments""",
    """INSERT INTO refunds (payment_id, invoice_number, request_id, amount_centimes, state, created_at)
       SELECT payment_id, invoice_number, row_number() OVER (ORDER BY payment_id), 50000000, 'told', now()
       FROM payment_lines WHERE returned_centimes > 0""",
    """INSERT INTO undo_requests (payment_id, amount_centimes, reason, comment, two_people, state, proposed_by,
           proposed_at)
       SELECT id, amount_centimes, 'paid_twice', %(words)s, true, 'proposed', 'amal', now()
       FROM payments WHERE id LIKE '%%WAITS'""",
    """INSERT INTO hand_requests (payment_id, subject, was, resolution, evidence, auth_code, transaction_number,
           amount_centimes, state, proposed_by, proposed_at)
       SELECT id, '', state, 'charged', %(words)s, '390059', '26327NF2C100990000001234', amount_centimes, 'proposed',
           'amal', now() FROM payments WHERE state = 'refunding'""",
    """INSERT INTO chargebacks (case_id, payment_id, reason_code, amount_centimes, state, received_on, deadline,
           entered_by, entered_at)
       SELECT left(%(unbroken)s, 60) || right(id, 4), id, '10.4 Other fraud', amount_centimes, 'received', '2026-11-20',
           '2026-12-05', 'amal', now() FROM payments WHERE id LIKE '%%WAITS'""",
    """INSERT INTO reconciliation_findings (key, queue, order_id, kind, ours_centimes, theirs_centimes, why, line_no,
           found_at, seen_at, owner, closing_reason, closing_by, closing_at)
       SELECT md5(queue)::uuid, queue, %(unbroken)s, 'sale', 1200000000, 1300000000, 'another amount', 17,
           now(), now(), 'amal', CASE WHEN queue = 'different' THEN %(words)s END,
           CASE WHEN queue = 'different' THEN 'amal' END, CASE WHEN queue = 'different' THEN now() END
       FROM unnest(ARRAY['missing_here', 'missing_there', 'different', 'unreadable', 'no_file']) AS queue""",
    """INSERT INTO access_log (at, who, role, address, action, payment_id, detail)
       SELECT %(now)s, 'amal', 'agent', '2001:db8:85a3:8d3:1319:8a2e:370:7348', 'search', NULL, %(unbroken)s
       FROM generate_series(1, 120)""",
    """INSERT INTO event_endpoints (name, kind, url, sealed_secrets, cursor, created_at, delivered, delivered_at,
           disabled_at, disabled_why)
       SELECT 'endpoint-of-forty-characters-abcdefghij' || n, 'webhook', 'https://example.ma/' || %(unbroken)s, '', 0,
           now(), 1200000, now(), CASE WHEN n = 1 THEN now() END, CASE WHEN n = 1 THEN 'it answered 410 Gone' END
       FROM generate_series(1, 2) n""",
    """INSERT INTO event_deliveries (endpoint, sequence, row_id, payment_id, type, planned_at, due_at, dead_at, error)
       SELECT name, n, n, id, 'payment.refunded.part', now(), CASE WHEN n = 1 THEN now() END,
           CASE WHEN n > 1 THEN now() END, CASE WHEN n > 1 THEN %(unbroken)s END
       FROM event_endpoints, generate_series(1, 20) n, payments WHERE id LIKE '%%WAITS'""",
)
EVENTS = (
    ("create", "ussd"),
    ("send", None),
    ("lost", "connection lost: ServerDisconnectedError"),
    ("refused", "other_card 51"),
    ("approved", None),
    ("part_stuck", UNBROKEN),
)


def named(state: str) -> str:
    """A payment's id."""
    return state.replace("_", "").upper().rjust(26, "0")


async def fill(site: DeskSite) -> dict[str, str]:
    """Every state's payment by its name; "partly" is one of which a part went back, "waits" one that is disputed and
    whose refund waits."""
    site.at.shop.by_hand = True
    names = [*PaymentState, "partly", "waits"]
    for place, name in enumerate(names):
        await _payment(site, str(name), place)
    database, now = site.at.shop.database, site.at.shop.clock.now()
    for statement in OFFICE:
        values = {"words": WORDS, "unbroken": UNBROKEN, "now": now}
        await database.do(statement, **{key: value for key, value in values.items() if f"%({key})s" in statement})
    await shown_to(site.at.shop, "+212600000001")
    return {str(name): named(str(name)) for name in names}


async def _payment(site: DeskSite, name: str, place: int) -> None:
    database = site.at.shop.database
    state = name if name in set(PaymentState) else "captured"
    at = site.at.shop.clock.now() - timedelta(minutes=place)
    bills = tuple(
        Invoice(f"{place:04}{number:012}", bill.period, bill.amount_centimes * 10_000, bill.due_date)
        for number, bill in enumerate(BILLS)
    )
    values = {"id": named(name), "state": state, "at": at, "centimes": total(bills), "reference": f"{place:06}"}
    paid = state in {"captured", "voiding", "voided", "refunding", "refunded"}
    more = {"bills": Jsonb(bills_of(bills)), "email": LONG, "paid_at": at if paid else None}
    by_hand = "undo_refused" if state in {"refunding", "integrity_failure"} else None
    await database.do(PAYMENT, **values, **more, by_hand=by_hand)
    for bill in bills:
        back = 50_000_000 if name == "partly" else 0
        await database.do(LINE, id=named(name), number=bill.number, centimes=bill.amount_centimes, back=back)
    for event, detail in EVENTS:
        await database.do(EVENT, id=named(name), at=at, event=event, detail=detail)
    for kind, status in (("receipt_sms", "delivered"), ("receipt_mail", "failed")):
        error = "550 5.1.1 <somebody>: Recipient address rejected: User unknown in virtual mailbox table"
        told = {"kind": kind, "status": status, "error": error if status == "failed" else None, "due_at": None}
        await database.do(MESSAGE, reference=f"{place}-{kind}", id=named(name), at=at, **told)
