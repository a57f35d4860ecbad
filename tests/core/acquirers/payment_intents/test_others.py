"""The stand-in under a client that others wrote, the gateway's own: so its shapes are not only our reading of them."""

import asyncio
from collections.abc import Callable
from typing import TypeVar

import pytest
import stripe

from lab.payment_intents import cards
from lab.payment_intents.stand import DEMO_KEY, EmulatedGateway

Result = TypeVar("Result")


async def apart(work: Callable[[], Result]) -> Result:
    """That client waits for its answers: on a thread of its own."""
    return await asyncio.to_thread(work)


@pytest.fixture
def theirs(stand: EmulatedGateway) -> stripe.StripeClient:
    return stripe.StripeClient(DEMO_KEY.reveal(), base_addresses={"api": stand.url}, max_network_retries=0)


async def test_an_intent_from_its_making_to_its_refund(theirs: stripe.StripeClient, stand: EmulatedGateway) -> None:
    intents = theirs.v1.payment_intents
    made = await apart(
        lambda: intents.create(
            {"amount": 5000, "currency": "mad", "metadata": {"order_id": "o-1"}},
            {"idempotency_key": "k-1"},
        )
    )
    again = await apart(
        lambda: intents.create(
            {"amount": 5000, "currency": "mad", "metadata": {"order_id": "o-1"}},
            {"idempotency_key": "k-1"},
        )
    )
    assert (made.status, made.id) == ("requires_payment_method", again.id)
    card: stripe.params.PaymentMethodCreateParamsCard = {
        "number": cards.APPROVED, "exp_month": 12, "exp_year": 2031, "cvc": "000"
    }  # fmt: skip
    method = await apart(lambda: theirs.v1.payment_methods.create({"type": "card", "card": card}))
    paid = await apart(
        lambda: intents.confirm(
            made.id, {"payment_method": method.id, "error_on_requires_action": True, "expand": ["latest_charge"]}
        )
    )
    assert (paid.status, paid.amount_received) == ("succeeded", 5000)
    assert isinstance(paid.latest_charge, stripe.Charge)
    assert paid.latest_charge.captured
    found = await apart(lambda: intents.search({"query": "metadata['order_id']:'o-1'"}))
    listed = await apart(lambda: intents.list({"created": {"gte": paid.created - 1}, "limit": 100}))
    assert [one.id for one in found.data] == [one.id for one in listed.data] == [made.id]
    refund = await apart(lambda: theirs.v1.refunds.create({"payment_intent": made.id, "amount": 2000}))
    assert (refund.status, refund.amount) == ("succeeded", 2000)
    refunds = await apart(lambda: theirs.v1.refunds.list({"payment_intent": made.id}))
    assert [one.amount for one in refunds.data] == [2000]


async def test_errors_are_of_their_kinds(theirs: stripe.StripeClient, stand: EmulatedGateway) -> None:
    intents = theirs.v1.payment_intents
    made = await apart(lambda: intents.create({"amount": 5000, "currency": "mad"}, {"idempotency_key": "k-2"}))
    with pytest.raises(stripe.IdempotencyError):
        await apart(lambda: intents.create({"amount": 6000, "currency": "mad"}, {"idempotency_key": "k-2"}))
    card: stripe.params.PaymentMethodCreateParamsCard = {
        "number": cards.NO_MONEY, "exp_month": 12, "exp_year": 2031, "cvc": "000"
    }  # fmt: skip
    method = await apart(lambda: theirs.v1.payment_methods.create({"type": "card", "card": card}))
    with pytest.raises(stripe.CardError) as refused:
        await apart(lambda: intents.confirm(made.id, {"payment_method": method.id}))
    assert refused.value.code == "card_declined"
    assert refused.value.error is not None
    assert refused.value.error.decline_code == "insufficient_funds"
    assert refused.value.error.payment_intent is not None
    assert refused.value.error.payment_intent.status == "requires_payment_method"
    with pytest.raises(stripe.InvalidRequestError) as early:
        await apart(lambda: intents.capture(made.id))
    assert early.value.code == "payment_intent_unexpected_state"
    with pytest.raises(stripe.AuthenticationError):
        await apart(lambda: stripe.StripeClient("sk_no", base_addresses={"api": stand.url}).v1.refunds.list())


async def test_a_checkout_session_is_opened_listed_and_closed(
    theirs: stripe.StripeClient, stand: EmulatedGateway
) -> None:
    sessions = theirs.v1.checkout.sessions
    asked: stripe.params.checkout.SessionCreateParams = {
        "mode": "payment",
        "client_reference_id": "o-1",
        "success_url": "https://pay.example.ma/back",
        "line_items": [
            {"quantity": 1, "price_data": {"currency": "mad", "unit_amount": 5000, "product_data": {"name": "x"}}}
        ],
        "payment_intent_data": {"capture_method": "manual", "metadata": {"order_id": "o-1"}},
    }
    made = await apart(lambda: sessions.create(asked))
    assert (made.status, made.payment_intent, made.client_reference_id) == ("open", None, "o-1")
    assert made.url is not None
    assert made.url.startswith(f"{stand.url}/c/pay/")
    listed = await apart(lambda: sessions.list({"limit": 100}))
    assert [one.id for one in listed.data] == [made.id]
    assert (await apart(lambda: sessions.expire(made.id))).status == "expired"
    with pytest.raises(stripe.InvalidRequestError):
        await apart(lambda: sessions.expire(made.id))
