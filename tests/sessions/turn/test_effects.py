"""Each effect of a screen: what the till is asked, what comes back, and what changes beside it."""

from dataclasses import replace

import msgspec
import pytest

from core.cards import Card, Secret
from core.languages import LanguageCode
from core.payments.consent import TERMS_VERSION
from core.payments.service import Refusal
from core.payments.table import Payment, PaymentState
from core.ports import Person
from core.subscribers.lines import ServiceType, SubscribedLine
from lab.clocks import StillClock
from sessions.screens.menu import ScreenContext, Taken
from sessions.store.protocol import Key
from sessions.turn.effects import (
    AcceptTerms,
    AnswerChallenge,
    Authorise,
    Bills,
    Cancel,
    CardGone,
    CardHeld,
    CardHint,
    Effect,
    FindBasket,
    HoldExpiry,
    HoldNumber,
    Identify,
    LineRef,
    ListBills,
    Look,
    LookAfter,
    NoBills,
    PaymentSeen,
    Recall,
    Recalled,
    Remember,
    Remembered,
    Start,
    TermsAccepted,
)
from sessions.turn.perform import DialogKey, EffectPerformer, EffectResult, RecordUncertain
from sessions.turn.refusals import KeptRefusals
from sessions.vault import EXPIRY, NUMBER, Seals
from tests.sessions.fakes import CALLER, MASTER_KEYS
from tests.sessions.samples import LINE, USSD, VOICE, visit
from tests.support.till import NOW, PIN_CARD, REFERENCE, RIGHT_PIN, FakeTill

PLACE = DialogKey(Key(CALLER, "ivr", "c1"), 7, {})
PROVEN, SAID = visit(USSD), visit(VOICE)
OURS = (ServiceType.MOBILE, "0600000001")


class Till(FakeTill):
    """Keeps with what it was asked."""

    def __init__(self) -> None:
        super().__init__(StillClock(NOW))
        self.asked: list[tuple[object, ...]] = []

    async def accept_terms(
        self,
        msisdn: str,
        version: str,
        language: LanguageCode,
        channel: str,
        line: tuple[ServiceType, str] | None = None,
    ) -> None:
        self.asked.append((msisdn, version, language, channel, line))
        await super().accept_terms(msisdn, version, language, channel, line)

    async def identify(
        self, channel: str, caller_msisdn: str, service: ServiceType, reference: str, code: str
    ) -> SubscribedLine | Refusal:
        self.asked.append((channel, caller_msisdn, service, reference, code))
        return await super().identify(channel, caller_msisdn, service, reference, code)

    async def quoted(self, channel: str, caller_msisdn: str, reference: str, proof: str) -> Payment | Refusal:
        self.asked.append((channel, caller_msisdn, reference, proof))
        return await super().quoted(channel, caller_msisdn, reference, proof)

    async def answer_challenge(self, payment_id: str, pin: Secret, *, wait_s: float) -> Payment | Refusal:
        self.asked.append((payment_id, wait_s))
        if "answer_challenge" in self.memory.refusals:
            return self.memory.refusals["answer_challenge"]
        return await super().answer_challenge(payment_id, pin, wait_s=wait_s)

    async def authorise(
        self, payment_id: str, card: Card, cvv: Secret, *, wait_s: float, known: Payment | None = None
    ) -> Payment | Refusal:
        self.asked.append((payment_id, wait_s))
        return await super().authorise(payment_id, card, cvv, wait_s=wait_s, known=known)


@pytest.fixture
def till() -> Till:
    return Till()


@pytest.fixture
def refusals() -> KeptRefusals:
    return KeptRefusals()


@pytest.fixture
def on(till: Till, refusals: KeptRefusals) -> EffectPerformer:
    return EffectPerformer(till, Seals(MASTER_KEYS), refusals=refusals)


async def came(on: EffectPerformer, effect: Effect, here: ScreenContext = PROVEN) -> EffectResult:
    return await on.perform(effect, here, PLACE)


def person(till: Till) -> Person:
    """As the till has the caller now."""
    memory = till.memory
    return Person(CALLER, memory.languages.get(CALLER), memory.consents.get(CALLER), memory.lines[CALLER])


def test_an_effect_asks_for_no_more_than_is_said() -> None:
    bare = LineRef(ServiceType.MOBILE, "0600000001")
    assert (bare.email, bare.typed, bare.others) == (None, False, False)
    assert (Remember(LanguageCode.FR).recall, ListBills(bare).changed, Start(bare, ()).ring_back) == (False,) * 3
    assert not Bills(bare, EffectPerformer(FakeTill(StillClock(NOW)), Seals(MASTER_KEYS)).shelf.keep(())).changed


# --- who is there ----------------------------------------------------------------------------------------------------


async def test_who_dials_first_is_known_by_number_alone(till: Till, on: EffectPerformer) -> None:
    for here in (PROVEN, SAID):
        assert await came(on, Recall(), here) == EffectResult(Recalled(person(till)), None, terms=False)


@pytest.mark.parametrize(("version", "counts"), [("2026-11", True), ("2025-01", False)])
async def test_terms_count_in_the_version_of_today_where_the_number_is_proven(
    till: Till, on: EffectPerformer, version: str, *, counts: bool
) -> None:
    till.memory.consents[CALLER] = version
    till.memory.languages[CALLER] = LanguageCode.AR
    told = {here.can.channel: await came(on, Recall(), here) for here in (PROVEN, SAID)}
    assert told["ussd"] == EffectResult(Recalled(person(till)), LanguageCode.AR, terms=counts)
    assert told["ivr"] == EffectResult(Recalled(person(till)), LanguageCode.AR, terms=False)


async def test_an_open_payment_is_told_where_the_number_is_proven_and_tells_its_language_anyway(
    till: Till, on: EffectPerformer
) -> None:
    waiting = till.basket(language=LanguageCode.EN)
    assert await came(on, Recall()) == EffectResult(Recalled(person(till), waiting), LanguageCode.EN, terms=False)
    assert (await came(on, Recall(), SAID)).language is LanguageCode.EN
    till.memory.languages[CALLER] = LanguageCode.AR
    asked = till.calls["open_payment"]
    assert await came(on, Recall(), SAID) == EffectResult(Recalled(person(till)), LanguageCode.AR, terms=False)
    assert till.calls["open_payment"] == asked, "who is only said to call hears of no payment"
    assert (await came(on, Recall())).language is LanguageCode.AR


async def test_a_language_is_kept_and_answered_with_what_it_was_asked_for(till: Till, on: EffectPerformer) -> None:
    chosen = Remember(LanguageCode.EN)
    assert await came(on, chosen) == EffectResult(Remembered(), LanguageCode.EN)
    assert till.memory.languages == {CALLER: LanguageCode.EN}
    till.memory.consents[CALLER] = TERMS_VERSION
    again = Remember(LanguageCode.AR, recall=True)
    assert await came(on, again) == EffectResult(Recalled(person(till)), LanguageCode.AR, terms=True)
    assert await came(on, again, SAID) == EffectResult(Recalled(person(till)), LanguageCode.AR, terms=None)


async def test_consent_is_recorded_before_a_line_is_shown(till: Till, on: EffectPerformer) -> None:
    assert await came(on, AcceptTerms(*OURS)) == EffectResult(TermsAccepted(), terms=True)
    assert till.asked == [(CALLER, TERMS_VERSION, LanguageCode.FR, "ussd", OURS)]


@pytest.mark.parametrize(
    ("here", "by"), [(PROVEN, CALLER), (msgspec.structs.replace(PROVEN, asks_from="203.0.113.7"), "203.0.113.7")]
)
async def test_wrong_codes_are_counted_by_the_browser_s_address_or_the_number(
    till: Till, on: EffectPerformer, here: ScreenContext, by: str
) -> None:
    assert (await came(on, Identify(*OURS, "000000"), here)).result is Refusal.WRONG_CODE
    assert till.asked == [("ussd", by, *OURS, "000000")]
    assert isinstance((await came(on, Identify(*OURS, "482913"), here)).result, SubscribedLine)


# --- bills and baskets -----------------------------------------------------------------------------------------------


async def test_bills_are_listed_or_why_there_are_none(till: Till, on: EffectPerformer) -> None:
    for changed in (False, True):
        listed = (await came(on, ListBills(LINE, changed))).result
        assert listed == Bills(LINE, on.shelf.keep(till.memory.bills[LINE.reference]), changed)
    nothing = replace(LINE, reference="0600000004")
    assert (await came(on, ListBills(nothing))).result == NoBills(nothing, Refusal.NOTHING_TO_PAY)


async def test_a_basket_begins_without_a_call_unless_one_is_asked_for(till: Till, on: EffectPerformer) -> None:
    order = Start(LINE, till.memory.bills[LINE.reference])
    assert (await came(on, order)).result == till.only_payment()
    assert till.calls["request_call"] == 0
    assert till.memory.by_key == {"ivr:c1:7": "p1"}, "named by its place: a copy finds it"
    till.memory.refusals["start"] = Refusal.IN_PROGRESS
    assert (await came(on, replace(order, ring_back=True))).result is Refusal.IN_PROGRESS
    assert till.calls["request_call"] == 0


@pytest.mark.parametrize("here", [PROVEN, SAID], ids=["proven", "said"])
async def test_a_basket_that_is_given_up_leaves_the_caller_as_before(
    till: Till, on: EffectPerformer, here: ScreenContext
) -> None:
    payment = till.basket()
    till.memory.consents[CALLER] = TERMS_VERSION
    terms = True if here is PROVEN else None
    assert await came(on, Cancel(payment.id), here) == EffectResult(Recalled(person(till)), None, terms)
    assert till.only_payment().state is PaymentState.EXPIRED


async def test_a_basket_is_found_by_its_reference_and_speaks_its_own_language(till: Till, on: EffectPerformer) -> None:
    payment = till.basket(language=LanguageCode.AR)
    assert await came(on, FindBasket(REFERENCE, "0600000001"), SAID) == EffectResult(payment, LanguageCode.AR)
    assert await came(on, FindBasket(REFERENCE, "0600000009"), SAID) == EffectResult(Refusal.WRONG_CODE)
    assert till.asked == [("ivr", CALLER, REFERENCE, proof) for proof in ("0600000001", "0600000009")]


UNSENT = {PaymentState.CREATED, PaymentState.DECLINED, PaymentState.CHALLENGE, PaymentState.EXPIRED}


@pytest.mark.parametrize("state", PaymentState)
async def test_why_nothing_was_sent_is_heard_of_a_payment_that_was_not_sent(
    till: Till, on: EffectPerformer, refusals: KeptRefusals, state: PaymentState
) -> None:
    payment = till.put(replace(till.basket(language=LanguageCode.EN), state=state, attempts=2))
    assert await came(on, Look(payment.id)) == EffectResult(payment, LanguageCode.EN)
    await refusals.tell("c1", payment.id, Refusal.LOCKED, 2)
    heard = Refusal.LOCKED if state in UNSENT else payment
    seen = await came(on, Look(payment.id))
    assert seen == EffectResult(heard, None if heard is Refusal.LOCKED else LanguageCode.EN)
    assert await came(on, LookAfter(payment.id, Taken.DONE)) == EffectResult(PaymentSeen(heard, Taken.DONE))


async def test_a_payment_that_nobody_knows_is_none(on: EffectPerformer) -> None:
    assert await came(on, Look("p9")) == EffectResult(None)
    assert await came(on, LookAfter("p9", Taken.DONE)) == EffectResult(PaymentSeen(None, Taken.DONE))


# --- the card --------------------------------------------------------------------------------------------------------

CARD = Secret("5453010000066100")


async def test_a_card_is_sealed_field_by_field_and_its_number_first(on: EffectPerformer) -> None:
    number = await came(on, HoldNumber(CARD))
    assert number.result == CardHint("mastercard", "6100")
    assert set(number.seal) == {NUMBER}
    assert await came(on, HoldExpiry(Secret("1228"))) == EffectResult(CardGone())
    place = DialogKey(PLACE.key, 8, number.seal)
    expiry = await on.perform(HoldExpiry(Secret("1228")), SAID, place)
    assert (expiry.result, set(expiry.seal)) == (CardHeld(), {EXPIRY})
    held = on.card_for(Authorise("p1", Secret("987")), DialogKey(PLACE.key, 9, {**number.seal, **expiry.seal}))
    assert isinstance(held, Card)
    assert (held.pan.reveal(), held.expiry_month, held.expiry_year) == (CARD.reveal(), 12, 2028)
    assert on.card_for(Authorise("p1", Secret("987")), place) == CardGone()
    assert on.card_for(AnswerChallenge("p1", Secret(RIGHT_PIN)), place) is None


async def test_on_a_guessed_record_nothing_is_done(till: Till, on: EffectPerformer) -> None:
    guessed = DialogKey(PLACE.key, 7, {}, guessed=True)
    with pytest.raises(RecordUncertain):
        await on.perform(Recall(), PROVEN, guessed)
    with pytest.raises(RecordUncertain):
        on.card_for(Authorise("p1", Secret("987")), guessed)
    assert not till.calls


async def test_what_is_launched_waits_for_no_bank(till: Till, on: EffectPerformer, refusals: KeptRefusals) -> None:
    payment = till.basket()
    await on.launch(Authorise(payment.id, Secret("987")), Card(Secret(PIN_CARD), 12, 2028), PLACE)
    assert till.only_payment().state is PaymentState.CHALLENGE
    await on.launch(AnswerChallenge(payment.id, Secret(RIGHT_PIN)), None, PLACE)
    assert till.only_payment().state is PaymentState.CAPTURED
    assert till.asked == [(payment.id, 0), (payment.id, 0)]
    assert await refusals.heard("c1", payment.id, 2) is None


async def test_a_refused_charge_is_told_to_the_call_by_the_attempts_there_were(
    till: Till, on: EffectPerformer, refusals: KeptRefusals
) -> None:
    payment = till.put(replace(till.basket(), attempts=3))
    till.memory.refusals["authorise"] = Refusal.EXPIRED
    card = Card(CARD, 12, 2028)
    for payment_id, attempts in ((payment.id, 3), ("p9", 0)):
        await on.launch(Authorise(payment_id, Secret("987")), card, PLACE)
        assert await refusals.heard("c1", payment_id, attempts) is Refusal.EXPIRED
    assert await refusals.heard("c2", payment.id, 3) is None
    till.memory.refusals["answer_challenge"] = Refusal.LOCKED
    await on.launch(AnswerChallenge(payment.id, Secret(RIGHT_PIN)), None, PLACE)
    assert await refusals.heard("c1", payment.id, 3) is Refusal.LOCKED
