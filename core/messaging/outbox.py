"""Send what the outbox holds: receipts, news of undecided payments, the outgoing call. At least once, each under a
reference of its own, so that gateways and mailboxes can drop a repeat (docs/protocols/failure-points.md 14)."""

import logging
from dataclasses import dataclass, field

from core.payments.schedule import Times, later
from core.payments.table import UNDECIDED, Payment, PaymentState
from core.ports import Caller, Clock, DeliveryFailed, Mailer, OutgoingSms, ReceiptTexts, Replies, Texter
from core.refunds.model import RefundPart, refund_id_of
from core.repositories import ANSWERS, Message, MessageKind, Repositories, copy_of

log = logging.getLogger(__name__)

MESSAGE_PAUSES_S = (10, 60, 300, 1_800, 7_200)
CALL_PAUSES_S = (5, 15)  # a telephone that rings much later rings for nobody
_WAITS_FOR_CARD = frozenset({PaymentState.CREATED, PaymentState.DECLINED})
POSTPONED_MAX_S = 2 * 86_400  # a way that stays away longer ends the message


class NoReplies:
    """A till whose channels answer by themselves."""

    async def reply_of(self, reference: str) -> str | None:
        return None


@dataclass(frozen=True, slots=True)
class Gateways:
    """The ways out, and the words."""

    texter: Texter
    mailer: Mailer
    caller: Caller
    texts: ReceiptTexts
    replies: Replies = field(default_factory=NoReplies)


class MessageOvertaken(Exception):
    """A message that is no longer true: it is dropped."""


class OutboxSender:
    """Delivers claimed messages. Raises DatabaseUnavailable; what a gateway refuses is written down and tried again."""

    def __init__(self, books: Repositories, gateways: Gateways, clock: Clock, times: Times) -> None:
        self._messages = books.messages
        self._payments = books.payments
        self._refunds = books.refunds
        self._gateways = gateways
        self._clock = clock
        self._times = times
        self._under_way: set[str] = set()

    async def deliver(self, reference: str) -> None:
        """Send one message if it is due, unless another worker does; a slow gateway outlasting its lease sends once."""
        if reference in self._under_way:
            return
        self._under_way.add(reference)
        try:
            await self._deliver(reference)
        finally:
            self._under_way.discard(reference)

    async def _deliver(self, reference: str) -> None:
        now = self._clock.now()
        message = await self._messages.claim(reference, now, later(now, self._times.lease_s))
        if message is None:
            return
        try:
            provider_id = await self._answer(message) if message.kind in ANSWERS else await self._tell(message)
        except MessageOvertaken:
            await self._messages.failed(reference, "overtaken", self._clock.now(), None)
        except DeliveryFailed as error:
            log.warning("message %s: not taken: %s", reference, error)
            if not await self._postponed(message, error):
                await self._failed(message, str(error), retryable=error.retryable)
        except Exception as error:
            await self._failed(message, f"broken: {type(error).__name__}", retryable=True)
            raise
        else:
            await self._messages.sent(reference, provider_id, self._clock.now())

    async def _postponed(self, message: Message, error: DeliveryFailed) -> bool:
        if error.again_in_s is None:
            return False
        now = self._clock.now()
        again_at, since = later(now, error.again_in_s), later(now, -POSTPONED_MAX_S)
        return await self._messages.postponed(message.reference, str(error), now, again_at, since)

    async def _failed(self, message: Message, why: str, *, retryable: bool) -> None:
        now = self._clock.now()
        pauses_s = CALL_PAUSES_S if message.kind is MessageKind.OUTGOING_CALL else MESSAGE_PAUSES_S
        again = retryable and message.attempts <= len(pauses_s)
        again_at = later(now, pauses_s[message.attempts - 1]) if again else None
        await self._messages.failed(message.reference, why, now, again_at)

    async def _answer(self, message: Message) -> str:
        text = await self._gateways.replies.reply_of(message.reference)
        if text is None:
            raise DeliveryFailed("its words are forgotten", retryable=False)
        sms = OutgoingSms(message.reference, message.recipient, text, route=message.route, urgent=True)
        return await self._gateways.texter.send(sms)

    async def _tell(self, message: Message) -> str:
        payment = message.payment
        if payment is None and message.payment_id:
            payment = await self._payments.get(message.payment_id)
        if payment is None:
            raise MessageOvertaken
        if message.kind is MessageKind.OUTGOING_CALL:
            if payment.state not in {*_WAITS_FOR_CARD, PaymentState.CHALLENGE}:
                raise MessageOvertaken
            return await self._gateways.caller.call(payment)
        if message.kind is MessageKind.RECEIPT_MAIL:
            return await self._gateways.mailer.send_receipt(payment, message.recipient, copy_of(message.reference))
        if message.kind is MessageKind.REFUND_SMS:
            text = await self._part_text(payment, message.reference)
        else:
            text = self._text(message.kind, payment)
        return await self._gateways.texter.send(OutgoingSms(message.reference, message.recipient, text))

    async def _part_text(self, payment: Payment, reference: str) -> str:
        """Of a bill that was credited because it was paid elsewhere, or of a refund by its row."""
        key = reference.partition(f"-{MessageKind.REFUND_SMS}-")[2]
        refund_id = refund_id_of(key)
        refund = None if refund_id is None else await self._refunds.get(refund_id)
        if refund is not None:
            part = RefundPart(refund.number, refund.amount_centimes)
            return self._gateways.texts.refund_sms(payment, part, paid_elsewhere=False)
        bill = next((invoice for invoice in payment.invoices if invoice.number == key), None)
        if bill is None:
            raise MessageOvertaken
        return self._gateways.texts.refund_sms(
            payment, RefundPart(bill.number, bill.amount_centimes), paid_elsewhere=True
        )

    def _text(self, kind: MessageKind, payment: Payment) -> str:
        texts = self._gateways.texts
        match kind:
            case MessageKind.RECEIPT_SMS:
                return texts.receipt_sms(payment)
            case MessageKind.UNDECIDED_SMS if payment.state in UNDECIDED:
                return texts.undecided_sms(payment)
            case MessageKind.DECLINED_SMS if payment.state in {PaymentState.DECLINED, PaymentState.EXPIRED}:
                return texts.declined_sms(payment)
            case MessageKind.CALL_MISSED_SMS if payment.state in _WAITS_FOR_CARD:
                return texts.call_missed_sms(payment)
            case MessageKind.PAY_LINK_SMS if payment.state in _WAITS_FOR_CARD and (link := texts.pay_link_sms(payment)):
                return link
            case MessageKind.UNDONE_SMS:
                return texts.undone_sms(payment)
        raise MessageOvertaken
