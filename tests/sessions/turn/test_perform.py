"""Effects performed: what is counted before a card is sent, what a wallet is asked, and whom a call rings back."""

import asyncio
from dataclasses import dataclass, field, replace

import pytest

from core.cards import Card, Secret
from core.languages import LanguageCode
from core.payments.service import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import CardTold, DeclineKind, LimitsDown
from core.repositories import DatabaseUnavailable
from core.wallets.attempts import AttemptState, WalletRecord
from core.wallets.port import WalletAttempt
from core.wallets.service import WalletPayments
from lab.clocks import StillClock
from sessions.store.protocol import Key
from sessions.turn.effects import (
    AnswerChallenge,
    Authorise,
    NotRung,
    Recall,
    Recalled,
    RingBack,
    Rung,
    Start,
    StartWallet,
    WalletRefused,
    WalletSeen,
    WalletStarted,
)
from sessions.turn.perform import COUNT_WAIT_S, DialogKey, EffectPerformer
from sessions.turn.refusals import KeptRefusals
from sessions.vault import Seals
from tests.sessions.cards import CARD, CVV
from tests.sessions.fakes import CALLER, MASTER_KEYS
from tests.sessions.samples import LINE, UNTIL, USSD, visit
from tests.support.till import DECLINED_CARD, NOW, PIN_CARD, RIGHT_PIN, SILENT_CARD, FakeTill

HERE = visit(USSD)
PLACE = DialogKey(Key(CALLER, "ussd", "d1"), 1, {})
PAYS = Card(Secret(CARD), 12, 2028)
REFERENCE = "7d1f6c1e-7b1c-4b0e-9a51-2f6c0d9c4a10"


@dataclass
class Counted:
    """Both counts of cards: says no, or is away, as the test wants; remembers what it heard."""

    allows_intent: bool = True
    allows_card: bool = True
    down: bool = False
    heard: list[str] = field(default_factory=list)
    ends: list[CardTold] = field(default_factory=list)


@dataclass
class Intents:
    """As IntentLimits."""

    counted: Counted

    async def allow(self, payment: Payment) -> bool:
        if self.counted.down:
            raise LimitsDown
        self.counted.heard.append(f"intent {payment.id}")
        return self.counted.allows_intent


@dataclass
class Cards:
    """As CardLimits."""

    counted: Counted

    async def allow(self, call: str, caller: str, card: Card) -> bool:
        self.counted.heard.append(f"card of {call}")
        return self.counted.allows_card

    async def sending(self, payment_id: str, call: str, caller: str, card: Card) -> None:
        self.counted.heard.append(f"sending {payment_id}")

    async def told(self, payment_id: str, what: CardTold) -> None:
        self.counted.ends.append(what)


class Wallets(WalletPayments):
    """Wallets without a database: one attempt at most, and a refusal where the test wants one."""

    def __init__(self, till: FakeTill) -> None:
        self.till = till
        self.refuses: Refusal | None = None
        self.record: WalletRecord | None = None
        self.asked: list[tuple[str, str]] = []

    async def start(
        self,
        payment_id: str,
        provider: str,
        payer_msisdn: str,
        *,
        in_call: bool = False,
        known: Payment | None = None,
    ) -> Payment | Refusal:
        self.asked.append((provider, payer_msisdn))
        if self.refuses is not None:
            return self.refuses
        sent = replace(self.till.memory.payments[payment_id], state=PaymentState.SENDING, wallet=provider)
        return self.till.put(replace(sent, wallet_payer=payer_msisdn, attempts=1))

    async def open_attempt(self, payment: Payment) -> WalletRecord | None:
        return self.record

    def name_of(self, provider: str) -> str:
        return provider.title()


@pytest.fixture
def till() -> FakeTill:
    return FakeTill(StillClock(NOW))


def performer(till: FakeTill, counted: Counted | None = None, wallets: Wallets | None = None) -> EffectPerformer:
    limits = (Cards(counted), Intents(counted)) if counted else (None, None)
    return EffectPerformer(till, Seals(MASTER_KEYS), limits[0], KeptRefusals(), limits[1], wallets)


async def basket(on: EffectPerformer, till: FakeTill) -> Payment:
    payment = (await on.perform(Start(LINE, till.memory.bills[LINE.reference]), HERE, PLACE)).result
    assert isinstance(payment, Payment)
    return payment


# --- cards -----------------------------------------------------------------------------------------------------------


async def charge(on: EffectPerformer, payment: Payment, card: Card = PAYS) -> Payment | Refusal:
    return await on.charge(payment.id, card, Secret(CVV), call="c1", caller=CALLER, wait_s=0)


@pytest.mark.parametrize(
    ("counted", "why", "heard"),
    [
        (Counted(allows_intent=False), Refusal.LOCKED, ["intent p1"]),
        (Counted(allows_card=False), Refusal.CARD_LOCKED, ["intent p1", "card of c1"]),
    ],
    ids=["intent", "card"],
)
async def test_a_card_too_many_is_not_sent_and_lets_the_basket_go(
    till: FakeTill, counted: Counted, why: Refusal, heard: list[str]
) -> None:
    on = performer(till, counted)
    payment = await basket(on, till)
    assert await charge(on, payment) is why
    assert (till.memory.sent, counted.heard, counted.ends) == ([], heard, [])
    assert till.only_payment().state is PaymentState.EXPIRED


async def test_what_cannot_be_counted_is_not_sent_and_the_basket_waits(till: FakeTill) -> None:
    on = performer(till, Counted(down=True))
    payment = await basket(on, till)
    assert await charge(on, payment) is Refusal.BANK_DOWN
    assert (till.memory.sent, till.only_payment().state) == ([], PaymentState.CREATED)


@pytest.mark.parametrize(("pan", "told"), [(CARD, CardTold.NOTHING), (DECLINED_CARD, CardTold.DECLINED)])
async def test_only_what_the_bank_says_of_the_card_is_held_against_it(till: FakeTill, pan: str, told: CardTold) -> None:
    counted = Counted()
    on = performer(till, counted)
    await charge(on, await basket(on, till), Card(Secret(pan), 12, 2028))
    assert counted.heard == ["intent p1", "card of c1", "sending p1"]
    assert (len(till.memory.sent), counted.ends) == (1, [told])


async def test_a_basket_that_nobody_knows_is_no_try_of_a_card(till: FakeTill) -> None:
    """What the till refuses anyway is not counted as an intent."""
    counted = Counted(allows_intent=False)
    till.memory.refusals["authorise"] = Refusal.EXPIRED
    came = await performer(till, counted).charge("p9", PAYS, Secret(CVV), call="c1", caller=CALLER, wait_s=0)
    assert came is Refusal.EXPIRED
    assert "intent p9" not in counted.heard


async def test_without_its_card_a_charge_is_not_launched(till: FakeTill) -> None:
    on = performer(till)
    payment = await basket(on, till)
    effect = Authorise(payment.id, Secret(CVV))
    await on.launch(effect, None, PLACE)
    assert till.calls["authorise"] == 0
    await on.launch(effect, PAYS, PLACE)
    assert [sent.pan for sent in till.memory.sent] == [CARD]


class Slow(FakeTill):
    """A till whose bank answers long after the call has moved on: what it says then, or why nobody hears it."""

    def __init__(self) -> None:
        super().__init__(StillClock(NOW))
        self.answers = asyncio.Event()
        self.ends: PaymentState | Exception = PaymentState.CAPTURED
        self.waited_s: list[float] = []

    async def settle(self, payment_id: str, wait_s: float) -> Payment:
        self.waited_s.append(wait_s)
        await self.answers.wait()
        if isinstance(self.ends, Exception):
            raise self.ends
        return replace(self.become(payment_id, self.ends), decline_kind=DeclineKind.OTHER_CARD)


@pytest.mark.parametrize(
    ("ends", "told"),
    [
        (PaymentState.CAPTURED, [CardTold.NOTHING]),
        (PaymentState.DECLINED, [CardTold.DECLINED]),
        (PaymentState.UNKNOWN, [CardTold.UNDECIDED]),
        (PaymentState.SENDING, []),  # still: counted it stays
        (DatabaseUnavailable(), []),
    ],
    ids=str,
)
async def test_a_charge_under_way_is_waited_for_behind_the_call(
    ends: PaymentState | Exception, told: list[CardTold]
) -> None:
    till, counted = Slow(), Counted()
    till.ends = ends
    on = performer(till, counted)
    came = await charge(on, await basket(on, till), Card(Secret(SILENT_CARD), 12, 2028))
    assert isinstance(came, Payment)
    assert (came.state, counted.ends, len(on._counting)) == (PaymentState.SENDING, [], 1)
    till.answers.set()
    await asyncio.gather(*on._counting)
    assert (counted.ends, till.waited_s, on._counting) == (told, [COUNT_WAIT_S], set())


async def test_a_pin_s_end_is_counted_and_a_refused_one_is_told_to_the_call() -> None:
    till, counted = FakeTill(StillClock(NOW)), Counted()
    on = performer(till, counted)
    payment = await basket(on, till)
    await charge(on, payment, Card(Secret(PIN_CARD), 12, 2028))
    assert counted.ends == []  # the bank's question is open
    await on.launch(AnswerChallenge(payment.id, Secret(RIGHT_PIN)), None, PLACE)
    assert counted.ends == [CardTold.NOTHING]


# --- calling back ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("rings", [True, False])
async def test_a_call_back_that_cannot_be_made_is_said(till: FakeTill, rings: bool) -> None:
    on = performer(till)
    payment = await basket(on, till)
    till.rings = rings
    came = (await on.perform(RingBack(payment.id), HERE, PLACE)).result
    assert came == (Rung() if rings else NotRung(payment))
    order = Start(LINE, payment.invoices, ring_back=True)
    assert (await on.perform(order, HERE, PLACE)).result == (payment if rings else NotRung(payment))


async def test_a_basket_that_is_gone_is_not_told_of_where_no_call_can_be_made(till: FakeTill) -> None:
    till.rings = False
    assert (await performer(till).perform(RingBack("p9"), HERE, PLACE)).result == Rung()


# --- wallets ---------------------------------------------------------------------------------------------------------


async def test_a_wallet_that_waited_for_the_dialog_s_end_is_told_of_it(till: FakeTill) -> None:
    over: list[str] = []

    class Waiting(Wallets):
        async def dialog_over(self, payment_id: str) -> None:
            over.append(payment_id)
            if payment_id == "p2":
                raise DatabaseUnavailable

    for payment_id in ("p1", "p2"):
        await performer(till, wallets=Waiting(till)).dialog_over(payment_id)
        await performer(till).dialog_over(payment_id)
    assert over == ["p1", "p2"]


def asking(till: FakeTill, payer: str = CALLER) -> StartWallet:
    return StartWallet(LINE, till.memory.bills[LINE.reference], "neqdi", payer)


async def test_where_no_wallet_is_set_up_none_is_asked_and_no_basket_begins(till: FakeTill) -> None:
    came = (await performer(till).perform(asking(till), HERE, PLACE)).result
    assert came == WalletRefused(Refusal.BANK_DOWN)
    assert till.memory.payments == {}


async def test_a_basket_that_is_refused_asks_no_wallet(till: FakeTill) -> None:
    wallets = Wallets(till)
    till.memory.refusals["start"] = Refusal.BILLS_CHANGED
    assert (await performer(till, wallets=wallets).perform(asking(till), HERE, PLACE)).result is Refusal.BILLS_CHANGED
    assert wallets.asked == []


async def test_a_wallet_that_refuses_leaves_the_basket_for_another_way(till: FakeTill) -> None:
    wallets = Wallets(till)
    wallets.refuses = Refusal.LOCKED
    came = (await performer(till, wallets=wallets).perform(asking(till), HERE, PLACE)).result
    assert came == WalletRefused(Refusal.LOCKED)
    assert till.only_payment().state is PaymentState.CREATED


async def test_a_wallet_asks_the_number_that_was_said(till: FakeTill) -> None:
    wallets = Wallets(till)
    came = (await performer(till, wallets=wallets).perform(asking(till, "+212600000009"), HERE, PLACE)).result
    assert came == WalletStarted(till.only_payment(), "Neqdi")
    assert wallets.asked == [("neqdi", "+212600000009")]
    assert till.only_payment().payer_msisdn == CALLER


@pytest.mark.parametrize("until", [UNTIL, None], ids=["the wallet's own", "ours"])
async def test_who_dials_again_hears_of_the_wallet_while_it_asks(till: FakeTill, until: object) -> None:
    wallets = Wallets(till)
    on = performer(till, wallets=wallets)
    await on.perform(asking(till), HERE, PLACE)
    payment = till.only_payment()

    async def seen(by: EffectPerformer) -> WalletSeen | None:
        recalled = (await by.perform(Recall(), HERE, PLACE)).result
        assert isinstance(recalled, Recalled)
        assert recalled.open_payment == payment
        return recalled.wallet

    assert await seen(on) is None  # its attempt has ended: the payment is told as it stands
    attempt = WalletAttempt(
        REFERENCE, payment.id, "110001", "neqdi", CALLER, 76920, "MAD", LanguageCode.FR, NOW, expires_at=None
    )
    wallets.record = WalletRecord(attempt, 1, 1, AttemptState.ASKED, NOW)
    if until is UNTIL:
        wallets.record = replace(wallets.record, attempt=replace(attempt, expires_at=UNTIL))
    ends = UNTIL if until is UNTIL else wallets.record.window_ends_at
    assert await seen(on) == WalletSeen("Neqdi", CALLER, ends)
    assert await seen(performer(till)) is None  # a process without wallets
