"""The till between ports in memory: whom it lets in, what it commits before it sends, and what it answers."""

from dataclasses import replace
from types import SimpleNamespace
from typing import Any, cast

import pytest

from core.cards import Secret
from core.languages import LanguageCode
from core.payments.authorisation import FLIGHTS_MAX, sending
from core.payments.consent import Consent
from core.payments.orders import StartOrder
from core.payments.refusal import Refusal
from core.payments.service import PaymentService, Ports
from core.payments.table import Challenge, Payment, PaymentEvent, PaymentState
from core.ports import (
    Approved,
    Attempt,
    BillingDown,
    LimitsDown,
    Order,
    Person,
    Tries,
)
from core.repositories import BillsTaken, Calls, Change, ReferenceTaken
from core.subscribers.lines import ServiceType, SubscribedLine
from lab.clocks import NOON, StillClock
from tests.core.payments.on_its_way import CREATED, DONE, LOST_RACE, SENDING, Banks, at
from tests.support.bank import CARD, CVV
from tests.support.paid import BILLS
from tests.support.port import port

PAYER = "+212600000001"
LINE = SubscribedLine(ServiceType.MOBILE, "0600000001", "Salma", PAYER, None, LanguageCode.FR)
SENDABLE = frozenset({PaymentState.CREATED, PaymentState.DECLINED})


class Till:
    """A till so many seconds after NOON, over a payment as it stands."""

    def __init__(self, stands: Payment = CREATED, passed_s: float = 0, banks: Banks | None = None, **said: Any) -> None:
        usual = {"get": stands, "move": SENDING, "capture": DONE, "release": 0, "held": {}}
        self.payments = port(**usual | said.get("payments", {}))
        self.messages = port(queue_call=True)
        self.people = port(remembered=[(LanguageCode.AR, "1")])
        self.billing = port(**{"unpaid": [BILLS], "code_matches": True, "proven": LINE} | said.get("billing", {}))
        self.limits = port(**{"allow": Tries.OPEN} | said.get("limits", {}))
        self.banks = banks or Banks("amex")
        books = SimpleNamespace(payments=self.payments, messages=self.messages, people=self.people, postings=port())
        world = Ports(cast("Any", books), self.billing, cast("Any", self.banks), self.limits, StillClock(at(passed_s)))
        self.of = PaymentService(world)

    def moved(self) -> list[tuple[object, ...]]:
        return [asked for asked in self.payments.asked if asked[0] == "move"]

    async def pays(self) -> Payment | Refusal:
        return await self.of.authorise(CREATED.id, CARD, CVV, wait_s=60)


# --- who it is --------------------------------------------------------------------------------------------------------

TARGET = f"{ServiceType.MOBILE}:0600000001"


async def identified(till: Till) -> object:
    return await till.of.identify("ussd", PAYER, ServiceType.MOBILE, "0600000001", "1234")


async def test_the_right_code_opens_its_line() -> None:
    till = Till()
    assert await identified(till) is LINE
    assert till.limits.asked == [("allow", "ussd", PAYER, TARGET)]
    assert till.billing.asked == [("proven", ServiceType.MOBILE, "0600000001", "1234")]


async def test_a_wrong_code_is_counted_and_billing_asked_once() -> None:
    till = Till(billing={"proven": None})
    assert await identified(till) is Refusal.WRONG_CODE
    assert till.limits.asked[1:] == [("failed", "ussd", PAYER, TARGET)]
    assert [asked[0] for asked in till.billing.asked] == ["proven"]


@pytest.mark.parametrize(
    ("lines", "has_paid", "known"),
    [
        ((LINE,), False, True),
        ((replace(LINE, reference="0600000002"), LINE), False, True),
        ((replace(LINE, reference="0600000002"),), True, True),
        ((replace(LINE, service=ServiceType.FIXED),), False, False),
        ((), False, False),
    ],
)
async def test_strangers_guesses_do_not_close_a_line_to_its_people(
    lines: tuple[SubscribedLine, ...], *, has_paid: bool, known: bool
) -> None:
    till = Till(
        limits={"allow": [Tries.CROWDED, Tries.OPEN]}, billing={"lines_of": [lines]}, payments={"has_paid": has_paid}
    )
    assert await identified(till) == (LINE if known else Refusal.LOCKED)
    again: list[object] = [("allow", "ussd", PAYER, TARGET, True)] if known else []
    assert till.limits.asked[1:] == again


async def test_who_is_locked_is_told_nothing_else() -> None:
    for allowed in ([Tries.LOCKED], [Tries.CROWDED, Tries.LOCKED], [Tries.CROWDED, Tries.CROWDED]):
        till = Till(limits={"allow": allowed}, billing={"lines_of": [(LINE,)]})
        assert await identified(till) is Refusal.LOCKED
        assert "proven" not in [asked[0] for asked in till.billing.asked]
    hidden = Till(limits={"allow": [Tries.CROWDED, Tries.OPEN]}, billing={"lines_of": [(LINE,)]})
    assert await hidden.of.identify("web", "", ServiceType.MOBILE, "0600000001", "1") is Refusal.LOCKED
    assert hidden.billing.asked == []


@pytest.mark.parametrize(
    "till",
    [
        {"limits": {"allow": LimitsDown()}},
        {"billing": {"proven": BillingDown(), "code_matches": BillingDown()}},
    ],
)
async def test_uncounted_no_guess_is_answered(till: dict[str, Any]) -> None:
    assert await identified(Till(**till)) is Refusal.BILLING_DOWN
    assert await Till(**till).of.quoted("ivr", PAYER, "482913", "1234") is Refusal.BILLING_DOWN


@pytest.mark.parametrize(
    ("stands", "right", "proof", "expected"),
    [
        (CREATED, True, "1234", CREATED),
        (CREATED, False, "0600000001", CREATED),  # the line itself proves as much as its code
        (CREATED, False, "1234", Refusal.WRONG_CODE),
        (None, True, "1234", Refusal.WRONG_CODE),
        (None, False, "1234", Refusal.WRONG_CODE),
    ],
)
async def test_six_digits_alone_open_nothing(
    stands: Payment | None, proof: str, expected: object, *, right: bool
) -> None:
    till = Till(payments={"by_reference": stands}, billing={"code_matches": right})
    assert await till.of.quoted("ivr", PAYER, "482913", proof) == expected
    line = "0600000001" if stands else "482913"
    assert till.billing.asked == [("code_matches", ServiceType.MOBILE, line, proof)]  # whether there is one or not
    failed: list[object] = [("failed", "ivr", PAYER, "basket:482913")] if expected is Refusal.WRONG_CODE else []
    assert till.limits.asked == [("allow", "ivr", PAYER, "basket:482913"), *failed]


@pytest.mark.parametrize("tries", [Tries.LOCKED, Tries.CROWDED])
async def test_a_reference_is_guessed_so_often(tries: Tries) -> None:
    till = Till(limits={"allow": tries})
    assert await till.of.quoted("ivr", PAYER, "482913", "1234") is Refusal.LOCKED
    assert till.billing.asked == []


async def test_what_is_remembered_of_a_caller() -> None:
    till = Till(billing={"lines_of": [(LINE,)]})
    assert await till.of.person(PAYER) == Person(PAYER, LanguageCode.AR, "1", (LINE,))
    assert await Till(billing={"lines_of": BillingDown()}).of.person(PAYER) == Person(PAYER, LanguageCode.AR, "1", ())
    await till.of.remember_language(PAYER, LanguageCode.EN)
    await till.of.accept_terms(PAYER, "2", LanguageCode.FR, "web", (ServiceType.FIXED, "0522000001"))
    await till.of.accept_terms(PAYER, "2", LanguageCode.FR, "ussd")
    agreed = Consent(PAYER, "2", LanguageCode.FR, "web", NOON, ServiceType.FIXED, "0522000001")
    assert till.people.asked[1:] == [
        ("remember_language", PAYER, LanguageCode.EN, NOON),
        ("consent", agreed),
        ("consent", replace(agreed, channel="ussd", service=None, line_reference=None)),
    ]


async def test_what_the_till_passes_on() -> None:
    till = Till(DONE)
    line = ServiceType.MOBILE, "0600000001"
    assert await till.of.unpaid(*line) == BILLS
    assert await till.of.payment(DONE.id) is await till.of.inquire(DONE.id) is await till.pays() is DONE
    order = StartOrder("key", "ussd", PAYER, LanguageCode.AR, None, *line, BILLS)
    assert isinstance(await till.of.start(order), Payment)


async def test_what_reads_nothing_without_a_name() -> None:
    till = Till(payments={"open_of": CREATED, "by_token": DONE})
    assert (await till.of.open_payment(""), await till.of.by_receipt_token("x")) == (None, None)
    assert till.payments.asked == []
    assert await till.of.open_payment(PAYER) is CREATED
    assert await till.of.by_receipt_token("0" * 32) is DONE
    assert till.payments.asked == [("open_of", PAYER, NOON), ("by_token", "0" * 32)]


# --- time -------------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("passed_s", "until_s"), [(10, 910), (9_000, 9_900), (9_001, 9_900), (9_899, 9_900)])
async def test_a_basket_waits_as_long_again_within_its_longest_wait(passed_s: int, until_s: int) -> None:
    till = Till(CREATED, passed_s, payments={"wait_until": None})
    assert await till.of.wait_longer(CREATED.id) is CREATED
    assert till.payments.asked[1:] == [("wait_until", CREATED.id, at(until_s), at(passed_s))]
    assert await Till(payments={"wait_until": DONE}).of.wait_longer(CREATED.id) is DONE


@pytest.mark.parametrize("state", PaymentState)
def test_a_baskets_time_is_over_at_its_end(state: PaymentState) -> None:
    payment, sendable = replace(CREATED, state=state), state in SENDABLE
    assert [Till(passed_s=passed_s).of.over(payment) for passed_s in (899, 900)] == [False, sendable]
    assert [Till(passed_s=passed_s).of.may_wait_longer(payment) for passed_s in (899, 900)] == [sendable, False]
    for ends_s, may in ((9_899, sendable), (9_900, False)):
        assert Till().of.may_wait_longer(replace(payment, expires_at=at(ends_s))) is may


async def test_a_call_and_a_cancelled_basket() -> None:
    till = Till()
    assert await till.of.request_call(CREATED.id)
    assert till.messages.asked == [("queue_call", CREATED, NOON, at(-45), Calls(5, 6))]
    await till.of.cancel(CREATED.id)
    await till.of.undo(CREATED.id, "why")
    expire = Change(PaymentEvent.EXPIRE, only=frozenset({PaymentState.CREATED}), detail="cancelled")
    void = Change(PaymentEvent.VOID, due_at=NOON, detail="why")
    assert till.moved() == [("move", CREATED.id, expire, NOON), ("move", CREATED.id, void, NOON)]


# --- sending ----------------------------------------------------------------------------------------------------------

SEND = sending("amex", only=SENDABLE, attempt=0, card_brand="visa", card_last4="0010", due_at=at(90))
ORDER = Order(CREATED.id, 176_920, "MAD", "salma@example.com", PAYER)


async def test_it_is_committed_and_then_sent() -> None:
    till = Till(banks=Banks("amex", answer=Approved("A", "T")))
    assert await till.pays() is DONE
    assert till.moved() == [("move", CREATED.id, SEND, NOON)]
    assert till.banks.bank.asked == [("authorise", ORDER, CARD, CVV)]
    assert till.banks.asked == [Attempt(CREATED.id, 176_920, "MAD", "visa", telephone=True)]
    hidden = Till(replace(CREATED, payer_msisdn="web-1"), banks=Banks("amex", answer=Approved("A", "T")))
    await hidden.pays()
    assert hidden.banks.bank.asked == [("authorise", replace(ORDER, telephone=""), CARD, CVV)]


@pytest.mark.parametrize(
    ("changes", "passed_s", "owed", "refusal", "why"),
    [
        ({"declines": 3}, 0, BILLS, Refusal.TOO_MANY_DECLINES, None),
        ({"attempts": 10}, 0, BILLS, Refusal.TOO_MANY_DECLINES, None),
        ({}, 900, BILLS, Refusal.EXPIRED, "too old"),
        ({}, 0, BILLS[:1], Refusal.BILLS_CHANGED, "bills changed"),
        ({}, 0, BillingDown(), Refusal.BILLING_DOWN, None),
    ],
)
async def test_what_cannot_be_sent_is_not(
    changes: dict[str, Any], passed_s: int, owed: object, refusal: Refusal, why: str | None
) -> None:
    billing = {"unpaid": owed if isinstance(owed, Exception) else [owed]}
    expire = Change(PaymentEvent.EXPIRE, only=frozenset({PaymentState.CREATED}), detail=why)
    for name, arguments in (("authorise", (CARD, CVV)), ("open_page", (600,)), ("send_otherwise", (port().commit,))):
        till = Till(replace(CREATED, **changes), passed_s, billing=billing)
        more: dict[str, Any] = {"wait_s": 5} if name == "authorise" else {}
        assert await getattr(till.of, name)(CREATED.id, *arguments, **more) is refusal
        assert till.moved() == ([("move", CREATED.id, expire, at(passed_s))] if why else [])
        assert till.banks.bank.asked == []


@pytest.mark.parametrize("changes", [{"declines": 2, "state": PaymentState.DECLINED}, {"attempts": 9}])
async def test_another_card_may_follow_so_often(changes: dict[str, Any]) -> None:
    late = {"move": replace(SENDING, sent_at=at(899))}
    till = Till(replace(CREATED, **changes), 899, banks=Banks("amex", answer=Approved("A", "T")), payments=late)
    assert await till.pays() is DONE


RACES = [(LOST_RACE, SENDING), (BillsTaken(), Refusal.IN_PROGRESS), (ReferenceTaken(), Refusal.EXPIRED)]


@pytest.mark.parametrize(("error", "expected"), RACES)
async def test_who_loses_the_race_sends_nothing(error: Exception, expected: object) -> None:
    card = Till(payments={"get": [CREATED, SENDING], "move": error})
    page = Till(payments={"get": [CREATED, SENDING], "move": error})
    otherwise = Till(payments={"get": [CREATED, SENDING]})
    assert await card.pays() == expected
    assert await page.of.open_page(CREATED.id, 600) == expected
    assert await otherwise.of.send_otherwise(CREATED.id, port(commit=error).commit) == expected
    assert card.banks.bank.asked == page.banks.bank.asked == []


async def test_a_basket_that_was_made_of_the_same_bills_since_is_taken_over() -> None:
    taken = {"move": [BillsTaken(), SENDING], "release": 1}
    till = Till(payments=taken)
    assert await till.of.open_page(CREATED.id, 600) is SENDING
    release = ("release", ServiceType.MOBILE, "0600000001", [bill.number for bill in BILLS], PAYER, NOON)
    assert [asked for asked in till.payments.asked if asked[0] == "release"] == [release]
    kept = Till(payments=taken | {"release": 0})
    assert await kept.of.open_page(CREATED.id, 600) is Refusal.IN_PROGRESS


async def test_a_page_is_opened_for_so_long_and_its_browser_may_go_again() -> None:
    till = Till()
    assert await till.of.open_page(CREATED.id, 600) is SENDING
    send = sending("amex", only=SENDABLE, attempt=0, page_until=at(600), due_at=at(600))
    assert till.moved() == [("move", CREATED.id, send, NOON)]
    assert till.banks.asked == [Attempt(CREATED.id, 176_920, "MAD", None, telephone=False)]
    for stands, again in (
        (replace(SENDING, page_until=at(1)), True),
        (replace(SENDING, page_until=NOON), False),
        (SENDING, False),
        (DONE, True),
    ):
        assert await Till(stands).of.open_page(CREATED.id, 600) == (stands if again else Refusal.IN_PROGRESS)


async def test_nobody_takes_it_and_nothing_is_committed() -> None:
    for name, arguments in (("authorise", (CARD, CVV)), ("open_page", (600,))):
        till = Till(banks=Banks())
        more: dict[str, Any] = {"wait_s": 5} if name == "authorise" else {}
        assert await getattr(till.of, name)(CREATED.id, *arguments, **more) is Refusal.BANK_DOWN
        assert till.moved() == []


async def test_another_tender_commits_under_the_same_rules() -> None:
    other = port(commit=SENDING)
    assert await Till().of.send_otherwise(CREATED.id, other.commit) is SENDING
    assert other.asked == [("commit", CREATED)]
    assert await Till(DONE).of.send_otherwise(CREATED.id, other.commit) is DONE
    assert len(other.asked) == 1


QUESTION = Challenge("c", 6, 2, at(300))
ASKS = replace(SENDING, state=PaymentState.CHALLENGE, challenge=QUESTION)
PIN = Secret("123")


async def test_a_pin_is_committed_and_then_sent_while_its_question_is_open() -> None:
    till = Till(ASKS, 299, banks=Banks(answer=Approved("A", "T")))
    late = at(299)
    till.payments._said["move"] = [replace(SENDING, sent_at=late)]
    assert await till.of.answer_challenge(ASKS.id, PIN, wait_s=60) is DONE
    send = Change(PaymentEvent.SEND, only=frozenset({PaymentState.CHALLENGE}), due_at=at(299 + 90))
    assert till.moved() == [("move", ASKS.id, send, late)]
    assert till.banks.bank.asked == [("answer_challenge", ORDER, "c", PIN)]
    over = Till(ASKS, 300, payments={"claim": False})
    assert await over.of.answer_challenge(ASKS.id, PIN, wait_s=60) is Refusal.EXPIRED
    assert over.payments.asked[-1] == ("claim", ASKS.id, at(300), at(540))
    for stands in (DONE, replace(ASKS, challenge=None)):
        assert await Till(stands).of.answer_challenge(ASKS.id, PIN, wait_s=60) is stands


class Lost:
    """A charger of which nothing is under way here."""

    full = False

    def send(self, *_: object) -> None:
        return

    async def wait(self, payment_id: str, wait_s: float) -> None:
        return


@pytest.mark.parametrize(
    ("changes", "down"),
    [
        ({"state": PaymentState.DECLINED, "decline_kind": "bank_down"}, True),
        ({"state": PaymentState.DECLINED, "decline_kind": "bank_busy"}, False),
        ({"state": PaymentState.UNKNOWN, "decline_kind": "bank_down"}, False),
    ],
)
async def test_a_repeat_sends_nothing_and_gives_the_same_answer(changes: dict[str, Any], *, down: bool) -> None:
    stands = replace(SENDING, **changes)
    till = Till(payments={"move": SENDING, "get": [CREATED, stands]})
    till.of._charger = cast("Any", Lost())
    assert await till.pays() == (Refusal.BANK_DOWN if down else stands)


async def test_a_process_with_its_hands_full_sends_nothing_more() -> None:
    for stands in (CREATED, ASKS):
        till = Till(stands)
        till.of._charger._under_way = cast("Any", range(FLIGHTS_MAX))
        done = till.pays() if stands is CREATED else till.of.answer_challenge(ASKS.id, PIN, wait_s=60)
        assert await done is Refusal.BANK_DOWN


async def test_what_lands_here_is_the_answer_and_what_does_not_is_read() -> None:
    till, charger = Till(DONE), port(wait=[SENDING, None], drain=3)
    till.of._charger = charger
    assert await till.of.settle(SENDING.id, 7) is SENDING
    assert till.payments.asked == []
    assert await till.of.settle(SENDING.id, 7) is DONE
    assert await till.of.drain(8) == 3
    assert charger.asked == [("wait", SENDING.id, 7)] * 2 + [("drain", 8)]
