"""A till without a bank: the demo's people and bills in dictionaries, every call counted, any call made to fail; what
the bank answers is told by the card's number.
"""

import asyncio
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta

from core.billing.invoices import Invoice, total
from core.cards import Card, Secret
from core.languages import LanguageCode
from core.payments.service import PaymentService, Refusal, StartOrder
from core.payments.table import DECLINES_MAX, UNDECIDED, Challenge, Payment, PaymentState
from core.ports import DeclineKind, Person
from core.subscribers.lines import ServiceType, SubscribedLine
from lab.clocks import StillClock

NOW = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
SALMA, LINE = "+212600000001", "0600000001"
REFERENCE = "345678"  # of the basket that waits
CODES = {"0600000001": "482913", "0600000004": "118822", "0600000008": "012345", "7710345": "905533"}
GOOD_CARD = "4000000000000010"
DECLINED_CARD = "4000009900005102"
PIN_CARD = "5191630100004896"
SILENT_CARD = "4000009900009203"  # nothing yet: the payment stays on its way
UNKNOWN_CARD = "4000009900009609"  # the bank does not know either
RIGHT_PIN = "123"
AUTH_CODE = "123456"


class Broken(Exception):
    """What a test makes the till raise."""


def bill(number: str, month: int = 5, centimes: int = 76920, year: int = 2026) -> Invoice:
    return Invoice(number, date(year, month, 1), centimes, date(year, month, 25))


def bills(count: int) -> tuple[Invoice, ...]:
    """So many bills, the oldest first."""
    return tuple(
        Invoice(f"{n:08d}", date(2019 + n // 12, n % 12 + 1, 1), 10_000 + n, date(2026, 1, 1)) for n in range(count)
    )


def line(
    reference: str, service: ServiceType = ServiceType.MOBILE, email: str | None = "salma@example.com"
) -> SubscribedLine:
    return SubscribedLine(service, reference, "Salma Demo", SALMA, email, LanguageCode.FR)


@dataclass(slots=True)
class Sent:
    """What reached the acquirer."""

    payment_id: str
    pan: str
    cvv: str


@dataclass(slots=True)
class Memory:
    """What the till keeps."""

    languages: dict[str, LanguageCode] = field(default_factory=dict)
    consents: dict[str, str] = field(default_factory=dict)
    lines: dict[str, tuple[SubscribedLine, ...]] = field(default_factory=dict)
    bills: dict[str, tuple[Invoice, ...]] = field(default_factory=dict)
    payments: dict[str, Payment] = field(default_factory=dict)
    by_key: dict[str, str] = field(default_factory=dict)
    sent: list[Sent] = field(default_factory=list)
    pins: list[str] = field(default_factory=list)
    refusals: dict[str, Refusal] = field(default_factory=dict)
    broken: set[str] = field(default_factory=set)
    bank_answers: asyncio.Event = field(default_factory=asyncio.Event)  # cleared: authorise waits for it

    def __post_init__(self) -> None:
        self.bank_answers.set()

    @property
    def charged(self) -> list[str]:
        """The last four digits of each card that was sent."""
        return [sent.pan[-4:] for sent in self.sent]


def demo_memory() -> Memory:
    """One person with one line and one bill, one without bills, one with nothing remembered."""
    memory = Memory()
    memory.lines["+212600000001"] = (line("0600000001"),)
    memory.lines["+212600000003"] = (
        line("0600000003", email=None),
        line("0537000103", ServiceType.FIXED, None),
        line("7710345", ServiceType.INTERNET, None),
    )
    memory.lines["+212600000004"] = (line("0600000004"),)
    memory.bills["0600000001"] = (bill("0000171682062019", 5, 76920, 2019),)
    memory.bills["0600000003"] = (bill("0000300101112026", 10, 9900),)
    memory.bills["7710345"] = tuple(bill(f"00004{n:02d}", n, 29900) for n in (8, 9, 10))
    memory.bills["0600000006"] = tuple(bill(f"00006{n:02d}", 1 + n % 12, 8000 + n) for n in range(40))
    return memory


class FakeTill(PaymentService):
    """The till's use cases over Memory. `calls` counts them by name; a name in `memory.broken` raises Broken."""

    def __init__(self, clock: StillClock) -> None:
        self.clock = clock
        self.memory = demo_memory()
        self.calls: Counter[str] = Counter()
        self.before: dict[str, Callable[[], None]] = {}
        self.rings = True

    def _enter(self, name: str) -> Refusal | None:
        self.calls[name] += 1
        if name in self.before:
            self.before[name]()
        if name in self.memory.broken:
            raise Broken(name)
        return self.memory.refusals.get(name)

    async def person(self, msisdn: str) -> Person:
        self._enter("person")
        memory = self.memory
        return Person(msisdn, memory.languages.get(msisdn), memory.consents.get(msisdn), memory.lines.get(msisdn, ()))

    async def remember_language(self, msisdn: str, language: LanguageCode) -> None:
        await asyncio.sleep(0)  # as for a database: others are heard meanwhile
        self._enter("remember_language")
        self.memory.languages[msisdn] = language

    async def accept_terms(
        self,
        msisdn: str,
        version: str,
        language: LanguageCode,
        channel: str,
        line: tuple[ServiceType, str] | None = None,
    ) -> None:
        self._enter("accept_terms")
        self.memory.consents[msisdn] = version

    async def identify(
        self, channel: str, caller_msisdn: str, service: ServiceType, reference: str, code: str
    ) -> SubscribedLine | Refusal:
        refusal = self._enter("identify")
        if refusal is not None:
            return refusal
        return line(reference, service) if CODES.get(reference) == code else Refusal.WRONG_CODE

    async def unpaid(self, service: ServiceType, reference: str) -> tuple[Invoice, ...] | Refusal:
        refusal = self._enter("unpaid")
        if refusal is not None:
            return refusal
        return self.memory.bills.get(reference) or Refusal.NOTHING_TO_PAY

    async def start(self, order: StartOrder) -> Payment | Refusal:
        refusal = self._enter("start")
        if refusal is not None:
            return refusal
        if order.idempotency_key in self.memory.by_key:
            return self.memory.payments[self.memory.by_key[order.idempotency_key]]
        if not set(order.invoices) <= set(self.memory.bills.get(order.line_reference, ())):
            return Refusal.BILLS_CHANGED
        payment = payment_of(order, f"p{len(self.memory.payments) + 1}", self.clock.now())
        self.memory.by_key[order.idempotency_key] = payment.id
        return self.put(payment)

    async def payment(self, payment_id: str) -> Payment | None:
        self._enter("payment")
        return self.memory.payments.get(payment_id)

    async def open_payment(self, msisdn: str) -> Payment | None:
        self._enter("open_payment")
        open_states = {PaymentState.CREATED, *UNDECIDED}
        return next(
            (p for p in self.memory.payments.values() if p.payer_msisdn == msisdn and p.state in open_states), None
        )

    async def quoted(self, channel: str, caller_msisdn: str, reference: str, proof: str) -> Payment | Refusal:
        refusal = self._enter("quoted")
        if refusal is not None:
            return refusal
        found = next((p for p in self.memory.payments.values() if p.reference == reference), None)
        if found is None or proof not in {found.line_reference, CODES.get(found.line_reference)}:
            return Refusal.WRONG_CODE
        return found

    async def cancel(self, payment_id: str) -> None:
        self._enter("cancel")
        if self.memory.payments[payment_id].state is PaymentState.CREATED:
            self.become(payment_id, PaymentState.EXPIRED)

    async def request_call(self, payment_id: str, *, known: Payment | None = None) -> bool:
        self._enter("request_call")
        return self.rings

    async def authorise(
        self, payment_id: str, card: Card, cvv: Secret, *, wait_s: float, known: Payment | None = None
    ) -> Payment | Refusal:
        refusal = self._enter("authorise")
        if refusal is not None:
            return refusal
        pan = card.pan.reveal()
        self.memory.sent.append(Sent(payment_id, pan, cvv.reveal()))
        before = self.memory.payments[payment_id]
        sent = self.put(
            replace(before, state=PaymentState.SENDING, attempts=before.attempts + 1, sent_at=self.clock.now())
        )
        await self.memory.bank_answers.wait()
        match pan:
            case _ if pan == DECLINED_CARD:
                declines = sent.declines + 1
                kind = DeclineKind.OTHER_CARD
                return self.put(replace(sent, state=PaymentState.DECLINED, declines=declines, decline_kind=kind))
            case _ if pan == PIN_CARD:
                challenge = Challenge("c1", 3, DECLINES_MAX, self.clock.now() + timedelta(minutes=3))
                return self.put(replace(sent, state=PaymentState.CHALLENGE, challenge=challenge))
            case _ if pan == SILENT_CARD:
                return sent
            case _ if pan == UNKNOWN_CARD:
                return self.put(replace(sent, state=PaymentState.UNKNOWN))
            case _:
                return self.put(replace(sent, state=PaymentState.CAPTURED, auth_code=AUTH_CODE))

    async def answer_challenge(self, payment_id: str, pin: Secret, *, wait_s: float) -> Payment | Refusal:
        self._enter("answer_challenge")
        self.memory.pins.append(pin.reveal())
        payment = replace(self.memory.payments[payment_id], attempts=self.memory.payments[payment_id].attempts + 1)
        if pin.reveal() == RIGHT_PIN:
            return self.put(replace(payment, state=PaymentState.CAPTURED, auth_code=AUTH_CODE))
        assert payment.challenge is not None
        left = replace(payment.challenge, attempts_left=payment.challenge.attempts_left - 1)
        return self.put(replace(payment, challenge=left))

    # --- for tests ---------------------------------------------------------------------------------------------------

    def put(self, payment: Payment) -> Payment:
        self.memory.payments[payment.id] = payment
        return payment

    def basket(
        self, *, payer: str = SALMA, language: LanguageCode = LanguageCode.FR, payment_id: str = "01JDEMO"
    ) -> Payment:
        """Puts down a basket of the demo's first line that waits for its card."""
        order = StartOrder(payment_id, "ussd", payer, language, None, ServiceType.MOBILE, LINE, self.memory.bills[LINE])
        return self.put(replace(payment_of(order, "p1", self.clock.now()), id=payment_id, reference=REFERENCE))

    def become(self, payment_id: str, state: PaymentState) -> Payment:
        return self.put(replace(self.memory.payments[payment_id], state=state))

    def only_payment(self) -> Payment:
        (payment,) = self.memory.payments.values()
        return payment


def payment_of(order: StartOrder, payment_id: str, now: datetime) -> Payment:
    """A committed intent."""
    return Payment(
        id=payment_id,
        reference=f"{110000 + int(payment_id.removeprefix('p'))}",
        state=PaymentState.CREATED,
        service=order.service,
        line_reference=order.line_reference,
        payer_msisdn=order.payer_msisdn,
        email=order.email,
        language=order.language,
        channel=order.channel,
        invoices=order.invoices,
        amount_centimes=total(order.invoices),
        currency="MAD",
        created_at=now,
        expires_at=now + timedelta(minutes=30),
    )


def till_in_memory() -> FakeTill:
    """A till whose clock stands still at NOW."""
    return FakeTill(StillClock(NOW))
