"""A month of service from real payments: the bank and the wallets apart, what is unknown for long, receipts that were
late."""

from datetime import date, timedelta

from core.database.help_desk.service_report import PgServiceReports
from core.help_desk.service_report import DoorCount, ServiceCounts, ServiceReport
from khallas.bootstrap.events import linking
from tests.core.wallets.conftest import NEQDI, OTHER, WalletShop
from tests.support.bank import CARD, CVV, declines, silent


async def month_of(shop: WalletShop, month: date | None = None) -> ServiceReport:
    await linking(shop.database, shop.clock)()
    return await PgServiceReports(shop.database).of(month or shop.clock.now().date(), shop.clock.now())


async def test_the_bank_and_the_wallets_are_told_apart_by_what_they_answered(shop: WalletShop) -> None:
    shop.bank.scripts += [declines, silent]
    payment = await shop.started()
    for _ in range(2):  # a refusal is an answer, silence is none
        await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    by_wallet = await shop.started(await shop.internet_order())
    record = await shop.asked(by_wallet)
    shop.neqdi.pays(record.attempt)
    await shop.round(5)
    report = await month_of(shop)
    told = {(each.name, each.wallet): (each.asked, each.answered) for each in report.peers}
    assert told == {("cmi", False): (2, 1), (NEQDI, True): (1, 1)}
    assert report.peers[0].availability == 0.5
    assert OTHER not in {each.name for each in report.peers}
    assert (report.over, report.counts.paid) == (False, 1)
    assert (await month_of(shop, date(2020, 2, 1))).peers == ()
    assert (await month_of(shop, date(2020, 2, 1))).over


async def test_what_stays_unknown_for_an_hour_is_counted_once_a_payment(shop: WalletShop) -> None:
    shop.bank.scripts += [silent]
    payment = await shop.started()
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    assert (await month_of(shop)).counts.unknown_long == 0  # the hour is not over
    shop.clock.forward(3_601)
    assert (await month_of(shop)).counts == ServiceCounts(unknown_long=1)


async def test_receipts_that_were_late_or_never_left_are_counted_and_those_in_time_are_not(shop: WalletShop) -> None:
    await shop.till.authorise((await shop.started()).id, CARD, CVV, wait_s=60)
    await shop.work()  # in time, by SMS and by mail
    assert (await month_of(shop)).counts == ServiceCounts(paid=1, receipts=2)
    other = await shop.started(await shop.internet_order())
    await shop.till.authorise(other.id, CARD, CVV, wait_s=60)
    shop.clock.forward(61)
    report = await month_of(shop)
    assert report.counts == ServiceCounts(paid=2, receipts=3, receipts_late=1)  # it waits still
    await shop.work()
    assert (await month_of(shop)).counts.receipts_late == 1  # and left late
    await shop.database.do("UPDATE messages SET sent_at = NULL")  # before its time was written down
    assert (await month_of(shop)).counts == ServiceCounts(paid=2, receipts=3, receipts_untimed=3)


async def test_hours_are_kept_once_however_often_they_are_copied(shop: WalletShop) -> None:
    reports, hour = PgServiceReports(shop.database), shop.clock.now().replace(minute=0, second=0, microsecond=0)
    answered = DoorCount("ussd", "madapi", "answered", "", 98)
    failed = DoorCount("ussd", "madapi", "failed", "", 2)
    fast, slow = (DoorCount("ussd", "madapi", "", bound, count) for bound, count in (("0.005", 90), ("0.1", 10)))
    for counts in ([answered, failed, fast, slow], [answered], [DoorCount("ussd", "madapi", "answered", "", 7)]):
        await reports.keep(hour, counts)
    await reports.keep(hour - timedelta(hours=1), [DoorCount("sms", "twilio", "answered", "", 1)])
    report = await month_of(shop)
    sms, ussd = report.doors
    assert (ussd.asked, ussd.answered, ussd.availability) == (100, 98, 0.98)
    assert ussd.times_s[0] == 0.005 * 50 / 90
    assert (sms.channel, sms.asked, sms.times_s) == ("sms", 1, (None, None, None))
    assert report.hours_counted == 2
    assert report.hours > 2
