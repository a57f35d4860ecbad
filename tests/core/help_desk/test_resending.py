"""What goes to somebody else than the payer, the link to pay, and what a number was shown: each written down first."""

from datetime import timedelta

import pytest

from core.database.help_desk.access_log import PgAccessLog
from core.database.help_desk.desk import PgDesk
from core.database.help_desk.transcripts import PgTranscripts
from core.database.wake import Waker
from core.help_desk.service import DIALOGS_S, HelpDesk, WholeCard, resendable
from core.payments.janitor import NoSuchPayment
from core.repositories import MessageKind
from tests.support.bank import declines
from tests.support.desks import AGENT, BLIND, SUPERVISOR, DeskShop, desk_of, shown_to
from tests.support.shop import PAYER, STRANGER, Shop

SMS, MAIL, LINK = MessageKind.RECEIPT_SMS, MessageKind.RECEIPT_MAIL, MessageKind.PAY_LINK_SMS


@pytest.fixture
async def at(shop: Shop) -> DeskShop:
    return await desk_of(shop)


async def subjects(at: DeskShop) -> set[str]:
    """Whose numbers somebody looked for, of those two."""
    rows = await at.shop.database.all("SELECT subject FROM desk_lookups")
    told = {BLIND.who(number): number for number in (PAYER, STRANGER)}
    return {told[row["subject"]] for row in rows}


async def test_a_receipt_goes_to_whomever_the_customer_names(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await at.shop.work()
    assert await at.desk.resend_to(AGENT, payment.id, SMS, STRANGER)
    assert await subjects(at) == {STRANGER}
    assert await at.desk.resend_to(AGENT, payment.id, MAIL, " Driss@Example.com ")
    await at.shop.work()
    assert [sms.to_msisdn for sms in at.shop.gateways.sms] == [PAYER, STRANGER]
    assert at.shop.gateways.mails[-1] == (payment.id, "Driss@example.com")
    assert not await at.desk.resend_to(AGENT, payment.id, MessageKind.UNDONE_SMS, STRANGER)
    masked = f"{STRANGER[:5]}*****{STRANGER[-3:]}"
    assert await at.log() == [
        ("amal", "resend", payment.id, f"receipt_sms {masked}"),
        ("amal", "resend", payment.id, "receipt_mail D***@example.com"),
        ("amal", "resend", payment.id, f"undone_sms {masked}"),
    ]


async def test_to_others_too_it_goes_a_few_times_a_day(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await at.shop.work()
    for expected in [True] * 5 + [False]:
        assert await at.desk.resend_to(AGENT, payment.id, SMS, STRANGER) is expected
        await at.shop.work()
        at.shop.clock.forward(1)


async def test_what_is_nobodys_address_is_written_nowhere(at: DeskShop) -> None:
    payment = await at.shop.paid()
    for kind, to in ((SMS, "5453 0100 0006 6100"), (MAIL, "5453010000066100@example.com")):
        with pytest.raises(WholeCard):
            await at.desk.resend_to(AGENT, payment.id, kind, to)
    for kind, to in ((SMS, "12"), (SMS, "driss@example.com"), (MAIL, STRANGER), (MAIL, "hélène@example.com")):
        with pytest.raises(ValueError, match=r"number|address"):
            await at.desk.resend_to(AGENT, payment.id, kind, to)
    with pytest.raises(NoSuchPayment):
        await at.desk.resend_to(AGENT, "nobody", SMS, STRANGER)
    assert await at.log() == []


async def test_the_link_to_pay_is_told_while_there_is_something_to_pay(at: DeskShop) -> None:
    shop = at.shop
    books, log = PgDesk(shop.database, Waker(), BLIND), PgAccessLog(shop.database)
    transcripts = PgTranscripts(shop.database, BLIND)
    desk = HelpDesk(books, transcripts, log, shop.till, at.desk.undoing, shop.clock, lambda id_: f"https://x/{id_}")
    shop.bank.scripts.append(declines)
    declined = await shop.paid()
    created, paid = await shop.started(shop.order("ussd:2")), await shop.paid(await shop.internet_order())
    for payment, payable in ((declined, True), (created, True), (paid, False)):
        case = await desk.open(AGENT, payment.id)
        assert case.pay_link == (f"https://x/{payment.id}" if payable else "")
        assert case.resendable == resendable(payment) | ({LINK} if payable else set())
        assert (await at.desk.open(AGENT, payment.id)).pay_link == ""
        assert (case.at, case.payment, case.open_undo) == (shop.clock.now(), payment, None)
    assert await desk.resend(AGENT, created.id, LINK)
    assert not await at.desk.resend(AGENT, declined.id, LINK)


async def test_what_a_number_was_shown_lately(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await shown_to(at.shop, PAYER)
    await shown_to(at.shop, STRANGER)
    at.shop.clock.forward(60)
    (shown,) = await at.desk.dialogs_of(AGENT, "06 00 00 00 01")
    assert [each.screen for each in shown.shown] == ["Service", "PickInvoices"]
    assert await at.desk.dialogs_of_payer(AGENT, payment.id) == (shown,)
    assert await subjects(at) == {PAYER}
    with pytest.raises(ValueError, match="number"):
        await at.desk.dialogs_of(AGENT, "12")
    masked = f"{PAYER[:5]}*****{PAYER[-3:]}"
    assert await at.log() == [("amal", "dialogs", None, masked), ("amal", "dialogs", payment.id, None)]
    at.shop.clock.forward(DIALOGS_S + 60)
    assert await at.desk.dialogs_of(SUPERVISOR, PAYER) == ()
    assert timedelta(seconds=DIALOGS_S) == timedelta(days=7)
