"""Charges under way, and who is asked for a payment, in memory: what is sent, waited for, and sent on."""

import asyncio
from dataclasses import replace
from typing import Any, cast

import pytest

from core.payments.authorisation import FLIGHTS_MAX, Authoriser, sending
from core.payments.choosing import AcquirerChoice, is_free
from core.payments.schedule import Times
from core.payments.table import Payment, PaymentEvent, PaymentState
from core.ports import Authorisation, Decline, DeclineKind, NoSuchOrder, NotSent, UnknownOutcome
from core.repositories import BillsTaken, Change, DatabaseUnavailable
from lab.clocks import StillClock
from tests.core.payments.on_its_way import CREATED, DONE, FAULT, LOST_RACE, SENDING, SILENCE, Banks, at
from tests.support.pauses import pauses_of
from tests.support.port import port


class Flight:
    """An authoriser, its recorder and an answer that comes when it is let go."""

    def __init__(self, passed_s: float = 0, **said: Any) -> None:
        self.recorder = port(**{"reply": DONE, "resent": SENDING} | said)
        self.banks, self.go = Banks(inquire=said.get("inquire")), asyncio.Event()
        acquirers = cast("Any", self.banks)
        self.of = Authoriser(self.recorder, acquirers, StillClock(at(passed_s)), Times())

    async def ask(self, bank: Any) -> Authorisation:
        await self.go.wait()
        return cast("Authorisation", await bank.authorise())


async def test_a_charge_is_waited_for_and_never_cancelled() -> None:
    flight = Flight()
    assert (await flight.of.wait("p", 0), await flight.of.drain(0)) == (None, 0)
    flight.of.send(SENDING, flight.ask)
    assert (await flight.of.wait(SENDING.id, 0.001), await flight.of.drain(0.001)) == (None, 1)
    flight.go.set()
    assert await flight.of.wait(SENDING.id, 5) is DONE
    await asyncio.sleep(0)
    assert (flight.of._under_way, flight.of._latest) == (set(), {})
    assert flight.recorder.asked == [("reply", SENDING, SILENCE)]
    assert flight.banks.named == ["amex"]


async def test_at_a_servers_end_what_lands_in_time_is_waited_for() -> None:
    flight = Flight()
    flight.of.send(SENDING, flight.ask)
    asyncio.get_running_loop().call_later(0.01, flight.go.set)
    assert await flight.of.drain(30) == 0


async def test_code_that_breaks_leaves_it_unknown() -> None:
    flight = Flight()
    flight.banks.bank._said["authorise"] = [ZeroDivisionError("4000000000000010")]
    flight.go.set()
    flight.of.send(SENDING, flight.ask)
    await flight.of.wait(SENDING.id, 5)
    assert flight.recorder.asked == [("reply", SENDING, UnknownOutcome("broken: ZeroDivisionError"))]


def test_the_commit_that_sends_names_who_is_asked() -> None:
    assert sending("amex", attempt=1) == Change(PaymentEvent.SEND, acquirer="amex", detail="amex", attempt=1)


async def test_an_earlier_attempt_that_lands_does_not_hide_the_later_one() -> None:
    first, second = Flight(), Flight()
    first.of.send(SENDING, first.ask)
    (earlier,) = first.of._under_way
    first.of.send(SENDING, second.ask)
    first.go.set()
    await earlier
    await asyncio.sleep(0)
    assert (len(first.of._under_way), len(first.of._latest)) == (1, 1)
    assert await first.of.wait(SENDING.id, 0.001) is None
    second.go.set()
    assert await first.of.wait(SENDING.id, 5) is DONE


async def test_an_answer_that_cannot_be_recorded_is_told_and_asked_for_later(
    caplog: pytest.LogCaptureFixture, monkeypatch: pytest.MonkeyPatch
) -> None:
    slept = pauses_of("core.payments.authorisation", monkeypatch)
    flight = Flight(reply=DatabaseUnavailable())
    flight.go.set()
    flight.of.send(SENDING, flight.ask)
    assert await flight.of.wait(SENDING.id, 5) is None
    assert (slept, len(flight.recorder.asked)) == ([0.2, 1.0, 3.0], 4)
    assert "could not be recorded" in caplog.text
    back = Flight(reply=[DatabaseUnavailable(), DONE])
    back.go.set()
    back.of.send(SENDING, back.ask)
    assert await back.of.wait(SENDING.id, 5) is DONE


async def test_a_process_sends_so_many_at_once() -> None:
    flight = Flight()
    flight.of._under_way = cast("Any", range(FLIGHTS_MAX - 1))
    assert not flight.of.full
    flight.of._under_way = cast("Any", range(FLIGHTS_MAX))
    assert (flight.of.full, FLIGHTS_MAX) == (True, 1_000)


@pytest.mark.parametrize(
    ("payment", "passed_s", "sent"),
    [
        (SENDING, 30, True),
        (SENDING, 31, False),
        (replace(SENDING, sent_at=None), 30, True),
        (replace(SENDING, sent_at=at(1)), 31, True),
    ],
)
async def test_a_process_that_was_stopped_too_long_sends_nothing(
    payment: Payment, passed_s: int, *, sent: bool
) -> None:
    flight = Flight(passed_s)
    flight.go.set()
    flight.of.send(replace(payment, acquirer_free=True), flight.ask, ("naps",))
    await flight.of.wait(payment.id, 5)
    assert bool(flight.banks.named) is sent
    ((name, _, answer),) = flight.recorder.asked
    assert (name, isinstance(answer, NotSent)) == ("reply", not sent)


@pytest.mark.parametrize(
    ("free", "answer", "inquired", "goes_on"),
    [
        (True, NotSent("down"), None, True),
        (False, NotSent("down"), None, False),
        (True, FAULT, NoSuchOrder(), True),
        (True, FAULT, SILENCE, False),
        (True, Decline("51", DeclineKind.OTHER_CARD), NoSuchOrder(), False),
        (True, SILENCE, NoSuchOrder(), False),
    ],
)
async def test_another_acquirer_is_asked_where_nothing_can_be_at_the_first(
    answer: Authorisation, inquired: object, *, free: bool, goes_on: bool
) -> None:
    flight = Flight(resent=replace(SENDING, acquirer="naps", acquirer_free=True), inquire=inquired)
    flight.banks.bank._said["authorise"] = [answer, SILENCE]
    flight.go.set()
    flight.of.send(replace(SENDING, acquirer_free=free), flight.ask, ("naps", "third"))
    await flight.of.wait(SENDING.id, 5)
    resent = [asked for asked in flight.recorder.asked if asked[0] == "resent"]
    assert resent == ([("resent", replace(SENDING, acquirer_free=True), answer, "naps")] if goes_on else [])
    assert flight.recorder.asked[-1][2] == (SILENCE if goes_on else answer)


@pytest.mark.parametrize("error", [BillsTaken(), DatabaseUnavailable(), LOST_RACE])
async def test_what_cannot_be_written_down_goes_no_further(error: Exception) -> None:
    flight = Flight(resent=error)
    flight.banks.bank._said["authorise"] = [NotSent("down")]
    flight.go.set()
    flight.of.send(replace(SENDING, acquirer_free=True), flight.ask, ("naps", "third"))
    assert await flight.of.wait(SENDING.id, 5) is DONE
    assert [asked[0] for asked in flight.recorder.asked] == ["resent", "reply"]


# --- who is asked -----------------------------------------------------------------------------------------------------

OVER = replace(SENDING, state=PaymentState.DECLINED, decline_kind="our_fault")
BOTH = ("naps", "amex")


@pytest.mark.parametrize(
    ("changes", "passed_s", "absent", "freed", "expected"),
    [
        ({}, 0, True, True, BOTH),
        ({}, 0, True, False, ()),
        ({}, 0, False, True, ("amex",)),
        ({"attempts": 2}, 900, True, True, ("amex",)),
        ({"attempts": 2}, 901, True, True, BOTH),
        ({"decline_kind": "bank_busy"}, 900, True, True, ("amex",)),
        ({"decline_kind": "bank_busy"}, 901, True, True, BOTH),
        ({"decline_kind": "bank_down"}, 901, True, True, BOTH),
        ({"decline_kind": "no_card"}, 901, True, True, BOTH),
        ({"decline_kind": "other_card"}, 9_999, True, True, ("amex",)),
        ({"state": PaymentState.UNKNOWN}, 9_999, True, True, ("amex",)),
        ({"sent_at": None, "attempts": 2, "created_at": at(-1)}, 900, True, True, BOTH),
    ],
)
async def test_another_is_asked_only_when_nothing_can_be_at_the_shut_one(
    changes: dict[str, Any], passed_s: int, expected: tuple[str, ...], *, absent: bool, freed: bool
) -> None:
    banks = Banks(*BOTH, shut=True, tied=("amex",), inquire=NoSuchOrder() if absent else SILENCE)
    books, payment = port(free=OVER if freed else None), replace(OVER, **changes)
    choice = AcquirerChoice(books, cast("Any", banks), StillClock(at(passed_s)), Times())
    assert await choice.of(payment, "visa", telephone=True) == expected
    assert books.asked == [("free", OVER.id, payment.attempts)] * (expected != ("amex",))
    assert [attempt.tied_to for attempt in banks.asked] == [None, "amex"]


async def test_a_free_payment_is_anybodys_and_one_that_can_be_asked_stays() -> None:
    for payment in (CREATED, replace(OVER, acquirer_free=True)):
        assert is_free(payment)
        banks = Banks(*BOTH, shut=True, tied=("amex",))
        choice = AcquirerChoice(port(), cast("Any", banks), StillClock(), Times())
        assert await choice.of(payment, None, telephone=False) == BOTH
    assert not is_free(OVER)
    for banks in (Banks(*BOTH, tied=("amex",), inquire=NoSuchOrder()), Banks("amex", shut=True, tied=("amex",))):
        choice = AcquirerChoice(port(), cast("Any", banks), StillClock(), Times())
        assert await choice.of(OVER, None, telephone=True) == ("amex",)
    off = Banks(*BOTH, tied=(), inquire=NoSuchOrder())  # it takes no such payment any more
    choice = AcquirerChoice(port(free=OVER), cast("Any", off), StillClock(), Times())
    assert await choice.of(OVER, None, telephone=True) == BOTH
