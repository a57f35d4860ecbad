"""What is written down of an attempt after each answer, and when it is looked at next, word for word; no database."""

from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any

import pytest

from core.ids import Ids
from core.payments.refusal import Refusal
from core.payments.table import PaymentEvent, PaymentState
from core.repositories import Change, DatabaseUnavailable, MessageKind
from core.wallets.attempts import AttemptState, AttemptUpdate, NoWallets, WalletRecord
from core.wallets.port import (
    Asked,
    Asking,
    NoSuchRequest,
    NotSent,
    Pending,
    UnknownOutcome,
    WalletDecline,
    WalletDeclineKind,
    WalletInquiry,
    WalletPaid,
    WalletTerms,
)
from core.wallets.returns import WalletReturns
from core.wallets.service import WalletOffer, WalletPayments
from lab.clocks import StillClock
from tests.core.basket import PAYMENT as MADE
from tests.core.wallets.attempts import ATTEMPT, NOW
from tests.core.wallets.words.kept import Call, KeptAttempts, OneTill
from tests.support.pauses import pauses_of
from tests.support.wallet import FakeWallet

TERMS = WalletTerms("Neqdi", "MAD", ceiling_centimes=500_000, window_s=300)
RECORD = WalletRecord(ATTEMPT, 1, 3, AttemptState.WAITING)
ASKED = replace(RECORD, state=AttemptState.ASKED, asked_at=NOW, accepted=True)
PAYMENT = replace(MADE, attempts=2, currency="MAD")
BEING_ASKED = frozenset({PaymentState.SENDING, PaymentState.UNKNOWN})
PAID = WalletPaid("W1", 76920, "MAD", ATTEMPT.reference)
REFUSED = WalletDecline("no", WalletDeclineKind.REFUSED)
DAY_S = 86_400


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


class Bench:
    """The use cases over kept attempts and one wallet that answers as it is told, at a moment after NOW."""

    def __init__(self, seconds: float = 0, terms: WalletTerms = TERMS) -> None:
        self.clock = StillClock(at(seconds))
        self.wallet = FakeWallet(self.clock, terms)
        self.kept = KeptAttempts()
        self.counted: list[tuple[str, str]] = []
        self.service = WalletPayments(
            OneTill(PAYMENT),  # type: ignore[arg-type]
            self.kept,
            {"gsma": self.wallet},
            self.clock,
            count=lambda provider, outcome: self.counted.append((provider, outcome)),
        )

    async def asks(self, answer: Asking, record: WalletRecord = RECORD) -> list[Call]:
        self.wallet.answers.append(answer)
        await self.service.attend_claimed(record)
        return self.kept.calls

    async def inquires(self, answer: WalletInquiry, record: WalletRecord = ASKED) -> list[Call]:
        self.wallet.inquiries.append(answer)
        await self.service.attend_claimed(record)
        return self.kept.calls


def refused(answer: WalletDecline, seconds: float, due_at: datetime | None) -> Call:
    update = AttemptUpdate(AttemptState.DECLINED, due_at, decline_kind=answer.kind, decline_code=answer.code)
    change = Change(
        PaymentEvent.REFUSED,
        only=BEING_ASKED,
        attempt=3,
        detail=f"wallet gsma: {answer.kind} {answer.code}",
        decline_kind=f"wallet_{answer.kind}",
        extend_to=at(seconds + 900),
        messages=(MessageKind.DECLINED_SMS,),
    )
    return ("end", update, change, at(seconds))


def lost(why: str, seconds: float, due_at: datetime) -> Call:
    change = Change(
        PaymentEvent.LOST,
        only=frozenset({PaymentState.SENDING}),
        attempt=3,
        detail=f"wallet gsma: {why}",
        messages=(MessageKind.UNDECIDED_SMS,),
    )
    return ("end", AttemptUpdate(AttemptState.UNKNOWN, due_at), change, at(seconds))


def taken(due_s: float, until_s: float, handle: str | None = "h") -> Call:
    update = AttemptUpdate(AttemptState.ASKED, at(due_s), handle=handle, expires_at=at(until_s), accepted=True)
    return ("update", update)


# --- it is asked ----------------------------------------------------------------------------------------------------

ASKING = ("asking", NOW, at(90))
NOT_SENT = WalletDecline("not_sent", WalletDeclineKind.BUSY)


@pytest.mark.parametrize(
    ("answer", "call", "counted"),
    [
        (Asked("h", at(200)), taken(5, 200), []),
        (Asked("h"), taken(5, 300), []),
        (Asked("h", at(DAY_S + 1)), taken(5, DAY_S), []),
        (Pending(), taken(5, 300, None), []),
        (PAID, ("land", PAID, NOW), ["paid"]),
        (REFUSED, refused(REFUSED, 0, at(900)), ["refused"]),
        (NotSent("away"), refused(NOT_SENT, 0, None), ["busy"]),
        (UnknownOutcome("lost"), lost("lost", 0, at(5)), ["unknown"]),
    ],
)
async def test_what_is_written_down_of_an_answer(answer: Asking, call: Call, counted: list[str]) -> None:
    bench = Bench()
    assert await bench.asks(answer) == [ASKING, call]
    assert bench.counted == [("gsma", outcome) for outcome in counted]
    assert bench.wallet.asked == [ATTEMPT]


@pytest.mark.parametrize("answer", [REFUSED, UnknownOutcome("lost")])
async def test_what_moved_on_is_counted_by_nobody(answer: Asking) -> None:
    bench = Bench()
    bench.kept.moved_on = True
    await bench.service._answered(replace(ASKED, accepted=False), answer)
    assert (len(bench.kept.calls), bench.counted) == (1, [])


async def test_whoever_comes_second_asks_nobody() -> None:
    bench = Bench()
    bench.kept.moved_on = True
    assert await bench.asks(PAID) == [ASKING]
    assert bench.wallet.asked == []


@pytest.mark.parametrize(("seconds", "sent"), [(60, True), (60.001, False)])
async def test_after_a_minute_it_is_not_sent_at_all(seconds: float, sent: bool) -> None:
    bench = Bench(seconds)
    calls = await bench.asks(PAID)
    assert bench.wallet.asked == [ATTEMPT] * sent
    assert sent or calls == [refused(NOT_SENT, seconds, None)]


async def test_a_wallet_that_is_set_up_no_more_is_not_asked() -> None:
    other = replace(RECORD, attempt=replace(ATTEMPT, provider="gone"))
    bench = Bench()
    await bench.service.attend_claimed(other)
    ((name, update, _, _),) = bench.kept.calls
    assert (name, update.state, update.due_at, update.decline_code) == ("end", AttemptState.DECLINED, None, "not_sent")


async def test_code_that_breaks_leaves_it_unknown(monkeypatch: pytest.MonkeyPatch) -> None:
    bench = Bench()

    async def breaks(_: object) -> Asking:
        raise KeyError("x")

    monkeypatch.setattr(bench.wallet, "ask", breaks)
    monkeypatch.setattr(bench.wallet, "inquire", breaks)
    await bench.service.attend_claimed(RECORD)
    assert bench.kept.calls == [ASKING, lost("broken: KeyError", 0, at(5))]
    bench.kept.calls.clear()
    await bench.service.attend_claimed(ASKED)
    assert bench.kept.calls == [("update", AttemptUpdate(AttemptState.ASKED, at(5)))]


async def test_an_answer_outlives_a_moment_without_the_database(monkeypatch: pytest.MonkeyPatch) -> None:
    paused = pauses_of("core.wallets.service", monkeypatch)
    bench = Bench()
    bench.kept.fails = [DatabaseUnavailable()] * 3
    await bench.service._written_down(ASKED, Asked("h", at(200)))
    assert (bench.kept.calls, paused) == ([taken(5, 200)], [0.2, 1.0, 3.0])
    bench.kept.fails = [DatabaseUnavailable()] * 4
    with pytest.raises(DatabaseUnavailable):
        await bench.service._written_down(ASKED, Asked("h", at(200)))


# --- it is looked at ------------------------------------------------------------------------------------------------

NEVER_TAKEN = replace(ASKED, state=AttemptState.UNKNOWN, accepted=False)
TOLD_NO = replace(ASKED, state=AttemptState.DECLINED)
DIED = replace(ASKED, state=AttemptState.ASKING, accepted=False)
LOST = UnknownOutcome("lost")
WINDOW_S = 600  # it did not say until when
ABSENT = WalletDecline("absent", WalletDeclineKind.EXPIRED)
TO_PEOPLE = ("to_people", "wallet_unknown", at(WINDOW_S))


def looked(state: AttemptState, due_at: datetime | None) -> Call:
    return ("update", AttemptUpdate(state, due_at))


@pytest.mark.parametrize(
    ("record", "answer", "seconds", "calls"),
    [
        (ASKED, PAID, 7, [("land", PAID, at(7))]),
        (TOLD_NO, PAID, 7, [("land", PAID, at(7))]),
        (ASKED, REFUSED, 7, [refused(REFUSED, 7, at(900))]),
        (ASKED, Pending(), 7, [looked(AttemptState.ASKED, at(10))]),
        (ASKED, LOST, 7, [looked(AttemptState.ASKED, at(10))]),
        (DIED, LOST, 7, [lost("nobody heard", 7, at(10))]),
        # its window is over
        (ASKED, Pending(), WINDOW_S, [lost("window over: Pending", WINDOW_S, at(900)), TO_PEOPLE]),
        (replace(ASKED, by_hand="x"), LOST, WINDOW_S, [lost("window over: UnknownOutcome", WINDOW_S, at(900))]),
        (NEVER_TAKEN, NoSuchRequest(), WINDOW_S, [refused(ABSENT, WINDOW_S, at(900))]),
        (NEVER_TAKEN, NoSuchRequest(), WINDOW_S - 1, [looked(AttemptState.UNKNOWN, at(WINDOW_S))]),
        (ASKED, NoSuchRequest(), WINDOW_S, [lost("window over: NoSuchRequest", WINDOW_S, at(900)), TO_PEOPLE]),
        # the wallet said no before: whether a success came after all
        (TOLD_NO, REFUSED, 900, [looked(AttemptState.DECLINED, at(3_600))]),
        (TOLD_NO, REFUSED, DAY_S, [looked(AttemptState.DECLINED, None)]),
        (TOLD_NO, NoSuchRequest(), DAY_S, [looked(AttemptState.DECLINED, None)]),
        (TOLD_NO, Pending(), DAY_S, [looked(AttemptState.DECLINED, at(2 * DAY_S))]),
        (TOLD_NO, LOST, DAY_S, [looked(AttemptState.DECLINED, at(2 * DAY_S))]),
    ],
)
async def test_what_is_written_down_of_a_look(
    record: WalletRecord, answer: WalletInquiry, seconds: float, calls: list[Call]
) -> None:
    assert await Bench(seconds).inquires(answer, record) == calls


@pytest.mark.parametrize(
    ("paid", "why"),
    [
        (replace(PAID, currency="EUR"), "it was paid in EUR"),
        (replace(PAID, amount_centimes=0), "it names no amount"),
        (replace(PAID, reference="another"), "it names another reference"),
    ],
)
async def test_a_success_that_cannot_be_its_own_is_left_to_people(paid: WalletPaid, why: str) -> None:
    people = ("to_people", "wallet_mismatch", at(7))
    assert await Bench(7).inquires(paid) == [lost(why, 7, at(10)), people]
    assert await Bench(7).inquires(paid, TOLD_NO) == [looked(AttemptState.DECLINED, at(900)), people]


@pytest.mark.parametrize(
    ("landed", "counted"), [(AttemptState.PAID, ["paid"]), (AttemptState.SURPLUS, ["surplus"]), (None, [])]
)
async def test_a_success_is_counted_where_it_landed(landed: AttemptState | None, counted: list[str]) -> None:
    bench = Bench()
    bench.kept.landed = landed
    await bench.inquires(PAID)
    assert bench.counted == [("gsma", outcome) for outcome in counted]


@pytest.mark.parametrize("state", [AttemptState.PAID, AttemptState.RETURNED])
async def test_what_has_its_end_is_not_looked_at(state: AttemptState) -> None:
    bench = Bench()
    await bench.service.attend_claimed(replace(ASKED, state=state))
    assert bench.kept.calls == [looked(state, None)]


async def test_one_is_claimed_for_a_minute() -> None:
    bench = Bench(7)
    await bench.service.attend(ATTEMPT.reference)
    assert bench.kept.calls == [("claim", ATTEMPT.reference, at(7), at(67))]
    bench.kept.claimed = [replace(ASKED, state=AttemptState.PAID)]
    await bench.service.attend(ATTEMPT.reference)
    assert bench.kept.calls[2:] == [looked(AttemptState.PAID, None)]


async def test_ones_trouble_does_not_stop_the_others() -> None:
    bench = Bench(7)
    bench.kept.claimed = [replace(ASKED, n=number) for number in range(3)]
    attended: list[int] = []

    async def attend(record: WalletRecord) -> None:
        if record.n == 0:
            raise DatabaseUnavailable
        attended.append(record.n)

    bench.service.attend_claimed = attend  # type: ignore[method-assign]
    assert await bench.service.attend_due(9) == 3
    assert (bench.kept.calls, attended) == ([("claim_due", at(7), at(67), 9)], [1, 2])


# --- it is begun ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("in_call", "leaves_s"), [(False, 2), (True, 20)])
async def test_what_is_committed_before_anything_leaves(in_call: bool, leaves_s: float) -> None:
    bench = Bench()
    bench.kept.prompted = 5
    record: Any = await bench.service.start(PAYMENT.id, "gsma", "+212600000001", in_call=in_call)
    asked, begun = bench.kept.calls
    assert asked == ("prompts", "+212600000001", at(-3_600))
    send = Change(
        PaymentEvent.SEND,
        only=frozenset({PaymentState.CREATED, PaymentState.DECLINED}),
        detail="gsma",
        wallet="gsma",
        wallet_payer="+212600000001",
    )
    assert begun == ("begin", record, send, NOW, at(leaves_s))
    assert (record.n, record.payment_attempt, record.state, record.attempt.handle) == (0, 3, AttemptState.WAITING, None)
    assert record.attempt == replace(
        ATTEMPT,
        reference=record.attempt.reference,
        payment_id=PAYMENT.id,
        payment_reference=PAYMENT.reference,
        amount_centimes=PAYMENT.amount_centimes,
    )


async def test_a_telephone_that_was_asked_often_enough_is_asked_no_more() -> None:
    bench = Bench()
    bench.kept.prompted = 6
    assert await bench.service.start(PAYMENT.id, "gsma", "+212600000001") is Refusal.LOCKED
    with pytest.raises(NoWallets):
        await bench.service.start(PAYMENT.id, "gone", "+212600000001")


@pytest.mark.parametrize("terms", [replace(TERMS, currency="EUR"), replace(TERMS, prefixes=("+33",))])
async def test_what_the_wallet_does_not_take_is_not_begun(terms: WalletTerms) -> None:
    bench = Bench(terms=terms)
    assert await bench.service.start(PAYMENT.id, "gsma", "+212600000001") is Refusal.BANK_DOWN
    assert bench.kept.calls == []


async def test_what_is_offered_and_in_which_order() -> None:
    bench = Bench()
    wallets = {name: FakeWallet(bench.clock, replace(TERMS, name=name.upper())) for name in ("a", "b")}
    wallets["c"] = FakeWallet(bench.clock, replace(TERMS, prefixes=("+33",)))
    bench.kept.preferred = "b"
    service = WalletPayments(OneTill(PAYMENT), bench.kept, wallets, bench.clock)  # type: ignore[arg-type]
    offered = await service.offers("+212600000001", 100, "MAD")
    assert offered == (WalletOffer("b", "B"), WalletOffer("a", "A"))
    assert (await service.offers("+212600000001", 100, "EUR"), service.any, bench.service.any) == ((), True, True)
    assert bench.kept.calls == [("provider_of", "+212600000001")]
    assert await bench.service.offers("+212600000001", 100, "MAD") == (WalletOffer("gsma", "Neqdi"),)
    assert len(bench.kept.calls) == 1, "of one nobody asks which was the last"
    assert (service.name_of("a"), service.name_of("gone")) == ("A", "gone")
    empty = WalletPayments(OneTill(PAYMENT), bench.kept, {}, bench.clock)  # type: ignore[arg-type]
    assert not empty.any


async def test_the_dialogs_end_and_a_callback() -> None:
    bench = Bench(7)
    await bench.service.dialog_over("p")
    assert await bench.service.called_back("gsma", "r", b"{}")
    assert not await bench.service.called_back("gone", "r", b"{}")
    assert bench.kept.calls == [("leave", "p", at(9)), ("learn", "gsma", "r", "{}", at(7))]


async def test_the_attempt_that_a_payment_waits_for() -> None:
    bench = Bench()
    bench.kept.records = [TOLD_NO, ASKED]
    assert await bench.service.open_attempt(replace(PAYMENT, wallet=None)) is None
    assert await bench.service.open_attempt(replace(PAYMENT, wallet="gsma")) is ASKED
    bench.kept.records = [TOLD_NO]
    assert await bench.service.open_attempt(replace(PAYMENT, wallet="gsma")) is None


async def test_a_surplus_is_given_back_and_wallets_are_closed() -> None:
    bench = Bench()
    given: list[WalletRecord] = []
    surplus = replace(ASKED, state=AttemptState.SURPLUS)

    class Closing(FakeWallet):
        async def aclose(self) -> None:
            given.append(surplus)

    class Giving(WalletReturns):
        async def give_back_surplus(self, record: WalletRecord) -> None:
            given.append(record)

    bench.service.returns = Giving(bench.kept, {}, bench.clock, Ids())
    await bench.service.attend_claimed(surplus)
    assert (given, bench.kept.calls) == ([surplus], [])
    wallets = {"a": Closing(bench.clock), "b": Closing(bench.clock)}
    service = WalletPayments(OneTill(PAYMENT), bench.kept, wallets, bench.clock)  # type: ignore[arg-type]
    assert isinstance(service.returns, WalletReturns)
    await service.aclose()
    assert len(given) == 3
