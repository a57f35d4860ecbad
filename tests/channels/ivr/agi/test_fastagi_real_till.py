"""A call over FastAGI before the real till: PostgreSQL, the CMI client and the CMI emulator's cards."""

import re
from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from channels.ivr.synthesis.speech import CALLS, SpeechLengths
from core.acquirers.cmi import CmiAcquirer
from core.acquirers.registry import only
from core.billing.embedded import EmbeddedBilling
from core.clock import SystemClock
from core.database.pool import Database, make_pool
from core.database.repositories import books_on
from core.languages import LanguageCode
from core.messaging.texts import Texts
from core.payments.service import PaymentService, Ports
from core.payments.table import Payment, PaymentState
from lab.cmi.stand import EmulatedCmi, emulated_cmi
from tests.channels.ivr.agi.agi_line import AgiLine, agi_line
from tests.channels.ivr.agi.switch import HANG_UP, Step
from tests.support.billing import MemoryLimits
from tests.support.shop import INVOICES, LINES

FIGURE = re.compile(r"/(n-\d|paying-more)$")
GOOD, ASKS_PIN, REFUSED = "4000000000000010", "5191630100004896", "4000009900005102"
FRENCH: list[Step] = [
    ("continuer en français tapez un", "1"),
    ("payer un mobile tapez deux", "2"),
    ("dix chiffres", "0600000001#"),
    ("code de paiement", "012345#"),
    ("accepter tapez un", "1"),
]
ARABIC: list[Step] = [
    ("للمتابعة بالعربية اضغطوا اثنين", "2"),
    ("اضغطوا اثنين", "2"),
    ("رقم", "0600000001#"),
    ("رمز أداء", "012345#"),
    ("اضغطوا واحد", "1"),
]


def card(number: str, asked: tuple[str, str, str, str]) -> list[Step]:
    expiry = f"12{(SystemClock().now().year + 3) % 100:02d}#"
    return list(zip(asked, (f"{number}#", expiry, "1", "000#"), strict=True))


IN_FRENCH = ("numéro de votre carte", "finissant par", "continuer tapez un", "au dos de la carte")
IN_ARABIC = ("رقم بطاقتكم", "تنتهي ب", "للمتابعة اضغطوا واحد", "ظهر البطاقة")


@dataclass
class Bank:
    """A switch's line, its till and the emulated acquirer."""

    line: AgiLine
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


@pytest.fixture
async def bank(database_url: str, redis_url: str, texts: Texts) -> AsyncIterator[Bank]:
    clock = SystemClock()
    async with emulated_cmi() as cmi, make_pool(database_url) as pool:
        database = Database(pool)
        await database.do(LINES)
        await database.do(INVOICES)
        acquirer = CmiAcquirer(cmi.account, timeout_s=30.0)
        till = PaymentService(
            Ports(books_on(database), EmbeddedBilling(database, clock), only(acquirer), MemoryLimits(), clock)
        )
        async with agi_line(till, redis_url, texts, clock) as line:
            yield Bank(line, database, till, cmi)
        await till.drain(5)
        await acquirer.aclose()


@pytest.mark.parametrize(
    ("opening", "asked", "told"),
    [(FRENCH, IN_FRENCH, "Paiement accepté"), (ARABIC, IN_ARABIC, "تم الأداء")],
    ids=["fr", "ar"],
)
async def test_a_bill_is_paid(bank: Bank, opening: list[Step], asked: tuple[str, str, str, str], told: str) -> None:
    call = await bank.line.call([*opening, *card(GOOD, asked)], "+212600000009")
    assert told in call.said[-1]
    payment = await bank.payment()
    assert (payment.state, payment.card_last4) == (PaymentState.CAPTURED, "0010")
    assert bank.cmi.captured_centimes(payment.id) == 76920
    # the whole call is one request, in the payment's story too
    requests = await bank.database.all("SELECT DISTINCT request FROM payment_events")
    assert [len(row["request"]) for row in requests] == [12]


OWN_IN_FRENCH: list[Step] = [FRENCH[0], ("le mobile qui appelle tapez un", "1"), *FRENCH[3:]]
OWN_IN_ARABIC: list[Step] = [ARABIC[0], ("للهاتف المتصل اضغطوا واحد", "1"), *ARABIC[3:]]


@pytest.mark.parametrize(
    ("language", "opening", "asked"),
    [(LanguageCode.FR, OWN_IN_FRENCH, IN_FRENCH), (LanguageCode.AR, OWN_IN_ARABIC, IN_ARABIC)],
    ids=["fr", "ar"],
)
async def test_docs_speech_measures_the_call_that_is_played(
    bank: Bank, language: LanguageCode, opening: list[Step], asked: tuple[str, str, str, str], texts: Texts
) -> None:
    call = await bank.line.call([*opening, *card(GOOD, asked)], "+212600000001")
    speech = SpeechLengths(texts, lambda _: 0.0)
    told = [piece for step in CALLS["First payment wholly by voice"] for piece in speech.pieces(step, language)]
    played = [name for name in call.played if not FIGURE.search(name)]  # another authorisation, a slower bank
    assert played == [f"{p.language}/{p.name}" for p in told if not FIGURE.search(f"/{p.name}")]


async def test_the_banks_pin_is_asked_and_asked_again(bank: Bank) -> None:
    pins = [("code à usage unique", "999#"), ("n'a pas accepté ce code", "123#")]
    call = await bank.line.call([*FRENCH, *card(ASKS_PIN, IN_FRENCH), *pins], "+212600000009")
    assert "Paiement accepté" in call.said[-1]
    assert bank.cmi.captured_centimes((await bank.payment()).id) == 76920


async def test_a_refused_card_charges_nothing(bank: Bank) -> None:
    await bank.line.call([*FRENCH, *card(REFUSED, IN_FRENCH), ("rien n'a été débité", HANG_UP)], "+212600000009")
    assert bank.cmi.captured_centimes((await bank.payment()).id) == 0


async def test_a_hidden_number_pays(bank: Bank) -> None:
    await bank.line.call([*FRENCH, *card(GOOD, IN_FRENCH)], "")
    payment = await bank.payment()
    assert payment.payer_msisdn.startswith("anonymous:1763880000.")
    assert bank.cmi.captured_centimes(payment.id) == 76920
