"""The outbox between ports in memory: what goes out in which words, what is dropped, and when it is tried again."""

from dataclasses import replace
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.languages import LanguageCode
from core.messaging.call_ends import KeptCallEnds
from core.messaging.code_texts import CodeTexts
from core.messaging.outbox import Gateways, NoReplies, OutboxSender
from core.payments.schedule import Times
from core.payments.table import Payment, PaymentState
from core.ports import BillingDown, CallEnd, DeliveryFailed, OutgoingSms
from core.refunds.model import Refund, RefundPart, RefundState
from core.repositories import Delivery, Message, MessageKind, message_reference
from core.subscribers.lines import ServiceType, SubscribedLine
from lab.clocks import NOON, StillClock
from tests.support.paid import paid
from tests.support.port import port

PAYMENT = paid()
PAYER = "+212600000001"
CALLS = MessageKind.OUTGOING_CALL
TEXTS = [kind for kind in MessageKind if kind not in {CALLS, "receipt_mail", "refund_sms", "code_sms", "answer_sms"}]


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


def message(kind: MessageKind, attempts: int = 1, key: str = "1") -> Message:
    return Message(f"p-{kind}-{key}", kind, PAYMENT.id, PAYER, attempts, "r1")


class Words:
    """Each text's kind."""

    def __init__(self, link: str | None = "pay_link_sms") -> None:
        self._link = link

    def pay_link_sms(self, payment: Payment) -> str | None:
        return self._link

    def refund_sms(self, payment: Payment, part: RefundPart, *, paid_elsewhere: bool) -> str:
        return f"{part.number} {part.amount_centimes} {paid_elsewhere}"

    def __getattr__(self, name: str) -> Any:
        return lambda payment: name


class Outbox:
    """A sender of one claimed message, over a payment as it stands; `fails`: what the gateways raise."""

    def __init__(self, claimed: Message | None, stands: Payment | None = PAYMENT, **said: Any) -> None:
        self.messages = port(**{"claim": claimed, "postponed": True} | said)
        self.gateway = port(**dict.fromkeys(("send", "send_receipt", "call"), said.get("fails", "id-1")))
        refunds = port(get=said.get("refund"))
        books = SimpleNamespace(messages=self.messages, payments=port(get=stands), refunds=refunds)
        words = said.get("words", Words())
        replies = port(reply_of=said.get("reply"))
        ways = Gateways(self.gateway, self.gateway, self.gateway, cast("Any", words), replies)
        self.of = OutboxSender(cast("Any", books), ways, StillClock(), Times())

    async def delivered(self) -> list[tuple[object, ...]]:
        """What was written of it."""
        await self.of.deliver("p")
        claim, *written = self.messages.asked
        assert claim == ("claim", "p", NOON, at(240))
        return cast("list[tuple[object, ...]]", written)


SENT = [("sent", "p", "id-1", NOON)]
OVERTAKEN = [("failed", "p", "overtaken", NOON, None)]

# which states a text is still true in; the others are true for ever
TRUE_IN = {
    MessageKind.UNDECIDED_SMS: {"sending", "challenge", "unknown"},
    MessageKind.DECLINED_SMS: {"declined", "expired"},
    MessageKind.CALL_MISSED_SMS: {"created", "declined"},
    MessageKind.PAY_LINK_SMS: {"created", "declined"},
    CALLS: {"created", "declined", "challenge"},
}


@pytest.mark.parametrize("state", PaymentState)
@pytest.mark.parametrize("kind", [*TEXTS, CALLS])
async def test_news_that_is_true_goes_out_and_no_other(kind: MessageKind, state: PaymentState) -> None:
    sent, stands = message(kind), replace(PAYMENT, state=state)
    outbox = Outbox(sent, stands)
    if state in TRUE_IN.get(kind, {state}):
        text = ("send", OutgoingSms(sent.reference, PAYER, str(kind)))
        assert await outbox.delivered() == SENT
        assert outbox.gateway.asked == [("call", stands) if kind is CALLS else text]
    else:
        assert (await outbox.delivered(), outbox.gateway.asked) == (OVERTAKEN, [])


async def test_what_is_not_due_or_nobodys_is_not_sent() -> None:
    assert await Outbox(None).delivered() == []
    gone = message(MessageKind.RECEIPT_SMS)
    assert await Outbox(gone, None).delivered() == OVERTAKEN
    assert await Outbox(replace(gone, payment_id=None)).delivered() == OVERTAKEN
    linkless = Outbox(
        message(MessageKind.PAY_LINK_SMS), replace(PAYMENT, state=PaymentState.CREATED), words=Words(None)
    )
    assert await linkless.delivered() == OVERTAKEN


@pytest.mark.parametrize(("key", "copy"), [("1", 0), ("again-2", 2)])
async def test_a_receipt_by_mail_and_its_copies(key: str, copy: int) -> None:
    outbox = Outbox(message(MessageKind.RECEIPT_MAIL, key=key))
    assert await outbox.delivered() == SENT
    assert outbox.gateway.asked == [("send_receipt", PAYMENT, PAYER, copy)]


PART = Refund(7, PAYMENT.id, "0012345999", 300, RefundState.TOLD, 1, whole=False)


@pytest.mark.parametrize(
    ("key", "refund", "text"),
    [
        ("r7", PART, "0012345999 300 False"),
        ("0012345678", None, "0012345678 76920 True"),
        ("r7", None, None),
        ("0012340000", None, None),
    ],
)
async def test_money_back_of_one_bill(key: str, refund: Refund | None, text: str | None) -> None:
    outbox = Outbox(message(MessageKind.REFUND_SMS, key=key), refund=refund)
    assert await outbox.delivered() == (SENT if text else OVERTAKEN)
    assert [asked[1].text for asked in outbox.gateway.asked] == ([text] if text else [])


@pytest.mark.parametrize("kind", [MessageKind.CODE_SMS, MessageKind.ANSWER_SMS])
async def test_an_answer_goes_the_way_its_question_came_by(kind: MessageKind) -> None:
    answer = replace(message(kind), payment_id=None)
    outbox = Outbox(answer, reply="words")
    assert await outbox.delivered() == SENT
    assert outbox.gateway.asked == [("send", OutgoingSms(answer.reference, PAYER, "words", "r1", urgent=True))]
    forgotten = Outbox(answer)
    assert await forgotten.delivered() == [("failed", answer.reference, "its words are forgotten", NOON, None)]
    assert await NoReplies().reply_of("x") is None


@pytest.mark.parametrize(
    ("kind", "pauses_s"), [(MessageKind.RECEIPT_SMS, (10, 60, 300, 1_800, 7_200)), (CALLS, (5, 15))]
)
async def test_what_was_not_taken_is_tried_again_so_often(kind: MessageKind, pauses_s: tuple[int, ...]) -> None:
    stands = replace(PAYMENT, state=PaymentState.CREATED)
    for attempts, pause_s in enumerate((*pauses_s, None), start=1):
        again_at = None if pause_s is None else at(pause_s)
        sent = message(kind, attempts)
        away = Outbox(sent, stands, fails=DeliveryFailed("away", retryable=True))
        assert await away.delivered() == [("failed", sent.reference, "away", NOON, again_at)]
    for_good = Outbox(message(kind), stands, fails=DeliveryFailed("no such number", retryable=False))
    assert (await for_good.delivered())[0][2:] == ("no such number", NOON, None)


async def test_a_gateway_that_breaks_is_seen_and_tried_again() -> None:
    sent = message(MessageKind.RECEIPT_SMS)
    outbox = Outbox(sent, fails=ZeroDivisionError(PAYER))
    with pytest.raises(ZeroDivisionError):
        await outbox.of.deliver("p")
    assert outbox.messages.asked[1:] == [("failed", sent.reference, "broken: ZeroDivisionError", NOON, at(10))]
    assert outbox.of._under_way == set()


async def test_a_way_that_is_busy_is_not_held_against_the_message_for_two_days() -> None:
    sent, busy = message(MessageKind.RECEIPT_SMS), DeliveryFailed("busy", retryable=True, again_in_s=7)
    outbox = Outbox(sent, fails=busy)
    postponed = ("postponed", sent.reference, "busy", NOON, at(7), at(-172_800))
    assert await outbox.delivered() == [postponed]
    too_old = Outbox(sent, fails=busy, postponed=False)
    assert await too_old.delivered() == [postponed, ("failed", sent.reference, "busy", NOON, at(10))]


async def test_one_message_is_sent_by_one_at_a_time() -> None:
    outbox = Outbox(message(MessageKind.RECEIPT_SMS))
    outbox.of._under_way.add("p")
    await outbox.of.deliver("p")
    assert (outbox.messages.asked, outbox.of._under_way) == ([], {"p"})
    slow = Outbox(message(MessageKind.RECEIPT_SMS))

    async def send(sms: OutgoingSms) -> str:
        await slow.of.deliver("p")  # asked for again while it is on its way
        return "id-1"

    slow.gateway.send = send
    assert await slow.delivered() == SENT
    assert message_reference("p", MessageKind.RECEIPT_SMS, 1) == "p-receipt_sms-1"


# --- calls and codes --------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("end", "asked"),
    [
        (CallEnd.ANSWERED, ("report", Delivery.DELIVERED, NOON, "CA1")),
        (CallEnd.RANG, ("call_ended", "CA1", "why", NOON, ())),
        (CallEnd.NOT_RUNG, ("call_ended", "CA1", "why", NOON, (5, 15))),
    ],
)
@pytest.mark.parametrize("known", [True, False])
async def test_what_becomes_of_a_call_that_is_over(end: CallEnd, asked: tuple[object, ...], *, known: bool) -> None:
    messages = port(report=known, call_ended=known)
    assert await KeptCallEnds(messages, StillClock())("CA1", end, "why") is known
    assert messages.asked == [asked]


LINE = SubscribedLine(ServiceType.MOBILE, "0600000001", "Salma", PAYER, None, LanguageCode.EN)


class Codes:
    """Texts with codes, of a line as billing knows it."""

    def __init__(self, line: SubscribedLine | None = LINE, code: object = "1234", language: object = None) -> None:
        self.asked: list[tuple[object, ...]] = []
        self.billing, self.messages, self.replies = port(line=line, code_of=code), port(), port()
        self.messages.asked = self.replies.asked = self.asked  # in one order
        people = port(remembered=[(language, "1")])
        self.of = CodeTexts(self.billing, people, self.messages, self.replies, self.words, StillClock())

    def words(self, language: LanguageCode, line: SubscribedLine, code: str) -> str:
        return f"{language} {line.reference} {code}"


@pytest.mark.parametrize(("remembered", "language"), [(None, "en"), (LanguageCode.AR, "ar")])
async def test_a_code_goes_to_the_lines_own_telephone(remembered: object, language: str) -> None:
    codes = Codes(language=remembered)
    assert await codes.of.send("0600000001")
    recorded, kept, released = codes.asked
    name = cast("str", recorded[1])
    assert name.startswith("web-code-")
    assert len(name) == len("web-code-") + 26
    assert recorded == ("record", name, MessageKind.CODE_SMS, PAYER, NOON, Delivery.QUEUED)
    assert kept == ("keep", name, f"{language} 0600000001 1234")  # before it may go out
    assert released == ("release", name, NOON)
    assert codes.billing.asked == [
        ("line", ServiceType.MOBILE, "0600000001"),
        ("code_of", ServiceType.MOBILE, "0600000001"),
    ]


@pytest.mark.parametrize("line", [None, replace(LINE, contact_msisdn="")])
async def test_a_line_without_a_telephone_is_told_nothing(line: SubscribedLine | None) -> None:
    codes = Codes(line)
    assert (await codes.of.send("0600000001"), codes.asked) == (False, [])
    without = Codes(code=None)
    assert (await without.of.send("0600000001"), without.asked) == (False, [])
    with pytest.raises(BillingDown):
        await Codes(code=BillingDown()).of.send("0600000001")
