"""Messages: each at least once under its own reference, tried again when that can help, dropped when overtaken."""

import asyncio
from dataclasses import replace

import pytest

from core.messaging.call_ends import KeptCallEnds
from core.messaging.outbox import CALL_PAUSES_S, OutboxSender
from core.payments.service import NoSuchPayment
from core.payments.table import Payment, PaymentState
from core.ports import CallEnd, OutgoingSms
from core.repositories import Calls, Delivery, MessageKind, message_reference
from lab.clocks import NOON
from tests.support.bank import CARD, CVV, silent, silent_after_charging
from tests.support.gateways import fails
from tests.support.shop import PAYER, Shop
from tests.support.statements import asked


async def statuses(shop: Shop) -> dict[str, str]:
    rows = await shop.database.all("SELECT kind, status FROM messages")
    return {row["kind"]: row["status"] for row in rows}


async def test_a_busy_gateway_is_tried_again_later(shop: Shop) -> None:
    payment = await shop.paid()
    shop.gateways.failures.extend([fails(retryable=True), fails(retryable=True)])
    await shop.work()
    assert await statuses(shop) == {"receipt_sms": "queued", "receipt_mail": "queued"}
    shop.clock.forward(9)
    assert await shop.sweep.run() == 0
    shop.clock.forward(1)
    await shop.sweep.run()
    assert await statuses(shop) == {"receipt_sms": "sent", "receipt_mail": "sent"}
    assert [sms.reference for sms in shop.gateways.sms] == [message_reference(payment.id, MessageKind.RECEIPT_SMS, 1)]


async def test_tries_end_some_day(shop: Shop) -> None:
    await shop.paid()
    await shop.database.do("DELETE FROM messages WHERE kind = 'receipt_mail'")
    shop.gateways.failures.extend(fails(retryable=True) for _ in range(20))
    tries = 0
    while await shop.sweep.run() and tries < 20:
        tries += 1
        shop.clock.forward(7_200)
    assert (tries, len(shop.gateways.failures)) == (6, 14)
    assert await statuses(shop) == {"receipt_sms": "failed"}


async def test_a_number_that_cannot_be_reached_is_given_up(shop: Shop) -> None:
    payment = await shop.started()
    await shop.till.request_call(payment.id)
    shop.gateways.failures.append(fails(retryable=False))
    await shop.work()
    assert await statuses(shop) == {"outgoing_call": "failed", "call_missed_sms": "sent"}
    row = await shop.database.one("SELECT error, due_at FROM messages")
    assert row == {"error": "no such number", "due_at": None}


async def test_a_broken_gateway_is_written_down_and_seen(shop: Shop, caplog: pytest.LogCaptureFixture) -> None:
    await shop.paid()
    await shop.database.do("DELETE FROM messages WHERE kind = 'receipt_mail'")
    shop.gateways.failures.append(ZeroDivisionError("bug"))
    await shop.sweep.run()
    assert "is left for later" in caplog.text
    shop.clock.forward(10)
    await shop.sweep.run()
    assert await statuses(shop) == {"receipt_sms": "sent"}


async def test_no_email_no_mail_and_no_number_no_sms(shop: Shop) -> None:
    order = await shop.internet_order(payer="")
    await shop.paid(order)
    await shop.work()
    assert (shop.gateways.sms, shop.gateways.mails) == ([], [])


async def test_the_call_rings_once_however_often_it_is_asked(shop: Shop) -> None:
    payment = await shop.started()
    await asyncio.gather(*(shop.till.request_call(payment.id) for _ in range(4)))
    await shop.work()
    await shop.till.request_call(payment.id)
    await shop.work()
    assert shop.gateways.calls == [payment.id]
    with pytest.raises(NoSuchPayment):
        await shop.till.request_call("nobody")


async def test_a_missed_call_is_followed_by_another_but_not_for_ever(shop: Shop) -> None:
    payment = await shop.started()
    for rung in (1, 2, 3, 4, 5, 5, 5):
        await asyncio.gather(*(shop.till.request_call(payment.id) for _ in range(3)))
        await shop.work()
        assert len(shop.gateways.calls) == rung
        shop.clock.forward(44)
        await shop.till.request_call(payment.id)  # it may still be ringing
        await shop.work()
        assert len(shop.gateways.calls) == rung
        shop.clock.forward(1)


async def test_a_hidden_number_is_neither_texted_nor_rung(shop: Shop) -> None:
    payment = await shop.started(await shop.internet_order(payer="anonymous:CA1"))
    await shop.till.request_call(payment.id)
    shop.bank.scripts.append(silent_after_charging)
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    await shop.books.messages.queue(payment, MessageKind.UNDECIDED_SMS, shop.clock.now())
    await shop.till.inquire(payment.id)
    await shop.work()
    assert await shop.state(payment) is PaymentState.CAPTURED
    assert (shop.gateways.sms, shop.gateways.calls, shop.bank.orders[0].telephone) == ([], [], "")
    assert await statuses(shop) == {}


async def test_a_cancelled_basket_does_not_ring(shop: Shop) -> None:
    payment = await shop.started()
    await shop.till.request_call(payment.id)
    await shop.till.cancel(payment.id)
    await shop.work()
    assert (shop.gateways.calls, await statuses(shop)) == ([], {"outgoing_call": "failed"})


async def test_news_that_is_overtaken_is_dropped(shop: Shop) -> None:
    shop.bank.scripts.append(silent_after_charging)
    payment = await shop.paid()
    await shop.books.messages.queue(payment, MessageKind.UNDECIDED_SMS, shop.clock.now())
    await shop.books.messages.queue(payment, MessageKind.DECLINED_SMS, shop.clock.now())
    assert (await shop.till.inquire(payment.id)).state is PaymentState.CAPTURED
    await shop.work()
    assert [sms.text.split()[0] for sms in shop.gateways.sms] == ["receipt"]


async def test_workers_at_once_send_once(shop: Shop) -> None:
    payment = await shop.paid()
    reference = message_reference(payment.id, MessageKind.RECEIPT_SMS, payment.attempts)
    workers = [OutboxSender(shop.books, shop.sender._gateways, shop.clock, shop.times) for _ in range(6)]
    await asyncio.gather(*(worker.deliver(reference) for worker in workers))
    assert len(shop.gateways.sms) == 1
    await shop.sender.deliver("nobody")


async def queued(shop: Shop) -> tuple[Payment, str]:
    shop.bank.scripts.append(silent)
    payment = await shop.paid()
    await shop.books.messages.queue(payment, MessageKind.UNDECIDED_SMS, NOON)
    await shop.work()
    return payment, message_reference(payment.id, MessageKind.UNDECIDED_SMS, 1)


async def test_a_gateway_slower_than_the_lease_is_not_asked_twice(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    payment = await shop.paid()
    asked, go_on = asyncio.Event(), asyncio.Event()
    send = shop.gateways.send

    async def slowly(sms: OutgoingSms) -> str:
        asked.set()
        await go_on.wait()
        return await send(sms)

    monkeypatch.setattr(shop.gateways, "send", slowly)
    reference = message_reference(payment.id, MessageKind.RECEIPT_SMS, 1)
    first = asyncio.create_task(shop.sender.deliver(reference))
    await asked.wait()
    shop.clock.forward(shop.times.lease_s + 1)
    await shop.sender.deliver(reference)
    go_on.set()
    await first
    assert [sms.reference for sms in shop.gateways.sms] == [reference]


async def test_delivery_reports_never_go_backwards(shop: Shop) -> None:
    _, reference = await queued(shop)
    messages = shop.books.messages
    assert not await messages.report(Delivery.SENT, NOON, provider_id="SM1")
    assert await messages.report(Delivery.FAILED, NOON, provider_id="SM1", error="30005")
    assert await messages.report(Delivery.DELIVERED, NOON, reference=reference)
    assert not await messages.report(Delivery.FAILED, NOON, provider_id="SM1")
    assert not await messages.report(Delivery.DELIVERED, NOON, provider_id="SM1")
    assert not await messages.report(Delivery.DELIVERED, NOON, provider_id="SM999")
    row = await shop.database.one("SELECT status, error FROM messages")
    assert row == {"status": "delivered", "error": "30005"}


async def test_a_report_may_overtake_the_gateways_own_answer(shop: Shop) -> None:
    payment = await shop.paid()
    reference = message_reference(payment.id, MessageKind.RECEIPT_SMS, payment.attempts)
    assert await shop.books.messages.report(Delivery.DELIVERED, NOON, reference=reference)
    await shop.books.messages.sent(reference, "SM7", NOON)
    row = await shop.database.one("SELECT status, provider_id FROM messages WHERE kind = 'receipt_sms'")
    assert row == {"status": "delivered", "provider_id": "SM7"}


async def test_what_a_channel_sends_itself_is_logged_without_words(shop: Shop) -> None:
    messages = shop.books.messages
    await messages.record("code-1", "code_sms", PAYER, NOON, status=Delivery.QUEUED)
    await messages.record("code-1", "code_sms", PAYER, NOON, status=Delivery.SENT, provider_id="SM1")
    await messages.record("code-1", "code_sms", PAYER, NOON, status=Delivery.FAILED)
    assert await statuses(shop) == {"code_sms": "sent"}
    assert await shop.sweep.run() == 0


async def test_a_mail_can_be_queued_by_itself(shop: Shop) -> None:
    payment = await shop.started()
    await shop.books.messages.queue(payment, MessageKind.RECEIPT_MAIL, NOON)
    await shop.work()
    assert shop.gateways.mails == [(payment.id, "salma@example.com")]


@pytest.mark.parametrize("how", [Delivery.FAILED, Delivery.DELIVERED])
async def test_a_call_that_is_over_rings_no_more(shop: Shop, how: Delivery) -> None:
    """Busy or hung up: whoever asks for the call again is rung at once, not when the clock says so."""
    payment = await shop.started()
    await shop.till.request_call(payment.id)
    await shop.work()
    row = await shop.database.one("SELECT provider_id FROM messages WHERE kind = 'outgoing_call'")
    assert row is not None
    assert await shop.books.messages.report(how, shop.clock.now(), provider_id=row["provider_id"], error="busy")
    shop.clock.forward(3)
    await shop.till.request_call(payment.id)
    await shop.work()
    assert len(shop.gateways.calls) == 2


async def test_one_number_is_rung_so_often_an_hour_whatever_it_pays(shop: Shop) -> None:
    """Twelve journeys of one number in some seconds: its telephone is no bell."""
    payment = await shop.started()
    more = [replace(payment, id=f"{n:026}") for n in range(11)]
    for each in more:
        await shop.database.do(
            "INSERT INTO payments SELECT (jsonb_populate_record(p, jsonb_build_object('id', %(id)s::text, "
            "'reference', right(%(id)s, 6), 'idempotency_key', %(id)s::text))).* FROM payments p WHERE id = %(of)s",
            id=each.id,
            of=payment.id,
        )
    rung = await asyncio.gather(*(shop.till.request_call(each.id) for each in (payment, *more)))
    assert rung.count(True) == Calls().number_hour_max
    assert len(await shop.database.all("SELECT FROM messages WHERE kind = 'outgoing_call'")) == rung.count(True)
    shop.clock.forward(3_601)
    late = next(each for each, rang in zip((payment, *more), rung, strict=True) if not rang)
    assert await shop.till.request_call(late.id)


# --- what became of a call --------------------------------------------------------------------------------------------


async def rung(shop: Shop) -> tuple[Payment, str]:
    payment = await shop.started()
    await shop.till.request_call(payment.id)
    await shop.work()
    row = await shop.database.one("SELECT provider_id FROM messages WHERE kind = 'outgoing_call'")
    assert row is not None
    return payment, row["provider_id"]


async def test_a_telephone_that_rang_is_left_in_peace_and_told_where_to_call(shop: Shop) -> None:
    payment, call_id = await rung(shop)
    ends = KeptCallEnds(shop.books.messages, shop.clock)
    assert await ends(call_id, CallEnd.RANG, "reason 0, cause 21")
    assert not await ends(call_id, CallEnd.RANG, "twice")
    shop.clock.forward(600)
    await shop.work()
    assert shop.gateways.calls == [payment.id]
    assert [(sms.to_msisdn, sms.text) for sms in shop.gateways.sms] == [(PAYER, f"missed {payment.reference}")]


async def test_a_telephone_that_was_not_reached_is_rung_again_and_then_told(shop: Shop) -> None:
    payment, _ = await rung(shop)
    ends = KeptCallEnds(shop.books.messages, shop.clock)
    for number, pause_s in enumerate((*CALL_PAUSES_S, 600), start=1):
        shop.clock.forward(20)  # a late failure is one too
        assert await ends(f"CA{number}", CallEnd.NOT_RUNG, "reason 0, cause 19")
        assert not await ends(f"CA{number}", CallEnd.NOT_RUNG, "twice")
        assert shop.gateways.sms == []
        shop.clock.forward(pause_s)
        await shop.sweep.run()
    assert shop.gateways.calls == [payment.id] * 3
    assert [sms.text for sms in shop.gateways.sms] == [f"missed {payment.reference}"]


async def test_a_call_that_no_switch_takes_is_told_too(shop: Shop) -> None:
    payment = await shop.started()
    shop.gateways.failures.extend([fails(retryable=True)] * 3)
    await shop.till.request_call(payment.id)
    for _ in range(4):
        await shop.sweep.run()
        shop.clock.forward(20)
    assert (shop.gateways.calls, [sms.text for sms in shop.gateways.sms]) == ([], [f"missed {payment.reference}"])


async def test_who_redials_after_a_missed_call_is_rung_at_once_and_told_once(shop: Shop) -> None:
    payment, call_id = await rung(shop)
    ends = KeptCallEnds(shop.books.messages, shop.clock)
    await ends(call_id, CallEnd.RANG, "cause 21")
    shop.clock.forward(6)
    assert await shop.till.request_call(payment.id)
    await shop.work()
    assert len(shop.gateways.calls) == 2
    await ends("CA2", CallEnd.RANG, "cause 19")
    await shop.work()
    assert len(shop.gateways.sms) == 1


async def test_an_answered_call_is_told_to_nobody_and_neither_is_one_that_was_paid_meanwhile(shop: Shop) -> None:
    payment, call_id = await rung(shop)
    ends = KeptCallEnds(shop.books.messages, shop.clock)
    assert await ends(call_id, CallEnd.ANSWERED, "answered")
    shop.clock.forward(1)
    await shop.till.request_call(payment.id)
    await shop.work()
    await shop.till.authorise(payment.id, CARD, CVV, wait_s=60)
    await ends("CA2", CallEnd.RANG, "cause 17")
    await shop.work()
    assert [sms.text.split()[0] for sms in shop.gateways.sms] == ["receipt"]


async def test_a_call_of_another_house_is_nobodys(shop: Shop) -> None:
    assert not await KeptCallEnds(shop.books.messages, shop.clock)("CA999", CallEnd.NOT_RUNG, "cause 1")


async def test_a_message_costs_two_statements(shop: Shop) -> None:
    """It comes with its payment when it is claimed; then it is said to be sent."""
    payment = await shop.paid()
    reference = message_reference(payment.id, MessageKind.RECEIPT_SMS, 1)
    with asked() as statements:
        await shop.sender.deliver(reference)
    assert len(statements) == 2, statements
    assert [sms.reference for sms in shop.gateways.sms] == [reference]
