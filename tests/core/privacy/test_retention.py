"""Periods: what is older than its own is forgotten, what is younger or still wants something is not."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from core.database.help_desk.access_log import PgAccessLog
from core.database.jobs import RETAIN_CRON, Work, build_jobs
from core.database.privacy.retention import PgRetention
from core.database.wake import TaskName
from core.help_desk.access_log import Access, Action
from core.languages import LanguageCode
from core.payments.table import Payment, PaymentState
from core.privacy.retention import BATCH_MAX, Periods, RetentionJob
from core.repositories import Delivery
from tests.support.bank import declines, silent
from tests.support.desks import BLIND, shown_to
from tests.support.queue import work_off
from tests.support.shop import PAYER, STRANGER, Shop

DAY_S = 86_400
NOTHING = {"unpaid": 0, "paid": 0, "messages": 0, "people": 0, "access_log": 0, "transcripts": 0}


@pytest.fixture
def retention(shop: Shop) -> RetentionJob:
    return RetentionJob(PgRetention(shop.database), shop.clock, Periods())


async def read(shop: Shop, payment: Payment) -> Payment:
    found = await shop.till.payment(payment.id)
    assert found is not None
    return found


async def settle(shop: Shop) -> None:
    """A week of sweeps: nothing wants anything any more."""
    for _ in range(7):
        shop.clock.forward(DAY_S)
        await shop.sweep.run()
        await shop.work()


async def test_today_nothing_is_old(shop: Shop, retention: RetentionJob) -> None:
    await shop.paid()
    await shop.till.remember_language(PAYER, LanguageCode.AR)
    assert await retention.apply() == NOTHING


async def test_who_did_not_pay_is_forgotten_after_their_period(shop: Shop, retention: RetentionJob) -> None:
    shop.bank.scripts.append(declines)
    declined = await shop.paid()
    expired = await shop.started(await shop.internet_order(payer=PAYER))
    await settle(shop)
    shop.clock.forward(82 * DAY_S)
    assert await retention.apply() == NOTHING
    shop.clock.forward(2 * DAY_S)
    assert (await retention.apply())["unpaid"] == 2
    assert await retention.apply() == NOTHING
    for payment, state in ((declined, PaymentState.DECLINED), (expired, PaymentState.EXPIRED)):
        after = await read(shop, payment)
        assert (after.state, after.payer_msisdn, after.email) == (state, "", None)
        assert after.invoices == payment.invoices


async def test_who_paid_is_known_for_ten_years_of_accounts(shop: Shop, retention: RetentionJob) -> None:
    payment = await shop.paid()
    await settle(shop)
    shop.clock.forward(3_650 * DAY_S)
    assert (await retention.apply())["paid"] == 0
    shop.clock.forward(10 * DAY_S)
    assert (await retention.apply())["paid"] == 1
    after = await read(shop, payment)
    assert (after.payer_msisdn, after.email, after.auth_code) == ("", None, payment.auth_code)
    assert await shop.till.by_receipt_token(payment.receipt_token or "") is None


async def test_what_is_not_over_is_never_forgotten(shop: Shop, retention: RetentionJob) -> None:
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    shop.clock.forward(4_000 * DAY_S)
    assert await retention.apply() == NOTHING
    assert (await read(shop, payment)).payer_msisdn == PAYER


async def test_messages_lose_their_recipients_and_answers_leave_whole(shop: Shop, retention: RetentionJob) -> None:
    payment = await shop.paid()
    await shop.books.messages.record("code-1", "code_sms", PAYER, shop.clock.now(), status=Delivery.SENT)
    await shop.till.remember_language(STRANGER, LanguageCode.AR)
    await settle(shop)
    shop.clock.forward(394 * DAY_S)
    done = await retention.apply()
    assert (done["messages"], done["people"]) == (3, 1)
    rows = await shop.database.all("SELECT kind, recipient, status, payment_id FROM messages ORDER BY kind")
    assert [(row["kind"], row["recipient"], row["payment_id"]) for row in rows] == [
        ("receipt_mail", "", payment.id),
        ("receipt_sms", "", payment.id),
    ]
    assert {row["status"] for row in rows} == {"sent"}


async def test_what_customers_were_shown_leaves_after_a_month(shop: Shop, retention: RetentionJob) -> None:
    await shown_to(shop, PAYER)
    shop.clock.forward(29 * DAY_S)
    await shown_to(shop, STRANGER)
    assert (await retention.apply())["transcripts"] == 0
    shop.clock.forward(2 * DAY_S)
    assert (await retention.apply())["transcripts"] == 2
    kept = await shop.database.all("SELECT who FROM transcript_turns")
    assert {row["who"] for row in kept} == {BLIND.who(STRANGER)}


async def test_a_message_that_waits_keeps_its_recipient(shop: Shop, retention: RetentionJob) -> None:
    await shop.paid()
    shop.clock.forward(500 * DAY_S)
    assert (await retention.apply())["messages"] == 0
    await shop.work()
    assert len(shop.gateways.sms) == 1


async def test_a_caller_who_pays_is_remembered(shop: Shop, retention: RetentionJob) -> None:
    await shop.till.remember_language(PAYER, LanguageCode.AR)
    shop.clock.forward(500 * DAY_S)
    await shop.paid()
    assert (await retention.apply())["people"] == 0
    assert (await shop.till.person(PAYER)).language is LanguageCode.AR


async def test_the_help_desk_s_log_leaves_after_its_period_in_batches(shop: Shop, retention: RetentionJob) -> None:
    now = datetime.now(UTC)  # the table's own floor goes by the server's clock
    shop.clock.time = now
    log = PgAccessLog(shop.database)
    for days in (1, 1_000, 1_099, 1_101, 3_000):
        await log.write(Access(now - timedelta(days=days), "amal", "agent", Action.SEARCH))
    await shop.database.do(
        "INSERT INTO access_log (at, who, role, address, action) "
        "SELECT %(at)s, 'amal', 'agent', '', 'search' FROM generate_series(1, %(count)s)",
        at=now - timedelta(days=1_200),
        count=BATCH_MAX,
    )
    assert (await retention.apply())["access_log"] == BATCH_MAX + 2
    assert len(await shop.database.all("SELECT FROM access_log")) == 3


async def test_the_daily_job_applies_them(shop: Shop, retention: RetentionJob) -> None:
    work = Work(shop.till.attendant, shop.poster, shop.sender, shop.sweep, retention)
    app = build_jobs(work)
    (daily,) = [task for task in app.periodic_registry.periodic_tasks.values() if task.task.name == TaskName.RETAIN]
    assert daily.cron == RETAIN_CRON
    await shop.till.remember_language(STRANGER, LanguageCode.AR)
    shop.clock.forward(500 * DAY_S)
    async with app.open_async(shop.database.pool):
        await daily.task.defer_async(timestamp=0)
        await work_off(app)
    assert (await shop.till.person(STRANGER)).language is None


def test_the_log_has_a_floor() -> None:
    assert Periods(access_log_days=90).access_log_days == 90
    with pytest.raises(ValueError, match="at least 90"):
        replace(Periods(), access_log_days=89)
