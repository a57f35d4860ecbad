"""The client against the emulator, over real HTTP: every card, every step after a charge."""

import asyncio
import re
import socket
from dataclasses import replace

import pytest

from core.acquirers.breaker import Breaker
from core.acquirers.cmi import CmiAcquirer
from core.cards import Card, Secret
from core.payments.table import Challenge
from core.ports import (
    Approved,
    ChallengeRequired,
    Decline,
    DeclineKind,
    NoSuchOrder,
    NotSent,
    NotSettled,
    Order,
    Pending,
    TooLate,
    Undone,
    UnknownOutcome,
)
from lab.cmi.stand import EmulatedCmi

CVV = Secret("000")
VISA, MASTERCARD, PIN_CARD = "4000000000000010", "5453010000066100", "5191630100004896"
CHARGES_SILENTLY, SILENT, GARBAGE = "4000009900009203", "4000009900009609", "4000009900009906"


def card(pan: str = VISA, month: int = 12, year: int = 2031) -> Card:
    return Card(Secret(pan), month, year)


def order(order_id: str, amount_centimes: int = 76920) -> Order:
    return Order(order_id, amount_centimes, "MAD", "salma@example.com", "+212600000001")


@pytest.mark.parametrize(("pan", "brand"), [(VISA, "visa"), (MASTERCARD, "mastercard")])
async def test_approved_cards(client: CmiAcquirer, cmi: EmulatedCmi, pan: str, brand: str) -> None:
    answer = await client.authorise(order("o-1"), card(pan), CVV)
    assert isinstance(answer, Approved)
    assert (answer.amount_centimes, answer.brand, len(answer.auth_code)) == (None, brand, 6)
    assert cmi.captured_centimes("o-1") == 76920
    assert await client.inquire("o-1") == replace(answer, amount_centimes=76920), "the status tells what was taken"


@pytest.mark.parametrize(
    ("pan", "code", "kind"),
    [
        ("4000009900000509", "05", DeclineKind.OTHER_CARD),
        ("4000009900005102", "51", DeclineKind.OTHER_CARD),
        ("4000009900005409", "54", DeclineKind.OTHER_CARD),
        ("4000009900009104", "91", DeclineKind.BANK_BUSY),
        ("4000000000000011", "14", DeclineKind.OTHER_CARD),
    ],
)
async def test_declining_cards(client: CmiAcquirer, cmi: EmulatedCmi, pan: str, code: str, kind: DeclineKind) -> None:
    answer = await client.authorise(order("o-1"), card(pan), CVV)
    assert isinstance(answer, Decline)
    assert (answer.code, answer.kind) == (code, kind)
    assert cmi.captured_centimes("o-1") == 0
    assert await client.inquire("o-1") == Decline(code, kind)


async def test_an_expired_card(client: CmiAcquirer) -> None:
    answer = await client.authorise(order("o-1"), card(month=1, year=2020), CVV)
    assert isinstance(answer, Decline)
    assert answer.code == "54"


async def test_another_card_pays_the_same_order_once(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    await client.authorise(order("o-1"), card("4000009900005102"), CVV)
    first = await client.authorise(order("o-1"), card(), CVV)
    again = await client.authorise(order("o-1"), card(MASTERCARD), CVV)
    assert isinstance(first, Approved)
    assert isinstance(again, Approved)
    assert again.auth_code == first.auth_code
    assert cmi.captured_centimes("o-1") == 76920


async def test_a_card_that_charges_and_never_answers(client: CmiAcquirer, hasty: CmiAcquirer, cmi: EmulatedCmi) -> None:
    assert await hasty.authorise(order("o-1"), card(CHARGES_SILENTLY), CVV) == UnknownOutcome("no answer in time")
    assert cmi.captured_centimes("o-1") == 76920
    assert isinstance(await client.inquire("o-1"), Approved)


async def test_a_card_that_neither_charges_nor_answers(client: CmiAcquirer, hasty: CmiAcquirer) -> None:
    assert await hasty.authorise(order("o-1"), card(SILENT), CVV) == UnknownOutcome("no answer in time")
    assert await client.inquire("o-1") == NoSuchOrder()


async def test_a_card_that_gets_garbage(client: CmiAcquirer) -> None:
    assert await client.authorise(order("o-1"), card(GARBAGE), CVV) == UnknownOutcome("answer cannot be read")
    assert await client.inquire("o-1") == NoSuchOrder()


async def challenged(client: CmiAcquirer, order_id: str) -> Challenge:
    return challenge_in(await client.authorise(order(order_id), card(PIN_CARD), CVV))


def challenge_in(answer: object) -> Challenge:
    assert isinstance(answer, ChallengeRequired)
    return answer.challenge


async def test_the_right_pin(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    challenge = await challenged(client, "o-1")
    assert (challenge.length, challenge.attempts_left) == (3, 3)
    assert cmi.captured_centimes("o-1") == 0
    assert await client.inquire("o-1") == ChallengeRequired(challenge)
    answer = await client.answer_challenge(order("o-1"), challenge.id, Secret("123"))
    assert isinstance(answer, Approved)
    assert cmi.captured_centimes("o-1") == 76920
    assert await client.inquire("o-1") == replace(answer, amount_centimes=76920)


async def test_three_wrong_pins(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    challenge = await challenged(client, "o-1")
    answers = [await client.answer_challenge(order("o-1"), challenge.id, Secret(pin)) for pin in ("124", "999")]
    last = await client.answer_challenge(order("o-1"), challenge.id, Secret("000"))
    assert [challenge_in(answer).attempts_left for answer in answers] == [2, 1]
    assert isinstance(last, Decline)
    assert (last.code, last.kind) == ("75", DeclineKind.PIN)
    late = await client.answer_challenge(order("o-1"), challenge.id, Secret("123"))
    assert isinstance(late, Decline)
    assert cmi.captured_centimes("o-1") == 0


async def test_a_wrong_pin_then_the_right_one(client: CmiAcquirer) -> None:
    challenge = await challenged(client, "o-1")
    await client.answer_challenge(order("o-1"), challenge.id, Secret("321"))
    assert isinstance(await client.answer_challenge(order("o-1"), challenge.id, Secret("123")), Approved)


async def test_a_right_pin_heard_twice_pays_once(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    challenge = await challenged(client, "o-1")
    first = await client.answer_challenge(order("o-1"), challenge.id, Secret("123"))
    assert isinstance(first, Approved)
    again = await client.answer_challenge(order("o-1"), challenge.id, Secret("123"))
    assert again == replace(first, amount_centimes=76920)
    assert cmi.captured_centimes("o-1") == 76920


async def test_an_order_that_waits_for_its_pin_is_pending(client: CmiAcquirer) -> None:
    await challenged(client, "o-1")
    assert await client.authorise(order("o-1"), card(), CVV) == Pending()


async def test_void_before_settlement(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    await client.authorise(order("o-1"), card(), CVV)
    assert await client.refund("o-1", 76920) == NotSettled()
    assert await client.void("o-1") == Undone()
    assert cmi.captured_centimes("o-1") == 0
    assert await client.inquire("o-1") == Undone()
    assert await client.void("o-1") == Undone()


async def test_credit_after_settlement(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    await client.authorise(order("o-1", 30000), card(), CVV)
    cmi.ledger.settle(cmi.gateway.bank.now())
    assert await client.void("o-1") == TooLate()
    assert await client.refund("o-1", 10000) == Undone()
    assert await client.credited_centimes("o-1") == 10000
    assert isinstance(await client.inquire("o-1"), Approved)
    refused = await client.refund("o-1", 20001)
    assert isinstance(refused, Decline)
    assert refused.kind is DeclineKind.OUR_FAULT
    assert await client.refund("o-1", 20000) == Undone()
    assert await client.inquire("o-1") == Undone()
    assert cmi.ledger.credited_centimes("o-1") == 30000


async def test_a_full_credit_told_twice_is_given_once(client: CmiAcquirer, cmi: EmulatedCmi) -> None:
    await client.authorise(order("o-1"), card(), CVV)
    cmi.ledger.settle(cmi.gateway.bank.now())
    assert [await client.refund("o-1", 76920) for _ in range(2)] == [Undone(), Undone()]
    assert cmi.ledger.credited_centimes("o-1") == 76920


async def test_undoing_what_is_not_there(client: CmiAcquirer) -> None:
    assert isinstance(await client.void("nothing"), Decline)
    assert isinstance(await client.refund("nothing", 100), Decline)
    assert await client.credited_centimes("nothing") is None
    assert await client.inquire("nothing") == NoSuchOrder()


async def test_a_wrong_password_is_our_fault(cmi: EmulatedCmi) -> None:
    client = CmiAcquirer(replace(cmi.account, password=Secret("wrong")))
    answer = await client.authorise(order("o-1"), card(), CVV)
    await client.aclose()
    assert isinstance(answer, Decline)
    assert answer.kind is DeclineKind.OUR_FAULT


@pytest.mark.parametrize(
    "wrong",
    [replace(order("o"), currency="EUR"), order("x" * 65), order(""), order("o", 0)],
)
async def test_orders_that_cannot_be_sent(client: CmiAcquirer, cmi: EmulatedCmi, wrong: Order) -> None:
    assert isinstance(await client.authorise(wrong, card(), CVV), NotSent)
    assert isinstance(await client.answer_challenge(wrong, "c", Secret("123")), NotSent)
    assert list(cmi.ledger.orders()) == []


async def test_nothing_listens(cmi: EmulatedCmi) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))  # bound, not listening: refused
        client = CmiAcquirer(replace(cmi.account, url=f"http://127.0.0.1:{taken.getsockname()[1]}/fim/api"))
        assert await client.authorise(order("o-1"), card(), CVV) == NotSent("no connection")
        assert await client.inquire("o-1") == UnknownOutcome("no connection")
        assert await client.void("o-1") == UnknownOutcome("no connection")
        await client.aclose()


async def test_an_open_circuit_sends_nothing_and_an_inquiry_closes_it(client: CmiAcquirer, hasty: CmiAcquirer) -> None:
    client.breaker = hasty.breaker = Breaker(lambda: 0.0, failures_max=2)
    for order_id in ("o-1", "o-2"):
        await hasty.authorise(order(order_id), card(SILENT), CVV)
    assert await client.authorise(order("o-3"), card(), CVV) == NotSent("circuit open")
    assert await client.inquire("o-3") == NoSuchOrder()
    assert isinstance(await client.authorise(order("o-3"), card(), CVV), Approved)


@pytest.mark.parametrize("url", ["", "ftp://x/fim/api", "/fim/api", "http:///fim/api"])
def test_an_address_that_cannot_work(cmi: EmulatedCmi, url: str) -> None:
    with pytest.raises(ValueError, match="http or https"):
        CmiAcquirer(replace(cmi.account, url=url))


async def test_cancelling_passes_through(client: CmiAcquirer) -> None:
    task = asyncio.create_task(client.authorise(order("o-1"), card(SILENT), CVV))
    await asyncio.sleep(0.05)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task


async def test_a_closed_client_opens_again(client: CmiAcquirer) -> None:
    await client.aclose()
    await client.aclose()
    assert await client.inquire("o-1") == NoSuchOrder()


async def test_no_log_line_and_no_answer_holds_card_data(
    client: CmiAcquirer, hasty: CmiAcquirer, caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level("DEBUG")
    cvv, pin = Secret("978"), Secret("6421")
    pans = [VISA, PIN_CARD, GARBAGE, "4000009900000509", "4000009900009104"]
    answers: list[object] = [await client.authorise(order(f"o-{pan[-4:]}"), card(pan), cvv) for pan in pans]
    answers.append(await hasty.authorise(order("o-silent"), card(SILENT), cvv))
    answers.append(await client.answer_challenge(order("o-4896"), "otp", pin))
    seen = caplog.text + repr(answers) + repr(vars(client))
    # as a number by itself: a port or an address may have three of its digits
    assert not [secret for secret in (*pans, SILENT, "978", "6421") if re.search(rf"\b{secret}\b", seen)]
