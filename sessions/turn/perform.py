"""Effects performed: the one place of the conversation that calls the payment service."""

import asyncio
from collections.abc import Mapping
from contextlib import suppress

import msgspec

from core.cards import Card, Secret
from core.languages import LanguageCode
from core.payments.consent import TERMS_VERSION
from core.payments.service import PaymentService, Refusal, StartOrder
from core.payments.table import Payment, PaymentState
from core.ports import CardLimits, CardTold, DeclineKind, IntentLimits, LimitsDown
from core.repositories import DatabaseUnavailable
from core.wallets.service import WalletPayments
from sessions.bill_cache import BillCache
from sessions.screens.choosing import PickInvoices
from sessions.screens.menu import Done, ScreenContext
from sessions.store.protocol import Key
from sessions.turn.effects import (
    AcceptTerms,
    AnswerChallenge,
    AskWallet,
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
    Launch,
    ListBills,
    Look,
    LookAfter,
    NoBills,
    NotRung,
    PaymentSeen,
    Recall,
    Recalled,
    Remember,
    Remembered,
    RingBack,
    Rung,
    Start,
    StartWallet,
    TermsAccepted,
    WalletRefused,
    WalletSeen,
    WalletStarted,
)
from sessions.turn.refusals import KeptRefusals, Refusals
from sessions.vault import EXPIRY, NUMBER, Seals


class EffectResult(msgspec.Struct, frozen=True):
    """Brings what an effect came to: a result for the screen, and what changes beside it."""

    result: object
    language: LanguageCode | None = None
    terms: bool | None = None
    seal: Mapping[str, bytes] = {}


class RecordUncertain(Exception):
    """Nothing was done: the record under the effect was guessed, and must be loaded first."""


class DialogKey(msgspec.Struct, frozen=True):
    """The place in a dialog where an effect happens: its idempotency key. On a guessed one none may."""

    key: Key
    version: int
    sealed: Mapping[str, bytes]
    guessed: bool = False

    def be_certain(self) -> None:
        """Checks that the record was loaded and not guessed. Raises RecordUncertain."""
        if self.guessed:
            raise RecordUncertain

    @property
    def once(self) -> str:
        return f"{self.key.channel}:{self.key.dialog}:{self.version}"


COUNT_WAIT_S = 180.0  # for a charge that was sent; longer than any acquirer is waited for
_ABOUT_THE_CARD = frozenset({DeclineKind.OTHER_CARD, DeclineKind.LIMIT, DeclineKind.NEUTRAL, DeclineKind.PIN})
_UNSENT = frozenset(
    {PaymentState.CREATED, PaymentState.DECLINED, PaymentState.CHALLENGE, PaymentState.EXPIRED}
)  # where a refusal may be why


def card_told(outcome: Payment | Refusal) -> CardTold | None:
    """Returns what an end says about the card that was sent; None while the bank's question is open."""
    if isinstance(outcome, Refusal):
        return CardTold.NOTHING
    match outcome.state:
        case PaymentState.CHALLENGE | PaymentState.SENDING:
            return None
        case PaymentState.UNKNOWN:
            return CardTold.UNDECIDED
        case PaymentState.DECLINED if outcome.decline_kind in _ABOUT_THE_CARD:
            return CardTold.DECLINED
    return CardTold.NOTHING


class EffectPerformer:
    """Effects to use cases, results to values. Exceptions of the till pass through."""

    def __init__(
        self,
        till: PaymentService,
        seals: Seals,
        cards: CardLimits | None = None,
        refusals: Refusals | None = None,
        intents: IntentLimits | None = None,
        wallets: WalletPayments | None = None,
    ) -> None:
        """`cards` and `intents` count the cards that are sent, without them none; without `refusals` this process alone
        hears them."""
        self._till = till
        self.seals = seals
        self._cards = cards
        self._refusals = refusals or KeptRefusals()
        self._counting: set[asyncio.Task[None]] = set()
        self._intents = intents
        self._wallets = wallets
        self.shelf = BillCache()

    async def perform(self, effect: Effect, visit: ScreenContext, place: DialogKey) -> EffectResult:
        """Performs an effect. Raises RecordUncertain, and what the payment service raises."""
        place.be_certain()
        till, msisdn = self._till, visit.msisdn
        match effect:
            case Recall():
                remembered = await self._recall(msisdn, proven=visit.can.caller_proven)
                # who is only said to call has accepted nothing yet, whatever the number's owner did
                return remembered if visit.can.caller_proven else msgspec.structs.replace(remembered, terms=False)
            case Remember():
                return await self._remember(effect, visit)
            case AcceptTerms(service, reference):
                line = (service, reference)
                await till.accept_terms(msisdn, TERMS_VERSION, visit.language, visit.can.channel, line)
                return EffectResult(TermsAccepted(), terms=True)
            case Identify(service, reference, code):
                caller = visit.asks_from or msisdn
                return EffectResult(await till.identify(visit.can.channel, caller, service, reference, code))
            case ListBills(line, changed):
                unpaid = await till.unpaid(line.service, line.reference)
                return EffectResult(
                    NoBills(line, unpaid)
                    if isinstance(unpaid, Refusal)
                    else Bills(line, self.shelf.keep(unpaid), changed)
                )
            case Start() | StartWallet():
                return EffectResult(await self._begin(effect, visit, place))
            case AskWallet(payment_id, provider):
                return EffectResult(await self._ask_wallet(payment_id, provider, visit))
            case RingBack(payment_id):
                if await till.request_call(payment_id):
                    return EffectResult(Rung())
                payment = await till.payment(payment_id)
                return EffectResult(Rung() if payment is None else NotRung(payment))
            case Cancel(payment_id):
                await till.cancel(payment_id)
                remembered = await self._recall(msisdn, proven=visit.can.caller_proven)
                return remembered if visit.can.caller_proven else msgspec.structs.replace(remembered, terms=None)
            case FindBasket(reference, proof):
                quoted = await till.quoted(visit.can.channel, msisdn, reference, proof)
                return EffectResult(quoted) if isinstance(quoted, Refusal) else self._shown(quoted)
            case Look(payment_id):
                looked = await self._look(payment_id, place)
                return EffectResult(looked) if isinstance(looked, Refusal) else self._shown(looked)
            case LookAfter(payment_id, how):
                return EffectResult(PaymentSeen(await self._look(payment_id, place), how))
        return self._hold(effect, place)

    async def dialog_over(self, payment_id: str) -> None:
        """The dialog that started a wallet has ended: the telephone can take its prompt."""
        if self._wallets is None:
            return
        with suppress(DatabaseUnavailable):  # it leaves by itself a little later
            await self._wallets.dialog_over(payment_id)

    async def fetch(self, pick: PickInvoices, visit: ScreenContext, place: DialogKey) -> Done | None:
        """Has a long list at hand; returns what billing says instead when it is another one by now."""
        performed = await self.perform(ListBills(pick.line, changed=True), visit, place)
        same = isinstance(performed.result, Bills) and performed.result.unpaid == pick.unpaid
        return None if same else Done(performed.result)

    async def launch(self, effect: Launch, card: Card | None, place: DialogKey) -> None:
        """Send to the bank; called once the next screen is saved. What became of it is read by polling."""
        if isinstance(effect, AnswerChallenge):
            outcome = await self._till.answer_challenge(effect.payment_id, effect.pin, wait_s=0)
            await self._count(effect.payment_id, outcome)
            await self._told(place.key.dialog, effect.payment_id, outcome)
        elif card is not None:
            call, caller = place.key.dialog, place.key.msisdn
            await self.charge(effect.payment_id, card, effect.cvv, call=call, caller=caller, wait_s=0)

    async def charge(
        self, payment_id: str, card: Card, cvv: Secret, *, call: str, caller: str, wait_s: float
    ) -> Payment | Refusal:
        """Count the card, then charge it: as Till.authorise. CARD_LOCKED lets the basket go, BANK_DOWN where nothing
        can be counted."""
        try:
            # what the till refuses anyway is not counted here
            payment = await self._till.payment(payment_id) if self._intents is not None else None
            if payment is not None and self._intents is not None and not await self._intents.allow(payment):
                await self._till.cancel(payment_id)
                return await self._told(call, payment_id, Refusal.LOCKED)
            if self._cards is not None:
                if not await self._cards.allow(call, caller, card):
                    await self._till.cancel(payment_id)
                    return await self._told(call, payment_id, Refusal.CARD_LOCKED)
                await self._cards.sending(payment_id, call, caller, card)
        except LimitsDown:
            return await self._told(call, payment_id, Refusal.BANK_DOWN)
        outcome = await self._till.authorise(payment_id, card, cvv, wait_s=wait_s, known=payment)
        await self._count(payment_id, outcome)
        return await self._told(call, payment_id, outcome)

    async def _count(self, payment_id: str, outcome: Payment | Refusal) -> None:
        """Only what the bank says about a card is held against it; a charge under way is waited for behind."""
        if self._cards is None:
            return
        if isinstance(outcome, Payment) and outcome.state is PaymentState.SENDING:
            task = asyncio.create_task(self._count_later(payment_id), name=f"card of {payment_id}")
            self._counting.add(task)
            task.add_done_callback(self._counting.discard)
            return
        what = card_told(outcome)
        if what is None:
            return
        with suppress(LimitsDown):  # counted it stays, and its window ends
            await self._cards.told(payment_id, what)

    async def _count_later(self, payment_id: str) -> None:
        with suppress(Exception):  # the books are away: counted it stays
            settled = await self._till.settle(payment_id, COUNT_WAIT_S)
            if settled.state is not PaymentState.SENDING:
                await self._count(payment_id, settled)

    async def _told(self, call: str, payment_id: str, outcome: Payment | Refusal) -> Payment | Refusal:
        """A refusal stands in no payment's row: the call that polls is told by it why nothing moves."""
        if isinstance(outcome, Refusal):
            payment = await self._till.payment(payment_id)
            await self._refusals.tell(call, payment_id, outcome, payment.attempts if payment else 0)
        return outcome

    def card_for(self, effect: Launch, place: DialogKey) -> Card | CardGone | None:
        """The held card an effect needs: CardGone when the vault let it go, None when it needs none.

        Raises RecordUncertain.
        """
        place.be_certain()
        if not isinstance(effect, Authorise):
            return None
        return self.seals.card(place.key.dialog, place.sealed) or CardGone()

    def _hold(self, effect: HoldNumber | HoldExpiry, place: DialogKey) -> EffectResult:
        dialog = place.key.dialog
        if isinstance(effect, HoldNumber):
            hint = Card(effect.digits, 1, 2000)
            return EffectResult(
                CardHint(hint.brand, hint.last4), seal={NUMBER: self.seals.seal(dialog, NUMBER, effect.digits)}
            )
        if NUMBER not in place.sealed:
            return EffectResult(CardGone())
        return EffectResult(CardHeld(), seal={EXPIRY: self.seals.seal(dialog, EXPIRY, effect.digits)})

    async def _look(self, payment_id: str, place: DialogKey) -> Payment | Refusal | None:
        payment = await self._till.payment(payment_id)
        if payment is None or payment.state not in _UNSENT:
            return payment
        return await self._refusals.heard(place.key.dialog, payment_id, payment.attempts) or payment

    async def _remember(self, effect: Remember, visit: ScreenContext) -> EffectResult:
        """What this dialog was told when it began is not asked again."""
        await self._till.remember_language(visit.msisdn, effect.language)
        if not effect.recall:
            return EffectResult(Remembered(), effect.language)
        remembered = await self._recall(visit.msisdn, proven=visit.can.caller_proven)
        terms = remembered.terms if visit.can.caller_proven else None
        return msgspec.structs.replace(remembered, language=effect.language, terms=terms)

    async def _recall(self, msisdn: str, *, proven: bool) -> EffectResult:
        """Who is only said to call hears of no payment (Opening): one is looked for where it may tell the language."""
        if proven:
            person, payment = await asyncio.gather(self._till.person(msisdn), self._till.open_payment(msisdn))
        else:
            person = await self._till.person(msisdn)
            payment = None if person.language else await self._till.open_payment(msisdn)
        language = person.language or (payment.language if payment else None)
        seen = await self._wallet_seen(payment)
        return EffectResult(Recalled(person, payment, seen), language, person.terms_version == TERMS_VERSION)

    async def _wallet_seen(self, payment: Payment | None) -> WalletSeen | None:
        if payment is None or payment.wallet is None or self._wallets is None:
            return None
        record = await self._wallets.open_attempt(payment)
        if record is None:
            return None
        attempt, name = record.attempt, self._wallets.name_of(record.attempt.provider)
        return WalletSeen(name, attempt.payer_msisdn, attempt.expires_at or record.window_ends_at)

    async def _begin(
        self, effect: Start | StartWallet, visit: ScreenContext, place: DialogKey
    ) -> Payment | WalletStarted | WalletRefused | NotRung | Refusal:
        if isinstance(effect, StartWallet):
            return await self._start_wallet(effect, visit, place)
        return await self._start(effect, visit, place)

    async def _start_wallet(
        self, effect: StartWallet, visit: ScreenContext, place: DialogKey
    ) -> WalletStarted | WalletRefused | NotRung | Refusal:
        if self._wallets is None:
            return WalletRefused(Refusal.BANK_DOWN)
        payment = await self._start(Start(effect.line, effect.invoices), visit, place)
        if not isinstance(payment, Payment):
            return payment
        attempt = await self._wallets.start(payment.id, effect.provider, effect.payer_msisdn, known=payment)
        if isinstance(attempt, Refusal):
            return WalletRefused(attempt)
        return WalletStarted(attempt, self._wallets.name_of(effect.provider))

    async def _ask_wallet(
        self, payment_id: str, provider: str, visit: ScreenContext
    ) -> WalletStarted | WalletRefused | Payment:
        """Only on a call of ours, and only the wallet of the number that was rung."""
        payment = await self._till.payment(payment_id)
        if self._wallets is None or payment is None or not visit.placed or payment.payer_msisdn != visit.msisdn:
            return WalletRefused(Refusal.BANK_DOWN)
        came = await self._wallets.start(payment_id, provider, visit.msisdn, in_call=True, known=payment)
        if isinstance(came, Refusal):
            return WalletRefused(came)
        asked = came.state is PaymentState.SENDING and came.wallet == provider
        return WalletStarted(came, self._wallets.name_of(provider)) if asked else came

    async def _start(self, effect: Start, visit: ScreenContext, place: DialogKey) -> Payment | NotRung | Refusal:
        order = StartOrder(
            idempotency_key=place.once,
            channel=visit.can.channel,
            payer_msisdn=visit.msisdn,
            language=visit.language,
            email=effect.line.email,
            email_typed=effect.line.typed,
            service=effect.line.service,
            line_reference=effect.line.reference,
            invoices=effect.invoices,
        )
        started = await self._till.start(order)
        if effect.ring_back and isinstance(started, Payment):
            rings = await self._till.request_call(started.id, known=started)
            return started if rings else NotRung(started)
        return started

    @staticmethod
    def _shown(payment: Payment | None) -> EffectResult:
        return EffectResult(payment, payment.language if payment else None)
