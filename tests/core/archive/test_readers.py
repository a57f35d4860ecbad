"""Whoever reads sees what moved to its month as if it were live."""

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import psycopg
import pytest

from core.database.archive.months import MOVED_TABLES
from core.database.events.deliveries import PgEventBooks
from core.database.events.endpoints import SEALED_FOR, PgEventEndpoints
from core.database.events.stream import PgStreamBooks
from core.database.help_desk.audit import PgAudit
from core.database.help_desk.lists import PgPaymentLists
from core.database.help_desk.operations import PgOps
from core.database.ledger.days import LedgerDays
from core.database.ledger.reading import LedgerReader
from core.database.ledger.verifying import LedgerVerifier
from core.database.privacy.requests import PgPrivacy
from core.database.privacy.retention import PgRetention
from core.events.endpoints import EndpointKind, EndpointSecret, EventEndpoint
from core.help_desk.audit import Audit, Chain
from core.help_desk.lists import PaymentFilter, PaymentList
from core.help_desk.lookup import Lookup
from core.payments.table import Payment
from core.sealing import Sealer
from core.subscribers.lines import ServiceType
from tests.core.archive.archives import LATER, moved, rows
from tests.support.desks import AGENT, BLIND, DeskShop, desk_of
from tests.support.shop import BILL, PAYER, STRANGER, Shop

DAY_S = 86_400


@pytest.fixture
async def at(shop: Shop) -> DeskShop:
    return await desk_of(shop)


async def seen(at: DeskShop, payment: Payment) -> dict[str, Any]:
    """What every reader says of a payment."""
    books, database = at.shop.books, at.shop.database
    token = payment.receipt_token
    assert token is not None
    found: dict[str, Any] = {
        "payment": await books.payments.get(payment.id),
        "receipt": await books.payments.by_token(token),
        "key": await books.payments.by_key("ussd:1:7"),
        "has paid": await books.payments.has_paid(PAYER, ServiceType.MOBILE, payment.line_reference),
        "postings": await books.postings.of(payment.id),
        "story": await Lookup(database).story(payment.id),
        "held": {name: sorted(map(str, each)) for name, each in (await PgPrivacy(database, BLIND).held(PAYER)).items()},
        "list": await PgPaymentLists(database).listed(
            PaymentFilter(PaymentList.PAID, begins=payment.created_at - timedelta(days=1)), at.shop.clock.now(), 0
        ),
        "balances": (await LedgerReader(database).sheet(at.shop.clock.now())).accounts,
    }
    for text in (payment.reference, payment.auth_code, payment.transaction_number, payment.receipt_number, payment.id,
                 payment.line_reference, PAYER, payment.email, BILL.number, "0010 23/11/2026",
                 "Salma Demo"):  # fmt: skip
        assert text is not None
        found[text] = [each.id for each in await Lookup(database).find(text)]
        assert payment.id in found[text], text
    facts = await PgStreamBooks(database).behind(0, 100)
    assert facts is not None
    found["relay"] = facts
    return found


async def test_every_reader_sees_what_moved_as_it_was(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await at.shop.work()
    await Audit(PgAudit(at.shop.database), at.shop.clock).link()
    before, live = await seen(at, payment), await rows(at.shop.database, payment.id, live=True)
    assert await moved(at.shop) == 1
    assert await rows(at.shop.database, payment.id, live=True) == {}
    assert await rows(at.shop.database, payment.id, live=False) == live
    assert await seen(at, payment) == before
    assert {"payments", "payment_lines", "payment_events", "receipts", "messages", "ledger_transfers"} <= set(live)
    assert [each.id for each in await at.desk.search(AGENT, payment.reference)] == [payment.id]


async def test_payments_of_a_month_and_live_ones_are_found_together_the_latest_first(at: DeskShop) -> None:
    shop, lookup = at.shop, Lookup(at.shop.database)
    first = await shop.paid()
    assert await moved(shop) == 1
    shop.clock.forward(40 * DAY_S)
    second = await shop.paid(await shop.internet_order(payer=PAYER))
    for text in (PAYER, "0010 23/11/2026", first.reference):
        assert first.id in [each.id for each in await lookup.find(text)], text
    assert [each.id for each in await lookup.find(PAYER)] == [second.id, first.id]
    assert await lookup.find("0010 22/11/2026") == ()
    assert [each.id for each in await lookup.find("7710345")] == [second.id]
    assert await shop.database.one("SELECT khallas_bring_back(%(id)s) AS moved", id=first.id) == {"moved": True}
    assert [each.id for each in await lookup.find(PAYER)] == [second.id, first.id]
    assert await shop.database.all("SELECT * FROM payments_of_months") == []


async def test_the_last_day_and_the_first_one_of_the_calendar_are_asked_too(at: DeskShop) -> None:
    for day in ("0010 31/12/9999", "0010 0001-01-01", "0010 9999-12-30"):
        assert await Lookup(at.shop.database).find(day) == ()


async def test_whoever_was_forgotten_or_has_another_address_is_found_by_it_alone(at: DeskShop) -> None:
    payment, lookup = await at.shop.paid(at.shop.order(payer=STRANGER)), Lookup(at.shop.database)
    assert await moved(at.shop) == 1
    assert [each.id for each in await lookup.find(STRANGER)] == [payment.id]
    await at.shop.database.do("UPDATE payments SET email = 'Salma@example.net'")
    assert [each.id for each in await lookup.find("salma@example.net")] == [payment.id]
    await at.shop.database.do("UPDATE lines SET email = NULL")
    assert await lookup.find("salma@example.com") == ()
    await PgPrivacy(at.shop.database, BLIND).erase(STRANGER, at.shop.clock.now())
    assert await lookup.find("salma@example.net") == ()
    assert await lookup.find(STRANGER) == ()
    assert [each.id for each in await lookup.find(payment.reference)] == [payment.id]


async def test_the_books_and_the_chain_hold_over_what_moved_and_what_came_back(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await at.shop.work()
    audit = Audit(PgAudit(at.shop.database), at.shop.clock)
    await audit.link()
    at.shop.clock.forward(2 * DAY_S)
    await LedgerDays(at.shop.database).close_due(at.shop.clock.now())

    async def well() -> None:
        assert (await LedgerReader(at.shop.database).sheet(at.shop.clock.now())).holds
        assert await LedgerVerifier(at.shop.database).verify() == []
        assert (await audit.verify(Chain.PAYMENT_EVENTS)).broken is None

    await well()
    transfers = await at.shop.database.all("SELECT * FROM ledger_transfers ORDER BY id")
    assert await moved(at.shop) == 1
    await well()
    assert await at.shop.database.one("SELECT khallas_bring_back(%(id)s) AS moved", id=payment.id) == {"moved": True}
    await well()
    assert await at.shop.database.all("SELECT * FROM ledger_transfers ORDER BY id") == transfers
    at.shop.clock.forward(DAY_S)
    await LedgerDays(at.shop.database).close_due(at.shop.clock.now())
    await well()


async def test_the_ledger_s_words_name_a_row_of_a_month_that_was_changed_by_hand(at: DeskShop) -> None:
    at.shop.by_hand = True
    await at.shop.paid()
    assert await moved(at.shop) == 1
    database = at.shop.database
    await database.do(
        "SET session_replication_role = replica; UPDATE ledger_transfers SET amount_centimes = amount_centimes + 1;"
        " SET session_replication_role = DEFAULT"
    )
    assert await LedgerVerifier(database).verify() != []
    assert not (await LedgerReader(database).sheet(at.shop.clock.now())).holds


async def test_an_endpoint_that_is_behind_is_told_of_what_moved(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await at.shop.work()
    await Audit(PgAudit(at.shop.database), at.shop.clock).link()
    assert await moved(at.shop) == 1
    now, sealer = at.shop.clock.now(), Sealer(("a key of the tests",), SEALED_FOR)
    endpoints = PgEventEndpoints(at.shop.database, sealer)
    wanted = EventEndpoint(
        "billing", EndpointKind.WEBHOOK, "https://example.net/", frozenset(), False, (EndpointSecret("whsec_x", None),)
    )
    endpoint = await endpoints.add(wanted, now, whole=True)
    books = PgEventBooks(at.shop.database, sealer)
    assert await books.plan(endpoint, now) > 0
    told = []
    while due := await books.due("billing", now, 10):
        for each in due:
            assert each.fact.payment_id == payment.id
            told.append(str(each.fact.type))
            await books.taken("billing", each.fact.sequence)
    assert "payment.captured" in told


async def test_erasing_a_person_reaches_the_months(at: DeskShop) -> None:
    payment = await at.shop.paid()
    assert await moved(at.shop) == 1
    assert payment.receipt_token is not None
    done = await PgPrivacy(at.shop.database, BLIND).erase(PAYER, at.shop.clock.now())
    assert (done["payments"], done["receipt_links"]) == (1, 1)
    found = await at.shop.books.payments.get(payment.id)
    assert found is not None
    assert (found.payer_msisdn, found.email) == ("", None)
    assert await at.shop.books.payments.by_token(payment.receipt_token) is None
    left = await at.shop.database.all("SELECT * FROM messages WHERE recipient = %(payer)s", payer=PAYER)
    assert left == []


async def test_a_person_s_export_and_the_daily_retention_reach_the_months(at: DeskShop) -> None:
    await at.shop.paid()
    assert await moved(at.shop) == 1
    retention, before = PgRetention(at.shop.database), at.shop.clock.now() + LATER
    assert await retention.forget_paid(before, 10) == 1
    assert await retention.forget_messages(before, 10) > 0
    assert (await PgPrivacy(at.shop.database, BLIND).held(PAYER))["payments"] == []


def forgotten(connection: psycopg.Connection[Any]) -> None:
    connection.execute("UPDATE payments SET payer_msisdn = ''")


def forgotten_wallet(connection: psycopg.Connection[Any]) -> None:
    connection.execute("UPDATE payments SET wallet_payer = '+212600000009'")
    connection.execute(
        "INSERT INTO wallet_attempts_2026_11 (reference, payment_id, n, payment_attempt, provider, payer,"
        " amount_centimes, currency, state, sent_at) SELECT gen_random_uuid(), id, 1, 1, 'mtcash', '+212600000009', 1,"
        " 'MAD', 'declined', now() FROM payments"
    )
    forgotten(connection)


@pytest.mark.parametrize("how", [forgotten, forgotten_wallet])
async def test_a_wallet_s_payer_is_forgotten_with_the_payment_s(
    at: DeskShop, database_url: str, how: Callable[[psycopg.Connection[Any]], None]
) -> None:
    await at.shop.paid()
    assert await moved(at.shop) == 1
    with psycopg.connect(database_url) as connection:
        how(connection)
        assert connection.execute("SELECT wallet_payer FROM payments").fetchall() == [(None,)]
        assert connection.execute("SELECT payer FROM wallet_attempts WHERE payer <> ''").fetchall() == []


async def test_the_operations_page_counts_what_is_live(at: DeskShop) -> None:
    await at.shop.paid()
    assert await moved(at.shop) == 1
    overview = await PgOps(at.shop.database).overview(at.shop.clock.now() - timedelta(days=1))
    assert overview.sales == ()
    assert overview.by_hand == 0


async def test_what_the_live_tables_have_the_months_have(at: DeskShop) -> None:
    await at.shop.paid()
    assert await moved(at.shop) == 1
    for table in MOVED_TABLES:
        shapes = []
        for name in (table, f"{table}_2026_11"):
            columns = await at.shop.database.all(
                "SELECT attname, atttypid, attnotnull FROM pg_attribute WHERE attrelid = %(name)s::regclass"
                " AND attnum > 0 AND NOT attisdropped ORDER BY attnum",
                name=name,
            )
            indexes = await at.shop.database.all(
                "SELECT indisunique, indisprimary, pg_get_expr(indpred, indrelid) AS predicate, indkey::text"
                " FROM pg_index WHERE indrelid = %(name)s::regclass ORDER BY 4, 1, 2, 3",
                name=name,
            )
            shapes.append((columns, indexes))
        assert shapes[0] == shapes[1], table
