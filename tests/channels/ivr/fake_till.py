"""A till in memory: one customer's lines and bills, and a bank whose answer is told by the card's number."""

import asyncio
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from core.billing.invoices import Invoice, total
from core.cards import Card, Secret
from core.languages import LanguageCode
from core.payments.service import PaymentService, Refusal, StartOrder
from core.payments.table import ACTIVE, Challenge, Payment, PaymentState
from core.ports import DeclineKind, Person
from core.subscribers.lines import ServiceType, SubscribedLine

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SALMA = "+212600000001"
GOOD_CARD, DECLINED_CARD, PIN_CARD = "4000000000000010", "4000009900000509", "5191630100004896"
SILENT_CARD = "4000009900009609"
AUTH_CODE = "123456"
PIN = "123"
LOOKS_OFTEN = 4
LINE = SubscribedLine(ServiceType.MOBILE, "0600000001", "Salma Demo", SALMA, "salma@example.com", LanguageCode.FR)
MAY = Invoice("0000171682062019", date(2019, 5, 1), 76920, date(2019, 6, 25))


def bills(count: int) -> tuple[Invoice, ...]:
    """As many bills, oldest first."""
    return tuple(
        Invoice(f"{n:08d}", date(2019 + n // 12, n % 12 + 1, 1), 10000 + n, date(2026, 1, 1)) for n in range(count)
    )


@dataclass
class Books:
    """What a test may look at and change."""

    unpaid: tuple[Invoice, ...] = (MAY,)
    payments: dict[str, Payment] = field(default_factory=dict)
    languages: dict[str, LanguageCode] = field(default_factory=dict)
    terms: dict[str, str] = field(default_factory=dict)
    charges: list[str] = field(default_factory=list)  # last four digits of each card sent
    broken: Exception | None = None
    bank_answers: asyncio.Event = field(default_factory=asyncio.Event)
    looks: int = 0
    looked_often: asyncio.Event = field(default_factory=asyncio.Event)

    def __post_init__(self) -> None:
        self.bank_answers.set()


class FakeTill(PaymentService):
    """Till in memory. The bank answers at once unless `books.bank_answers` is cleared."""

    def __init__(self, books: Books) -> None:
        self.books = books

    async def person(self, msisdn: str) -> Person:
        if self.books.broken is not None:
            raise self.books.broken
        lines = (LINE,) if msisdn == LINE.contact_msisdn else ()
        return Person(msisdn, self.books.languages.get(msisdn), self.books.terms.get(msisdn), lines)

    async def remember_language(self, msisdn: str, language: LanguageCode) -> None:
        self.books.languages[msisdn] = language

    async def accept_terms(
        self,
        msisdn: str,
        version: str,
        language: LanguageCode,
        channel: str,
        line: tuple[ServiceType, str] | None = None,
    ) -> None:
        self.books.terms[msisdn] = version

    async def identify(
        self, channel: str, caller_msisdn: str, service: ServiceType, reference: str, code: str
    ) -> SubscribedLine | Refusal:
        right = (service, reference, code) == (LINE.service, LINE.reference, "482913")
        return LINE if right else Refusal.WRONG_CODE

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...] | Refusal:
        return self.books.unpaid or Refusal.NOTHING_TO_PAY

    async def start(self, order: StartOrder) -> Payment | Refusal:
        for payment in self.books.payments.values():
            if payment.id == order.idempotency_key:
                return payment
        return self.put(order.invoices, order.payer_msisdn, order.language, payment_id=order.idempotency_key)

    def put(
        self,
        invoices: tuple[Invoice, ...] = (MAY,),
        payer: str = SALMA,
        language: LanguageCode = LanguageCode.FR,
        payment_id: str = "01JDEMO",
    ) -> Payment:
        """A basket that waits for its card."""
        payment = Payment(
            id=payment_id,
            reference="345678",
            state=PaymentState.CREATED,
            service=ServiceType.MOBILE,
            line_reference=LINE.reference,
            payer_msisdn=payer,
            email=None,
            language=language,
            channel="ussd",
            invoices=invoices,
            amount_centimes=total(invoices),
            currency="MAD",
            created_at=NOW,
            expires_at=NOW + timedelta(minutes=30),
        )
        self.books.payments[payment.id] = payment
        return payment

    async def payment(self, payment_id: str) -> Payment | None:
        self.books.looks += 1
        if self.books.looks > LOOKS_OFTEN:
            self.books.looked_often.set()
        return self.books.payments.get(payment_id)

    async def open_payment(self, msisdn: str) -> Payment | None:
        mine = [p for p in self.books.payments.values() if p.payer_msisdn == msisdn]
        return next((p for p in mine if p.state in ACTIVE and p.state is not PaymentState.CAPTURED), None)

    async def quoted(self, channel: str, caller_msisdn: str, reference: str, proof: str) -> Payment | Refusal:
        if self.books.broken is not None:
            raise self.books.broken
        found = (p for p in self.books.payments.values() if p.reference == reference and p.line_reference == proof)
        return next(found, Refusal.WRONG_CODE)

    async def cancel(self, payment_id: str) -> None:
        self._change(payment_id, state=PaymentState.EXPIRED)

    async def authorise(self, payment_id: str, card: Card, cvv: Secret, *, wait_s: float) -> Payment | Refusal:
        books = self.books
        attempts = books.payments[payment_id].attempts + 1
        self._change(payment_id, state=PaymentState.SENDING, attempts=attempts)
        books.charges.append(card.last4)
        await books.bank_answers.wait()
        match card.pan.reveal():
            case str(pan) if pan == GOOD_CARD:
                return self._change(payment_id, state=PaymentState.CAPTURED, auth_code=AUTH_CODE)
            case str(pan) if pan == PIN_CARD:
                challenge = Challenge("c1", 3, 3, NOW + timedelta(minutes=5))
                return self._change(payment_id, state=PaymentState.CHALLENGE, challenge=challenge)
            case str(pan) if pan == SILENT_CARD:
                return self._change(payment_id, state=PaymentState.UNKNOWN)
            case _:
                declines = books.payments[payment_id].declines + 1
                return self._change(
                    payment_id, state=PaymentState.DECLINED, declines=declines, decline_kind=DeclineKind.OTHER_CARD
                )

    async def answer_challenge(self, payment_id: str, pin: Secret, *, wait_s: float) -> Payment | Refusal:
        payment = self.books.payments[payment_id]
        attempts = payment.attempts + 1
        if pin.reveal() == PIN:
            return self._change(payment_id, attempts=attempts, state=PaymentState.CAPTURED, auth_code=AUTH_CODE)
        assert payment.challenge is not None
        left = payment.challenge.attempts_left - 1
        challenge = replace(payment.challenge, attempts_left=left)
        return self._change(payment_id, attempts=attempts, state=PaymentState.CHALLENGE, challenge=challenge)

    def _change(self, payment_id: str, **changes: object) -> Payment:
        changed = replace(self.books.payments[payment_id], **changes)  # type: ignore[arg-type]  # names are the dataclass's own
        self.books.payments[payment_id] = changed
        return changed
