"""Money on its way back to a wallet: what is written down, and what whoever asked hears; no database."""

from collections.abc import Sequence
from dataclasses import replace
from datetime import datetime, timedelta

import pytest

from core.acquirers.registry import ClosedAcquirer, only
from core.cards import Card, Secret
from core.ids import Ids
from core.ports import Approved, Attempt, Decline, DeclineKind, Order, Pending, TooLate, Undoing, Undone, UnknownOutcome
from core.wallets.attempts import AttemptState, AttemptUpdate, WalletRecord, WalletReversal, WalletTaking
from core.wallets.port import ReversalRefused, Reversed, Reversing, WalletAttempt
from core.wallets.returns import WalletReturns
from core.wallets.tender import TenderAcquirer, TenderAcquirers
from lab.clocks import StillClock
from tests.core.wallets.attempts import ATTEMPT, NOW
from tests.core.wallets.words.kept import Call, KeptAttempts
from tests.support.wallet import FakeWallet

RECORD = WalletRecord(replace(ATTEMPT, receipt="W1"), 1, 1, AttemptState.PAID, taken_centimes=500)
REFUSED = Decline("no", DeclineKind.OUR_FAULT)
UNDER_WAY = UnknownOutcome("the reversal is under way")


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


BEGUN, DONE = WalletReversal("r", 300), Reversed("R1")


def returning(*answers: Reversing, reversal: WalletReversal | None = BEGUN) -> WalletReturns:
    clock = StillClock(NOW)
    wallet = FakeWallet(clock)
    wallet.reversals.extend(answers)
    return WalletReturns(KeptAttempts(reversal=reversal), {"gsma": wallet}, clock, Ids())


def calls(returns: WalletReturns) -> Sequence[Call]:
    assert isinstance(returns._attempts, KeptAttempts)
    return returns._attempts.calls


@pytest.mark.parametrize(
    ("answer", "told", "written"),
    [
        (Reversed("R1"), Undone(), [("reversed", "r", True, "R1", NOW)]),
        (ReversalRefused("no"), REFUSED, [("reversed", "r", False, "no", NOW)]),
        (Pending(), UNDER_WAY, []),
        (UnknownOutcome("lost"), UnknownOutcome("lost"), []),
    ],
)
async def test_what_is_written_down_of_a_reversal(answer: Reversing, told: Undoing, written: list[Call]) -> None:
    returns = returning(answer)
    assert await returns.give_back(RECORD, 300) == told
    assert calls(returns) == [("reversing", 300, NOW), *written]


async def test_what_is_not_begun_asks_nobody() -> None:
    returns = returning(Reversed("R1"), reversal=None)
    told = await returns.give_back(RECORD, 300)
    assert told == UnknownOutcome("another reversal is under way, or less is left")
    assert len(calls(returns)) == 1


async def test_of_a_wallet_that_is_set_up_no_more_it_is_a_persons() -> None:
    returns = returning(Reversed("R1"))
    gone = replace(RECORD, attempt=replace(ATTEMPT, provider="gone"))
    assert await returns.give_back(gone, 300) == Decline("it is set up no more", DeclineKind.OUR_FAULT)
    assert calls(returns)[1:] == [("reversed", "r", False, "it is set up no more", NOW)]


async def test_code_that_breaks_says_nothing_of_the_money() -> None:
    class Broken(FakeWallet):
        async def reverse(self, attempt: WalletAttempt, amount_centimes: int, reference: str) -> Reversing:
            raise KeyError("x")

    returns = returning()
    returns._wallets = {"gsma": Broken(StillClock(NOW))}
    assert await returns.give_back(RECORD, 300) == UnknownOutcome("broken: KeyError")
    assert len(calls(returns)) == 1


@pytest.mark.parametrize(
    ("answer", "written"),
    [
        (Reversed("R1"), []),
        (ReversalRefused("no"), [AttemptUpdate(AttemptState.SURPLUS, at(86_400), by_hand="reversal_refused")]),
        (Pending(), [AttemptUpdate(AttemptState.SURPLUS, at(60))]),
        (UnknownOutcome("lost"), [AttemptUpdate(AttemptState.SURPLUS, at(60))]),
    ],
)
async def test_a_surplus_goes_back_whole(answer: Reversing, written: list[AttemptUpdate]) -> None:
    returns = returning(answer)
    await returns.give_back_surplus(RECORD)
    assert calls(returns)[0] == ("reversing", 500, NOW)
    assert [call[1] for call in calls(returns) if call[0] == "update"] == written
    unsaid = returning(answer)
    await unsaid.give_back_surplus(replace(RECORD, taken_centimes=None))
    assert calls(unsaid)[0] == ("reversing", ATTEMPT.amount_centimes, NOW)


# --- whoever took it is asked ---------------------------------------------------------------------------------------


class Cards(ClosedAcquirer):
    """The cards' own: asked, it says so."""

    def __init__(self) -> None:
        self.asked: list[str] = []

    async def aclose(self) -> None:
        self.asked.append("closed")

    async def authorise(self, order: Order, card: Card, cvv: Secret) -> Approved:
        return Approved("cards", order.id, order.amount_centimes)

    async def answer_challenge(self, order: Order, challenge_id: str, pin: Secret) -> Approved:
        return Approved(challenge_id, order.id, order.amount_centimes)

    async def inquire(self, order_id: str) -> Approved:
        return Approved("cards", order_id)

    async def capture(self, order_id: str, amount_centimes: int) -> Approved:
        return Approved("cards", order_id, amount_centimes)

    async def void(self, order_id: str) -> Undoing:
        return Decline("cards", DeclineKind.LIMIT, order_id)

    async def refund(self, order_id: str, amount_centimes: int) -> Undoing:
        return Decline(f"cards {amount_centimes}", DeclineKind.LIMIT, order_id)

    async def credited_centimes(self, order_id: str) -> int | None:
        return 77


def tender(*takings: WalletTaking | None, answer: Reversing = DONE) -> TenderAcquirer:
    returns = returning(answer)
    assert isinstance(returns._attempts, KeptAttempts)
    returns._attempts.takings = list(takings)
    return TenderAcquirer(Cards(), returns._attempts, returns)


def taking(back: int = 0, under_way: int = 0) -> WalletTaking:
    return WalletTaking(RECORD, 500, back, under_way)


async def test_what_no_wallet_took_is_the_cards() -> None:
    cards = tender(None)
    assert await cards.inquire("o") == Approved("cards", "o")
    assert await cards.capture("o", 5) == Approved("cards", "o", 5)
    assert await cards.void("o") == Decline("cards", DeclineKind.LIMIT, "o")
    assert await cards.refund("o", 5) == Decline("cards 5", DeclineKind.LIMIT, "o")
    assert await cards.credited_centimes("o") == 77


@pytest.mark.parametrize(
    ("back", "told"),
    [(0, Approved("W1", "W1", 500)), (499, Approved("W1", "W1", 500)), (500, Undone()), (501, Undone())],
)
async def test_what_a_wallet_took_stands_until_all_of_it_is_back(back: int, told: Approved | Undone) -> None:
    assert await tender(taking(back)).inquire("o") == told


async def test_a_wallet_holds_nothing_back() -> None:
    assert await tender(taking()).capture("o", 5) == UnknownOutcome("a wallet holds nothing back")


@pytest.mark.parametrize(
    ("back", "answer", "told", "asked"),
    [
        (0, Reversed("R"), Undone(), [500]),
        (499, Reversed("R"), Undone(), [1]),
        (500, Reversed("R"), Undone(), []),
        (0, ReversalRefused("no"), TooLate(), [500]),
        (0, Pending(), UNDER_WAY, [500]),
    ],
)
async def test_the_rest_goes_back(back: int, answer: Reversing, told: Undoing, asked: list[int]) -> None:
    own = tender(taking(back), answer=answer)
    assert await own.void("o") == told
    assert [call[1] for call in calls(own._returns) if call[0] == "reversing"] == asked


async def test_a_refund_is_the_wallets() -> None:
    own = tender(taking(), answer=ReversalRefused("no"))
    assert await own.refund("o", 200) == REFUSED
    assert calls(own._returns)[0] == ("reversing", 200, NOW)


@pytest.mark.parametrize(
    ("takings", "credited", "asked"),
    [
        ([taking(back=300)], 300, []),
        ([taking(back=100, under_way=200), taking(back=300)], 300, [200]),
        ([taking(back=100, under_way=200), taking(back=100, under_way=200)], None, [200]),
        ([taking(back=100, under_way=200), None], None, [200]),
    ],
)
async def test_what_is_under_way_is_asked_about_first(
    takings: list[WalletTaking | None], credited: int | None, asked: list[int]
) -> None:
    own = tender(*takings)
    assert await own.credited_centimes("o") == credited
    assert [call[1] for call in calls(own._returns) if call[0] == "reversing"] == asked


async def test_all_of_the_cards_own_is_reached_through_it() -> None:
    cards, returns = Cards(), returning()
    kept = returns._attempts
    assert isinstance(kept, KeptAttempts)
    kept.takings = [taking()]
    every = TenderAcquirers(only(cards, "a"), kept, returns)
    assert (every.shut("a"), every.shut("b")) == (False, True)
    assert every.candidates(Attempt("p", 500, "MAD"), NOW) == ("a",)
    one = every.of("a")
    order, secret = Order("o", 5, "MAD", None, ""), Secret("1")
    assert await one.authorise(order, Card(secret, 1, 2030), secret) == Approved("cards", "o", 5)
    assert await one.answer_challenge(order, "c", secret) == Approved("c", "o", 5)
    assert await one.inquire("o") == Approved("W1", "W1", 500), "a wallet's money is the wallet's"
    await one.aclose()
    await every.aclose()
    assert cards.asked == ["closed", "closed"]


async def test_a_success_without_its_number_is_one_all_the_same() -> None:
    bare = replace(taking(), record=replace(RECORD, attempt=ATTEMPT))
    assert await tender(bare).inquire("o") == Approved("", "", 500)
