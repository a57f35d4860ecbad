"""What core.ports.Acquirer promises, asked of every acquirer over the wire, its stand-in lying."""

import asyncio
import socket
from collections.abc import AsyncIterator

import pytest

from core.acquirers.breaker import Breaker
from core.cards import Card, Secret
from core.ports import (
    Acquirer,
    Approved,
    Decline,
    DeclineKind,
    NoSuchOrder,
    NotSent,
    NotSettled,
    Order,
    TooLate,
    Undoing,
    Undone,
    UnknownOutcome,
)
from tests.core.acquirers.peers import HASTY_S, Peer, cmi_peer, gateway_peer

CVV = Secret("000")
ORDER = Order("01KAZB3S5V0000000000000001", 5000, "MAD", None, "")


@pytest.fixture(params=["cmi", "payment_intents"])
async def peer(request: pytest.FixtureRequest) -> AsyncIterator[Peer]:
    if request.param == "cmi":
        async with cmi_peer() as cmi:
            yield cmi
    else:
        async with gateway_peer() as gateway:
            yield gateway


@pytest.fixture
async def client(peer: Peer) -> AsyncIterator[Acquirer]:
    made = peer.client()
    yield made
    await made.aclose()


@pytest.fixture
async def hasty(peer: Peer) -> AsyncIterator[Acquirer]:
    made = peer.client(HASTY_S)
    yield made
    await made.aclose()


def card(pan: str) -> Card:
    return Card(Secret(pan), 12, 2031)


async def given_back(client: Acquirer, order_id: str, centimes: int) -> Undoing:
    """As core/payments/janitor.py does it."""
    answer = await client.void(order_id)
    return await client.refund(order_id, centimes) if isinstance(answer, TooLate) else answer


async def test_a_charge_is_found_by_our_own_name_for_it(client: Acquirer, peer: Peer) -> None:
    answer = await client.authorise(ORDER, card(peer.good), CVV)
    assert isinstance(answer, Approved)
    found = await client.inquire(ORDER.id)
    assert isinstance(found, Approved)
    assert (found.auth_code, found.transaction_number) == (answer.auth_code, answer.transaction_number)
    assert (found.amount_centimes, peer.captured_centimes(ORDER.id)) == (5000, 5000)
    assert (len(answer.auth_code), answer.brand) == (6, "visa")


async def test_a_refusal_charges_nothing_and_another_card_may_pay(client: Acquirer, peer: Peer) -> None:
    refused = await client.authorise(ORDER, card(peer.poor), CVV)
    assert isinstance(refused, Decline)
    assert refused.kind is DeclineKind.OTHER_CARD
    assert isinstance(await client.inquire(ORDER.id), Decline)
    assert peer.captured_centimes(ORDER.id) == 0
    assert isinstance(await client.authorise(ORDER, card(peer.good), CVV), Approved)
    assert isinstance(await client.inquire(ORDER.id), Approved), "success wins over earlier declines"


async def test_a_paid_order_is_not_paid_again(client: Acquirer, peer: Peer) -> None:
    first = await client.authorise(ORDER, card(peer.good), CVV)
    again = await client.authorise(ORDER, card(peer.good), CVV)
    assert isinstance(first, Approved)
    assert isinstance(again, Approved)
    assert again.transaction_number == first.transaction_number
    assert peer.captured_centimes(ORDER.id) == 5000


async def test_an_answer_lost_after_the_charge_is_unknown_and_then_found(
    client: Acquirer, hasty: Acquirer, peer: Peer
) -> None:
    peer.lie("lost_after")
    assert isinstance(await hasty.authorise(ORDER, card(peer.good), CVV), UnknownOutcome)
    assert isinstance(await client.inquire(ORDER.id), Approved)
    assert isinstance(await client.authorise(ORDER, card(peer.good), CVV), Approved)
    assert peer.captured_centimes(ORDER.id) == 5000


async def test_a_charge_that_never_arrived_is_unknown_then_absent(
    client: Acquirer, hasty: Acquirer, peer: Peer
) -> None:
    peer.lie("lost_before")
    assert isinstance(await hasty.authorise(ORDER, card(peer.good), CVV), UnknownOutcome)
    assert await client.inquire(ORDER.id) == NoSuchOrder()
    assert isinstance(await client.authorise(ORDER, card(peer.good), CVV), Approved)


async def test_a_charge_that_lands_late_after_a_second_try_is_one(
    client: Acquirer, hasty: Acquirer, peer: Peer
) -> None:
    peer.lie("late")
    assert isinstance(await hasty.authorise(ORDER, card(peer.good), CVV), UnknownOutcome)
    assert isinstance(await client.authorise(ORDER, card(peer.good), CVV), Approved)
    assert await peer.hurry() >= 1
    assert peer.captured_centimes(ORDER.id) == 5000
    assert isinstance(await client.inquire(ORDER.id), Approved)


@pytest.mark.parametrize("lie", ["garbage", "error_after"])
async def test_nonsense_is_never_a_refusal(client: Acquirer, peer: Peer, lie: str) -> None:
    peer.lie(lie)
    answer = await client.authorise(ORDER, card(peer.good), CVV)
    assert isinstance(answer, Approved | UnknownOutcome)
    if peer.captured_centimes(ORDER.id):
        assert isinstance(await client.inquire(ORDER.id), Approved)
    assert isinstance(await client.authorise(ORDER, card(peer.good), CVV), Approved)
    assert peer.captured_centimes(ORDER.id) == 5000


async def test_a_wrong_amount_is_told_as_it_was_taken(client: Acquirer, peer: Peer) -> None:
    peer.lie("wrong_amount")
    await client.authorise(ORDER, card(peer.good), CVV)
    found = await client.inquire(ORDER.id)
    assert isinstance(found, Approved)
    assert found.amount_centimes == 5100


async def test_an_order_nobody_sent_is_absent_and_has_nothing_to_give_back(client: Acquirer) -> None:
    assert await client.inquire("01KAZB3S5V0000000000000009") == NoSuchOrder()
    assert isinstance(await client.void("01KAZB3S5V0000000000000009"), Decline)
    assert isinstance(await client.refund("01KAZB3S5V0000000000000009", 100), Decline)
    assert await client.credited_centimes("01KAZB3S5V0000000000000009") is None


async def test_a_whole_charge_is_given_back_once(client: Acquirer, peer: Peer) -> None:
    await client.authorise(ORDER, card(peer.good), CVV)
    assert await given_back(client, ORDER.id, 5000) == Undone()
    assert await client.inquire(ORDER.id) == Undone()
    assert await given_back(client, ORDER.id, 5000) == Undone()
    assert peer.credited_centimes(ORDER.id) in {0, 5000}  # let go, or refunded
    assert isinstance(await client.authorise(ORDER, card(peer.good), CVV), UnknownOutcome), "undone is not unpaid"


async def test_parts_are_given_back_and_never_more_than_was_taken(client: Acquirer, peer: Peer) -> None:
    await client.authorise(ORDER, card(peer.good), CVV)
    peer.settle()
    for _ in range(2):  # the same amount, twice meant
        assert await client.refund(ORDER.id, 2000) == Undone()
    assert await client.credited_centimes(ORDER.id) == 4000
    assert isinstance(await client.inquire(ORDER.id), Approved)
    refused = await client.refund(ORDER.id, 1001)
    assert isinstance(refused, Decline)
    assert refused.kind is DeclineKind.OUR_FAULT
    assert await client.refund(ORDER.id, 1000) == Undone()
    assert (await client.inquire(ORDER.id), peer.credited_centimes(ORDER.id)) == (Undone(), 5000)


async def test_a_refund_whose_answer_is_lost_is_counted(client: Acquirer, hasty: Acquirer, peer: Peer) -> None:
    await client.authorise(ORDER, card(peer.good), CVV)
    peer.settle()
    peer.lie("lost_refund")
    assert isinstance(await hasty.refund(ORDER.id, 2000), UnknownOutcome)
    assert await client.credited_centimes(ORDER.id) == peer.credited_centimes(ORDER.id) == 2000


async def test_many_at_once_charge_each_order_once(client: Acquirer, peer: Peer) -> None:
    orders = [Order(f"01KAZB3S5V00000000000000{i % 5:02d}", 5000, "MAD", None, "") for i in range(20)]
    answers = await asyncio.gather(*(client.authorise(order, card(peer.good), CVV) for order in orders))
    assert not [answer for answer in answers if isinstance(answer, Decline | NotSettled)]
    assert {peer.captured_centimes(order.id) for order in orders} == {5000}


async def test_a_wrong_password_is_our_fault(peer: Peer) -> None:
    client = peer.client(key="wrong")
    answer = await client.authorise(ORDER, card(peer.good), CVV)
    inquiry = await client.inquire(ORDER.id)
    await client.aclose()
    assert isinstance(answer, Decline)
    assert answer.kind is DeclineKind.OUR_FAULT
    assert isinstance(inquiry, UnknownOutcome), "who may not look has not seen that nothing is there"


async def test_where_nobody_listens_nothing_was_sent(peer: Peer) -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        client = peer.client(url=f"http://127.0.0.1:{closed.getsockname()[1]}/fim/api")
        assert isinstance(await client.authorise(ORDER, card(peer.good), CVV), NotSent)
        assert isinstance(await client.inquire(ORDER.id), UnknownOutcome)
        assert isinstance(await client.void(ORDER.id), UnknownOutcome)
        assert await client.credited_centimes(ORDER.id) is None
        await client.aclose()


async def test_another_currency_or_no_amount_is_not_sent(client: Acquirer, peer: Peer) -> None:
    for order in (Order(ORDER.id, 5000, "EUR", None, ""), Order(ORDER.id, 0, "MAD", None, "")):
        assert isinstance(await client.authorise(order, card(peer.good), CVV), NotSent)
    assert await client.inquire(ORDER.id) == NoSuchOrder()


async def test_an_open_circuit_sends_nothing(peer: Peer) -> None:
    breaker = Breaker(lambda: 0.0, failures_max=1)
    breaker.failed()
    client = peer.opened(breaker)
    assert isinstance(await client.authorise(ORDER, card(peer.good), CVV), NotSent)
    await client.aclose()


async def test_no_answer_shows_a_card(client: Acquirer, hasty: Acquirer, peer: Peer) -> None:
    answers: list[object] = [await client.authorise(ORDER, card(peer.poor), CVV), await client.inquire(ORDER.id)]
    peer.lie("lost_before")
    answers += [await hasty.authorise(ORDER, card(peer.good), CVV), await client.inquire(ORDER.id)]
    answers += [await client.authorise(ORDER, card(peer.good), CVV)]
    assert not [answer for answer in answers if peer.good in repr(answer) or peer.poor in repr(answer)]
