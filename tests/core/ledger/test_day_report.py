"""A day's report is the ledger's: its sums are the movements', its balance is that of the accounts."""

from datetime import date, datetime, timedelta

from core.database.ledger.day_report import PgDayReports
from core.database.ledger.reading import LedgerReader
from core.ledger.accounts import bank, chargebacks, fees, receivable
from core.ledger.day_report import DayReport, Movement, MovementKind, ReportRow
from core.ledger.transfers import LedgerOccasion, chargeback_lost, chargeback_received
from core.payments.table import Payment
from core.zone import ZONE
from tests.core.ledger.settled import batch_commission, post, settled_sale
from tests.core.ledger.test_books import FIRST, mixed
from tests.support.bank import silent
from tests.support.shop import BILL, Shop

NEXT = FIRST + timedelta(days=1)
DUE = BILL.amount_centimes


async def report(shop: Shop, day: date = FIRST) -> DayReport:
    return await PgDayReports(shop.database).of(day, shop.clock.now())


async def movements(shop: Shop, day: date = FIRST) -> list[Movement]:
    return [each async for each in PgDayReports(shop.database).movements(day)]


async def settled(shop: Shop, payment: Payment, fee_centimes: int, at: datetime) -> None:
    occasion = LedgerOccasion(f"settlement:{payment.id}:sale:1", at, payment.id, note="batch 7")
    await post(shop.database, settled_sale(occasion, payment.amount_centimes, fee_centimes))


async def test_a_day_without_money_has_no_rows(shop: Shop) -> None:
    shop.bank.scripts.append(silent)
    await shop.paid()
    found = await report(shop)
    assert (found.rows, found.over, found.total) == ((), False, ReportRow("", ""))


async def test_a_mixed_day_by_acquirer_and_tender(shop: Shop) -> None:
    await mixed(shop)
    found = await report(shop)
    (row,) = found.rows
    assert (row.acquirer, row.tender) == ("cmi", "visa")
    # one landed with another amount, which went back whole, and a part of a bill
    assert (row.payments, row.taken_centimes) == (3, DUE + 90_840 + 1)
    assert (row.refunds, row.back_centimes) == (2, 5_000 + 1)
    assert row.net_centimes == row.balance_centimes == DUE + 90_840 - 5_000
    told = await movements(shop)
    assert sum(each.amount_centimes for each in told if each.kind is MovementKind.PAYMENT) == row.taken_centimes
    assert sum(each.amount_centimes for each in told if each.kind is MovementKind.REFUND) == row.back_centimes
    assert {each.tender for each in told} == {"visa"}


async def test_a_settled_day_is_that_of_the_accounts(shop: Shop) -> None:
    paid = await shop.paid()
    await shop.database.do("UPDATE payments SET card_brand = 'mastercard'")
    other = await shop.paid(await shop.internet_order())
    shop.clock.forward(86_400)
    noon = datetime.combine(NEXT, datetime.min.time(), ZONE) + timedelta(hours=12)
    await settled(shop, paid, 1_000, noon)
    await post(shop.database, batch_commission(LedgerOccasion("deposit:7", noon), 250))
    lost = LedgerOccasion("chargeback:1:1", noon, other.id), LedgerOccasion("chargeback:1:2", noon, other.id)
    await post(shop.database, chargeback_received(lost[0], 4_000))
    await post(shop.database, chargeback_lost(lost[1], 4_000))
    found, sheet = await report(shop, NEXT), await LedgerReader(shop.database).sheet(shop.clock.now(), NEXT)
    by_tender = {row.tender: row for row in found.rows}
    assert by_tender["mastercard"] == ReportRow(
        "cmi", "mastercard", settled_centimes=DUE, fees_centimes=1_000, paid_in_centimes=DUE - 1_000
    )
    assert by_tender["visa"] == ReportRow("cmi", "visa", chargebacks_centimes=0, balance_centimes=90_840 - 4_000)
    assert by_tender[""] == ReportRow("cmi", "", fees_centimes=250, paid_in_centimes=-250)
    account = {each.account: each for each in sheet.accounts}
    moved = {name: each.debits_centimes - each.credits_centimes for name, each in account.items()}
    assert found.total.balance_centimes == account[receivable()].closing_centimes
    assert (found.total.fees_centimes, found.total.paid_in_centimes) == (moved[fees()], moved[bank()])
    assert found.total.chargebacks_centimes == moved[chargebacks()]
    told = {(each.kind, each.amount_centimes, each.fee_centimes) for each in await movements(shop, NEXT)}
    assert told == {
        (MovementKind.FEE, 250, 0),
        (MovementKind.CHARGEBACK, 4_000, 0),
        (MovementKind.CHARGEBACK_LOST, 4_000, 0),
        (MovementKind.SETTLED, DUE, 1_000),
    }
    first = await report(shop)
    assert first.over
    assert first.total.balance_centimes == first.total.taken_centimes == DUE + 90_840  # as it stood that evening
