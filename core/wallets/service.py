"""Being paid by a wallet: commit, let the dialog end, ask, look until its last word, land it once.

Rules of this file: the payment is `sending` and its attempt committed before anything leaves; a lost answer is unknown
and never asked again by itself; only the wallet's own word ends an attempt, a callback is a reason to ask; whatever the
wallet says is compared with what was asked (docs/protocols/wallets.md). No transaction is open while a wallet is asked.
"""

import asyncio
import logging
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from core.ids import Ids
from core.payments.refusal import Refusal
from core.payments.schedule import Times, later
from core.payments.service import PaymentService
from core.payments.table import Payment, PaymentEvent, PaymentState
from core.ports import Clock, UnknownOutcome
from core.repositories import Change, DatabaseUnavailable, MessageKind
from core.wallets.attempts import (
    ANSWERED_WITHIN_S,
    LEASE_S,
    LEAVE_AFTER_S,
    LEAVE_IN_CALL_S,
    LEAVE_WITHIN_S,
    MAY_LAND,
    OPEN,
    WINDOW_MAX_S,
    AttemptState,
    AttemptUpdate,
    NoWallets,
    WalletAttempts,
    WalletRecord,
    agrees,
    late_look,
    look_again,
    next_poll,
    offered,
)
from core.wallets.port import (
    Asked,
    Asking,
    NoSuchRequest,
    NotSent,
    Pending,
    Wallet,
    WalletAttempt,
    WalletDecline,
    WalletDeclineKind,
    WalletInquiry,
    WalletPaid,
)
from core.wallets.returns import WalletReturns

log = logging.getLogger(__name__)
security = logging.getLogger("khallas.security")

TOGETHER_MAX = 8  # wallets asked at once by one sweep
PROMPTS_MAX = 6  # an hour on one telephone, whoever asks: nobody's may be made to ring all day
PROMPTS_WITHIN = timedelta(hours=1)
NOT_SENT = "not_sent"  # the code of a decline that is certain: it is not looked at again
_SENDABLE = frozenset({PaymentState.CREATED, PaymentState.DECLINED})
_BEING_ASKED = frozenset({PaymentState.SENDING, PaymentState.UNKNOWN})


@dataclass(frozen=True, slots=True)
class WalletOffer:
    """A wallet that may be asked for an amount. `name` is what payers know it by."""

    provider: str
    name: str


class WalletPayments:
    """The use cases of wallets. Raises DatabaseUnavailable."""

    def __init__(
        self,
        till: PaymentService,
        attempts: WalletAttempts,
        wallets: Mapping[str, Wallet],
        clock: Clock,
        times: Times | None = None,
        ids: Ids | None = None,
        count: Callable[[str, str], None] = lambda provider, outcome: None,
    ) -> None:
        """`count` hears what became of each attempt: the metrics'."""
        self._till = till
        self._attempts = attempts
        self._wallets = dict(wallets)
        self._clock = clock
        self._times = times or Times()
        self._ids = ids or Ids()
        self._count = count
        self.returns = WalletReturns(attempts, self._wallets, clock, self._ids)

    # --- the customer's side ----------------------------------------------------------------------------------------

    @property
    def any(self) -> bool:
        """Returns whether a wallet is set up at all."""
        return bool(self._wallets)

    async def offers(self, payer_msisdn: str, amount_centimes: int, currency: str) -> tuple[WalletOffer, ...]:
        """Wallets that may hang on the number and can take the amount, the one last paid with first."""
        terms = {name: wallet.terms for name, wallet in self._wallets.items()}
        names = [
            name
            for name, wallet_terms in terms.items()
            if wallet_terms.serves(payer_msisdn) and wallet_terms.takes(amount_centimes, currency)
        ]
        preferred = await self._attempts.provider_of(payer_msisdn) if len(names) > 1 else None
        return tuple(WalletOffer(name, terms[name].name) for name in offered(names, preferred))

    async def aclose(self) -> None:
        """Close the wallets' connections."""
        for wallet in self._wallets.values():
            await wallet.aclose()

    def name_of(self, provider: str) -> str:
        """Returns the name that payers know a wallet by; its id where it is set up no more."""
        wallet = self._wallets.get(provider)
        return wallet.terms.name if wallet else provider

    async def start(
        self,
        payment_id: str,
        provider: str,
        payer_msisdn: str,
        *,
        in_call: bool = False,
        known: Payment | None = None,
    ) -> Payment | Refusal:
        """Commit the intent and its attempt; the request leaves a little later, by a job: of a call, which still has
        its last words to say, when `dialog_over` comes. A repeat gives the payment as it stands. Refusals as
        PaymentService.authorise, and so is `known`; LOCKED: this telephone was asked often enough. Raises
        NoSuchPayment, NoWallets.
        """
        wallet = self._wallets.get(provider)
        if wallet is None:
            raise NoWallets(provider)
        now = self._clock.now()

        async def commit(payment: Payment) -> Payment | Refusal:
            if not (
                wallet.terms.serves(payer_msisdn) and wallet.terms.takes(payment.amount_centimes, payment.currency)
            ):
                return Refusal.BANK_DOWN
            if await self._attempts.prompts(payer_msisdn, now - PROMPTS_WITHIN) >= PROMPTS_MAX:
                return Refusal.LOCKED
            send = Change(
                PaymentEvent.SEND, only=_SENDABLE, detail=provider, wallet=provider, wallet_payer=payer_msisdn
            )
            record = WalletRecord(
                WalletAttempt(
                    reference=self._ids.uuid(),
                    payment_id=payment.id,
                    payment_reference=payment.reference,
                    provider=provider,
                    payer_msisdn=payer_msisdn,
                    amount_centimes=payment.amount_centimes,
                    currency=payment.currency,
                    language=payment.language,
                    sent_at=now,
                ),
                n=0,
                payment_attempt=payment.attempts + 1,
                state=AttemptState.WAITING,
            )
            leaves_at = later(now, LEAVE_IN_CALL_S if in_call else LEAVE_AFTER_S)
            return await self._attempts.begin(record, send, now, leaves_at)

        return await self._till.send_otherwise(payment_id, commit, known=known)

    async def dialog_over(self, payment_id: str) -> None:
        """The dialog that started an attempt has ended: what waited for that leaves in a moment."""
        await self._attempts.leave(payment_id, later(self._clock.now(), LEAVE_AFTER_S))

    async def open_attempt(self, payment: Payment) -> WalletRecord | None:
        """The attempt whose last word a payment waits for."""
        if payment.wallet is None:
            return None
        return next((record for record in await self._attempts.of(payment.id) if record.state in OPEN), None)

    async def called_back(self, provider: str, reference: str, body: bytes) -> bool:
        """A wallet, or anybody, says that something became of an attempt: it is asked about now. False: of none."""
        wallet = self._wallets.get(provider)
        if wallet is None:
            return False
        try:
            handle = wallet.handle_of(body)
        except Exception as error:  # noqa: BLE001 - anybody may post anything here
            security.warning("wallet %s: a callback that cannot be read: %s", provider, type(error).__name__)
            handle = None
        return await self._attempts.learn(provider, reference, handle, self._clock.now())

    # --- the worker's side ------------------------------------------------------------------------------------------

    async def attend(self, reference: str) -> None:
        """Does what is due now, unless another worker does."""
        now = self._clock.now()
        record = await self._attempts.claim(reference, now, later(now, LEASE_S))
        if record is not None:
            await self.attend_claimed(record)

    async def attend_due(self, limit: int) -> int:
        """Implements core.payments.sweeps.DueElsewhere. One attempt's trouble does not stop the others."""
        now, gate = self._clock.now(), asyncio.Semaphore(TOGETHER_MAX)
        claimed = await self._attempts.claim_due(now, later(now, LEASE_S), limit)

        async def one(record: WalletRecord) -> None:
            async with gate:
                try:
                    await self.attend_claimed(record)
                except Exception:
                    log.exception("wallet attempt %s is left for later", record.attempt.reference)

        await asyncio.gather(*(one(record) for record in claimed))
        return len(claimed)

    async def attend_claimed(self, record: WalletRecord) -> None:
        """Does what is due of an attempt that this worker claimed."""
        if record.state is AttemptState.WAITING:
            await self._ask(record)
        elif record.state in MAY_LAND:
            await self._inquire(record)
        elif record.state is AttemptState.SURPLUS:
            await self.returns.give_back_surplus(record)
        else:
            await self._attempts.update(record, AttemptUpdate(record.state, None))

    async def _ask(self, record: WalletRecord) -> None:
        attempt, now = record.attempt, self._clock.now()
        wallet = self._wallets.get(attempt.provider)
        if wallet is None or now > later(attempt.sent_at, LEAVE_WITHIN_S):
            await self._declined(record, WalletDecline(NOT_SENT, WalletDeclineKind.BUSY))
            return
        if not await self._attempts.asking(record, now, later(now, ANSWERED_WITHIN_S)):
            return
        record = replace(record, state=AttemptState.ASKING, asked_at=now)
        answer: Asking
        try:
            answer = await wallet.ask(attempt)
        except Exception as error:
            log.exception("wallet %s: its code broke", attempt.provider)
            answer = UnknownOutcome(f"broken: {type(error).__name__}")
        await self._written_down(record, answer)

    async def _written_down(self, record: WalletRecord, answer: Asking) -> None:
        """An answer holds a handle that nobody tells twice: it outlives a moment without the database."""
        for pause_s in self._times.record_pauses_s:
            try:
                await self._answered(record, answer)
            except DatabaseUnavailable:
                await asyncio.sleep(pause_s)
            else:
                return
        await self._answered(record, answer)

    async def _answered(self, record: WalletRecord, answer: Asking) -> None:
        """What came of asking."""
        now = self._clock.now()
        match answer:
            case Asked(handle, expires_at):
                terms = self._wallets[record.attempt.provider].terms
                until = min(expires_at or later(now, terms.window_s), later(now, WINDOW_MAX_S))
                accepted_record = replace(record, attempt=replace(record.attempt, handle=handle, expires_at=until))
                update = AttemptUpdate(
                    AttemptState.ASKED, next_poll(accepted_record, now), handle=handle, expires_at=until, accepted=True
                )
                await self._attempts.update(record, update)
            case Pending():
                until = later(now, self._wallets[record.attempt.provider].terms.window_s)
                update = AttemptUpdate(AttemptState.ASKED, next_poll(record, now), expires_at=until, accepted=True)
                await self._attempts.update(record, update)
            case WalletPaid():
                await self._paid(record, answer)
            case WalletDecline():
                await self._declined(record, answer)
            case NotSent():
                log.warning("wallet %s: not sent: %s", record.attempt.provider, answer.why)
                await self._declined(record, WalletDecline(NOT_SENT, WalletDeclineKind.BUSY))
            case _:
                await self._lost(record, answer.why)

    async def _inquire(self, record: WalletRecord) -> None:
        wallet = self._wallets.get(record.attempt.provider)
        answer: WalletInquiry = UnknownOutcome("it is set up no more")
        try:
            answer = answer if wallet is None else await wallet.inquire(record.attempt)
        except Exception as error:
            log.exception("wallet %s: its code broke", record.attempt.provider)
            answer = UnknownOutcome(f"broken: {type(error).__name__}")
        match answer:
            case WalletPaid():
                await self._paid(record, answer)
            case WalletDecline() if record.state in OPEN:
                await self._declined(record, answer)
            case NoSuchRequest() if record.state in OPEN and not record.accepted and self._over(record):
                await self._absent(record)
            case _ if record.state in OPEN:
                await self._undecided(record, answer)
            case Pending() | UnknownOutcome():
                await self._attempts.update(record, AttemptUpdate(record.state, look_again(record, self._clock.now())))
            case _:
                now = self._clock.now()
                await self._attempts.update(record, AttemptUpdate(record.state, late_look(record, now)))

    def _over(self, record: WalletRecord) -> bool:
        return self._clock.now() >= record.window_ends_at

    async def _paid(self, record: WalletRecord, paid: WalletPaid) -> None:
        attempt, now = record.attempt, self._clock.now()
        why = agrees(attempt, paid)
        if why is not None:
            log.error("wallet %s: attempt %s is said to be paid, but %s", attempt.provider, attempt.reference, why)
            await self._doubted(record, why)
            return
        landed = await self._attempts.land(record, paid, now, self._ids.token())
        if landed is not None:
            self._count(attempt.provider, str(landed))
        if landed is AttemptState.SURPLUS:
            log.warning("payment %s: the wallet's money came beside another tender's: it goes back", attempt.payment_id)

    async def _doubted(self, record: WalletRecord, why: str) -> None:
        """A success that cannot be this attempt's is neither believed nor denied: people end it."""
        now = self._clock.now()
        if record.state in OPEN:
            update = AttemptUpdate(AttemptState.UNKNOWN, next_poll(record, now))
            await self._attempts.end(record, update, self._losing(record, why), now)
        else:
            await self._attempts.update(record, AttemptUpdate(record.state, late_look(record, now)))
        await self._attempts.to_people(record, "wallet_mismatch", now)

    async def _declined(self, record: WalletRecord, answer: WalletDecline) -> None:
        now, attempt = self._clock.now(), record.attempt
        if answer.kind is WalletDeclineKind.OUR_FAULT:
            log.error("wallet %s refuses our configuration: code %s", attempt.provider, answer.code)
        certain = answer.code == NOT_SENT
        update = AttemptUpdate(
            AttemptState.DECLINED,
            None if certain else late_look(record, now),
            decline_kind=answer.kind,
            decline_code=answer.code,
        )
        change = Change(
            PaymentEvent.REFUSED,
            only=_BEING_ASKED,
            attempt=record.payment_attempt,
            detail=f"wallet {attempt.provider}: {answer.kind} {answer.code}",
            decline_kind=f"wallet_{answer.kind}",
            extend_to=later(now, self._times.basket_ttl_s),
            messages=(MessageKind.DECLINED_SMS,),
        )
        if await self._attempts.end(record, update, change, now):
            self._count(attempt.provider, str(answer.kind))

    async def _absent(self, record: WalletRecord) -> None:
        """Its window is over, and the wallet never heard of it: nothing was asked of anybody."""
        await self._declined(record, WalletDecline("absent", WalletDeclineKind.EXPIRED))

    async def _lost(self, record: WalletRecord, why: str) -> None:
        now = self._clock.now()
        log.warning("wallet %s: attempt %s: no answer: %s", record.attempt.provider, record.attempt.reference, why)
        update = AttemptUpdate(AttemptState.UNKNOWN, next_poll(record, now))
        if await self._attempts.end(record, update, self._losing(record, why), now):
            self._count(record.attempt.provider, "unknown")

    async def _undecided(self, record: WalletRecord, answer: Pending | WalletInquiry) -> None:
        """No last word yet. After the window nobody but the wallet or people can say it; it is asked for ever."""
        now = self._clock.now()
        due_at = next_poll(record, now)
        if not self._over(record):
            update = AttemptUpdate(record.state, due_at)
            if record.state is AttemptState.ASKING:  # whoever asked has died: it may have been sent
                await self._attempts.end(
                    record, replace(update, state=AttemptState.UNKNOWN), self._losing(record, "nobody heard"), now
                )
            else:
                await self._attempts.update(record, update)
            return
        update = AttemptUpdate(AttemptState.UNKNOWN, due_at)
        await self._attempts.end(record, update, self._losing(record, f"window over: {type(answer).__name__}"), now)
        if record.by_hand is None:
            log.error("wallet %s: attempt %s has no end: for an operator", record.attempt.provider, record.n)
            await self._attempts.to_people(record, "wallet_unknown", now)

    @staticmethod
    def _losing(record: WalletRecord, why: str) -> Change:
        return Change(
            PaymentEvent.LOST,
            only=frozenset({PaymentState.SENDING}),
            attempt=record.payment_attempt,
            detail=f"wallet {record.attempt.provider}: {why}",
            messages=(MessageKind.UNDECIDED_SMS,),
        )
