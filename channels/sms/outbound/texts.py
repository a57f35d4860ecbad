"""The words of messages that jobs send about a payment, in its language: implements ports.ReceiptTexts. Pure."""

from collections.abc import Callable, Mapping

from channels.sms.words import RECEIPT_SEGMENTS_MAX, Words
from core.clock import ZONE
from core.messaging.gsm7 import segments
from core.money import dh
from core.payments.table import Payment
from core.refunds.model import RefundPart
from core.subscribers.lines import mask_reference, national


class PaymentTexts:
    """A receipt in at most two segments, the others in one (Arabic: two)."""

    __slots__ = ("_link", "_pay_link", "_wallets", "_words")

    def __init__(
        self,
        words: Words,
        link: Callable[[Payment], str | None],
        pay_link: Callable[[str], str] | None = None,
        wallets: Mapping[str, str] | None = None,
    ) -> None:
        """`link` makes the receipt's address, None while a payment has none; `pay_link` of a payment's id where a
        basket is paid in a browser (channels/links.py); `wallets`: what payers know each by."""
        self._words = words
        self._link = link
        self._pay_link = pay_link
        self._wallets = wallets or {}

    def receipt_sms(self, payment: Payment) -> str:
        values = {
            "amount": dh(payment.amount_centimes),
            "line": mask_reference(payment.line_reference),
            "months": self._months(payment),
            "authorisation": payment.auth_code or "-",
            "receipt": payment.receipt_number or "-",
            "date": f"{(payment.paid_at or payment.created_at).astimezone(ZONE):%d/%m/%Y}",
        }
        name, tender = self._by_tender(payment, "receipt")
        values |= tender
        briefer = (f"{name}_short", f"{name}_brief") if tender else (f"{name}_brief",)
        link = self._link(payment)
        if link is None:
            return self._words.say(payment.language, f"{name}_bare", **values)
        # an address may be long, and Arabic has half the room
        several = values | {"months": values["months"].partition(" ")[0] + "+"}
        texts = (*((key, values) for key in (name, *briefer)), (briefer[-1], several))
        for key, told in texts:
            text = self._words.say(payment.language, key, link=link, **told)
            if segments(text) <= RECEIPT_SEGMENTS_MAX:
                return text
        return self._words.say(payment.language, f"{name}_least", link=link, **values)

    def _months(self, payment: Payment) -> str:
        """The month of the bill that was paid, or the first and the last of several."""
        first, last = (f"{pick(bill.period for bill in payment.invoices):%m/%Y}" for pick in (min, max))
        if first == last:
            return first
        return self._words.say(payment.language, "months_some", first=first, last=last)

    def undecided_sms(self, payment: Payment) -> str:
        return self._about(payment, "undecided")

    def declined_sms(self, payment: Payment) -> str:
        """The text of a declined payment, in the same words for every kind of refusal: others may read it."""
        return self._about(payment, "declined")

    def undone_sms(self, payment: Payment) -> str:
        """The text of a payment that went back whole, to the card or to the wallet that paid it."""
        key, tender = self._by_tender(payment, "undone")
        return self._about(payment, key, **tender)

    def call_missed_sms(self, payment: Payment) -> str:
        """The text after a call that nobody answered: the amount, the number to call, the reference, until when; and
        the link to pay in a browser.
        """
        until = payment.expires_at.astimezone(ZONE).strftime("%H:%M")
        values = {"reference": payment.reference, "until": until, "amount": dh(payment.amount_centimes)}
        if self._pay_link is not None:
            link = self._pay_link(payment.id)
            for key in ("call_missed_link", "call_missed_brief"):
                text = self._words.missed(payment.language, key, link=link, **values)
                if segments(text) <= RECEIPT_SEGMENTS_MAX:
                    return text
        return self._words.missed(payment.language, **values)

    def pay_link_sms(self, payment: Payment) -> str | None:
        """The one link of this basket, as the word PAYER answers it."""
        if self._pay_link is None:
            return None
        amount, link = dh(payment.amount_centimes), self._pay_link(payment.id)
        return self._words.say(payment.language, "pay_link", amount=amount, link=link)

    def refund_sms(self, payment: Payment, part: RefundPart, *, paid_elsewhere: bool) -> str:
        """The text of a part that went back, with the reason where that is not the help desk's."""
        key, tender = ("refund_elsewhere", {}) if paid_elsewhere else self._by_tender(payment, "refund")
        return self._about(payment, key, part=dh(part.amount_centimes), **tender)

    def _by_tender(self, payment: Payment, key: str) -> tuple[str, dict[str, str]]:
        """The text of that key for the payment's tender: a wallet's names the wallet and masks its payer."""
        if payment.wallet is None:
            return key, {}
        payer = mask_reference(national(payment.wallet_payer)) if payment.wallet_payer else ""
        return f"{key}_wallet", {"wallet": self._wallets.get(payment.wallet, payment.wallet), "payer": payer}

    def _about(self, payment: Payment, key: str, **more: str) -> str:
        return self._words.say(payment.language, key, amount=dh(payment.amount_centimes), **more)
