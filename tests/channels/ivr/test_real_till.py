"""The voice line before the real till: PostgreSQL, the CMI client and the CMI emulator's cards."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from channels.ivr.speaker import IvrSpeaker
from core.acquirers.cmi import CmiAcquirer
from core.acquirers.registry import only
from core.billing.embedded import EmbeddedBilling
from core.clock import SystemClock
from core.database.pool import Database, make_pool
from core.database.repositories import books_on
from core.payments.service import PaymentService, Ports
from core.payments.table import Payment, PaymentState
from lab.caller import follow
from lab.cmi.stand import EmulatedCmi, emulated_cmi
from tests.channels.ivr.conftest import CALM, VoiceLine, voice_line
from tests.support.billing import MemoryLimits
from tests.support.shop import INVOICES, LINES

ACQUIRER_TIMEOUT_S = 1.0
OPENING = [
    ("pour continuer en français, tapez 1", "1"),
    ("pour payer un mobile, tapez 2", "2"),
    ("dix chiffres", "0600000001#"),
    ("code de paiement", "012345#"),
    ("pour accepter, tapez 1", "1"),
]


@dataclass
class Bank:
    """A voice line, its till and the emulated acquirer."""

    line: VoiceLine
    database: Database
    till: PaymentService
    cmi: EmulatedCmi

    async def payment(self) -> Payment:
        """The only one."""
        row = await self.database.one("SELECT id FROM payments")
        assert row is not None
        payment = await self.till.payment(row["id"])
        assert payment is not None
        return payment

    async def pays(self, msisdn: str, card: str, *more: tuple[str, str]) -> list[str | None]:
        """A whole call from the first word; the screens."""
        taking_card = [
            ("numéro de votre carte", f"{card}#"),
            (f"finissant par {' '.join(card[-4:])}", f"12{(SystemClock().now().year + 3) % 100:02d}#"),
            ("continuer", "1"),
            ("au dos de la carte", "000#"),
        ]
        async with self.line.phone(msisdn, pace=CALM) as phone:
            call = await phone.dial()
            heard = await follow(call, [*OPENING, *taking_card, *more])
        return [turn.screen for turn in heard]


@pytest.fixture
async def bank(database_url: str, redis_url: str, speaker: IvrSpeaker) -> AsyncIterator[Bank]:
    clock = SystemClock()
    async with emulated_cmi() as cmi, make_pool(database_url) as pool:
        database = Database(pool)
        await database.do(LINES)
        await database.do(INVOICES)
        acquirer = CmiAcquirer(cmi.account, timeout_s=ACQUIRER_TIMEOUT_S)
        till = PaymentService(
            Ports(books_on(database), EmbeddedBilling(database, clock), only(acquirer), MemoryLimits(), clock)
        )
        async with voice_line(till, redis_url, speaker, clock) as line:
            yield Bank(line, database, till, cmi)
        await till.drain(5)
        await acquirer.aclose()


async def test_a_bill_is_paid_by_voice_alone(bank: Bank) -> None:
    screens = await bank.pays("+212600000009", "4000000000000010")
    assert screens[-5:] == ["CardNumber", "CardExpiry", "ConfirmTotal", "CardCvv", "Paid"]
    payment = await bank.payment()
    assert (payment.state, payment.card_last4) == (PaymentState.CAPTURED, "0010")
    assert bank.cmi.captured_centimes(payment.id) == 76920


async def test_the_banks_pin_is_asked_and_asked_again(bank: Bank) -> None:
    pins = (("code à usage unique", "999#"), ("n'a pas accepté ce code", "123#"))
    screens = await bank.pays("+212600000009", "5191630100004896", *pins)
    assert screens[-3:] == ["BankPin", "BankPin", "Paid"]
    assert bank.cmi.captured_centimes((await bank.payment()).id) == 76920


async def test_a_bank_that_charges_and_never_answers_is_not_paid_twice(bank: Bank) -> None:
    screens = await bank.pays("+212600000009", "4000009900009203")
    assert screens[-2:] == ["CardCvv", "Unknown"]
    payment = await bank.payment()
    assert payment.state is PaymentState.UNKNOWN
    assert (await bank.till.inquire(payment.id)).state is PaymentState.CAPTURED
    assert bank.cmi.captured_centimes(payment.id) == 76920


async def test_a_refused_card_charges_nothing(bank: Bank) -> None:
    screens = await bank.pays("+212600000009", "4000009900005102", ("rien n'a été débité", "2"))
    assert screens[-2:] == ["Declined", "Goodbye"]
    assert bank.cmi.captured_centimes((await bank.payment()).id) == 0


async def test_a_hidden_number_pays(bank: Bank) -> None:
    screens = await bank.pays("anonymous", "4000000000000010")
    assert screens[-1] == "Paid"
    payment = await bank.payment()
    assert payment.payer_msisdn.startswith("anonymous:CA")
    assert bank.cmi.captured_centimes(payment.id) == 76920
