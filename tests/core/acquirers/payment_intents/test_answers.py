"""What a charge and a look send and what is made of one answer after another, word for word; no network."""

from typing import Any

import pytest

from core.acquirers.breaker import Breaker, Circuit
from core.acquirers.payment_intents.client import PaymentIntentsAcquirer
from core.acquirers.payment_intents.finding import FOUND_MAX, why_of
from core.acquirers.payment_intents.transport import GatewayAccount, GatewayAnswer
from core.cards import Secret
from core.ids import Ids
from core.ports import (
    Authorisation,
    Decline,
    DeclineKind,
    Inquiry,
    NoSuchOrder,
    NotSent,
    Order,
    Pending,
    UnknownOutcome,
)
from lab.clocks import NOON
from tests.core.acquirers.payment_intents.scripted import (
    APPROVED,
    AWAY,
    CARD,
    CVV,
    FAILED_CARD,
    LOST,
    METHOD,
    NEW,
    NO_MONEY,
    NONE,
    NOW_S,
    ORDER,
    PAID,
    REPLAYED,
    client,
    error,
    intent,
    ok,
    page_of,
    sent,
)
from tests.core.scripted_peer import Answer, ScriptedPeer


async def test_what_a_charge_sends_word_for_word() -> None:
    made = client(NEW, METHOD, ok(PAID))
    assert await made.authorise(ORDER, CARD, CVV) == APPROVED
    first, second, third = sent(made)
    assert [str(each.url) for each in (first, second, third)] == [
        "http://peer.example/v1/payment_intents",
        "http://peer.example/v1/payment_methods",
        "http://peer.example/v1/payment_intents/pi_1/confirm",
    ]
    assert {each.method for each in (first, second, third)} == {"POST"}
    assert first.data == {
        "amount": "5000",
        "currency": "mad",
        "payment_method_types[0]": "card",
        "capture_method": "automatic",
        "metadata[order_id]": "o-1",
        "metadata[way]": "phone",
        "payment_method_options[card][moto]": "true",
    }
    assert second.data == {
        "type": "card",
        "card[number]": "4242424242424242",
        "card[exp_month]": "12",
        "card[exp_year]": "2031",
        "card[cvc]": "000",
    }
    assert third.data == {
        "payment_method": "pm_1",
        "error_on_requires_action": "true",
        "expand[0]": "latest_charge",
    }
    assert (first.headers, third.headers) == (
        {"Idempotency-Key": "o-1-intent"},
        {"Idempotency-Key": "pi_1-confirm-pm_1"},
    )
    assert second.headers["Idempotency-Key"].startswith("o-1-card-")
    assert [each.timeout_s for each in (first, second, third)] == [10, 10, None], "only the charge is awaited long"


def test_every_request_bears_the_account() -> None:
    account = GatewayAccount("https://api.example/", Secret("sk_1"), moto=False)
    peer = PaymentIntentsAcquirer(account).exchange._peer
    assert (str(peer.url), peer._headers) == (
        "https://api.example",
        {
            "Accept-Encoding": "identity",
            "Authorization": "Bearer sk_1",
            "Stripe-Version": "2025-03-31.basil",
            "Accept": "application/json",
        },
    )


async def test_an_account_without_moto_marks_no_charge_as_such() -> None:
    made = PaymentIntentsAcquirer(GatewayAccount("https://api.example", Secret("sk_1"), moto=False))
    made.exchange._peer = peer = ScriptedPeer([LOST])
    await made.authorise(ORDER, CARD, CVV)
    assert not [name for name in peer.sent[0].data if "moto" in str(name)]


@pytest.mark.parametrize(
    ("order_id", "amount_centimes", "told"),
    [
        ("", 1, NotSent("no order the gateway would take")),
        ("o", 1, NotSent("before charging: lost")),
        ("o" * 64, 1, NotSent("before charging: lost")),
        ("o" * 65, 1, NotSent("no order the gateway would take")),
        ("o", 0, NotSent("no order the gateway would take")),
    ],
)
async def test_only_an_order_that_the_gateway_would_take_is_sent(
    order_id: str, amount_centimes: int, told: Authorisation
) -> None:
    assert await client(LOST).authorise(Order(order_id, amount_centimes, "mad", None, ""), CARD, CVV) == told


async def test_a_probe_may_take_as_long_as_three_requests() -> None:
    asked: list[float] = []

    class Asked(Breaker):
        def allows(self, probe_s: float) -> bool:
            asked.append(probe_s)
            return super().allows(probe_s)

    await client(LOST, breaker=Asked(lambda: 0.0)).authorise(ORDER, CARD, CVV)
    assert asked == [90.0]


@pytest.mark.parametrize(
    ("answers", "told"),
    [
        # the answer itself
        ([ok(PAID)], APPROVED),
        ([ok(intent("processing"))], Pending()),
        # another's, or a repeat of what was: the intent is read
        ([ok(intent("succeeded", "pi_2")), ok(intent("processing"))], Pending()),
        ([ok(PAID, REPLAYED), ok(intent("processing"))], Pending()),
        ([ok(PAID, {"Idempotent-Replayed": "false"})], APPROVED),
        # the card's refusal stands unless the order was paid meanwhile
        ([FAILED_CARD, ok(intent("requires_payment_method"))], NO_MONEY),
        ([FAILED_CARD, LOST], NO_MONEY),
        ([FAILED_CARD, ok(PAID)], APPROVED),
        ([FAILED_CARD, ok(intent("processing"))], Pending()),
        # a refusal that is no card's
        ([error(400, code="parameter_invalid"), LOST], Decline("parameter_invalid", DeclineKind.OUR_FAULT)),
        ([error(403, type="x_type"), LOST], Decline("x_type", DeclineKind.OUR_FAULT)),
        ([error(401), LOST], Decline("401", DeclineKind.OUR_FAULT)),
        ([error(402, type="api_error"), LOST], Decline("api_error", DeclineKind.OUR_FAULT)),
        ([error(400, type="idempotency_error"), LOST], UnknownOutcome("HTTP 400")),
        ([error(429, code="rate_limit"), LOST], Decline("rate_limit", DeclineKind.BANK_BUSY)),
        ([error(429, code="lock_timeout"), LOST], UnknownOutcome("HTTP 429")),
        ([error(409), LOST], UnknownOutcome("HTTP 409")),
        ([error(499), ok(PAID)], APPROVED),
        # once more, when the answer is lost or the gateway stumbles
        ([AWAY], AWAY),
        ([LOST, ok(PAID)], APPROVED),
        ([error(500), ok(PAID)], APPROVED),
        ([error(500, code="x"), error(500), LOST], UnknownOutcome("no answer, then HTTP 500")),
        ([LOST, AWAY, LOST], UnknownOutcome("no answer, and no connection to ask again")),
        ([LOST, LOST, LOST], LOST),
        ([LOST, LOST, ok(PAID)], APPROVED),
        ([LOST, error(400, code="x"), LOST], UnknownOutcome("no answer, then HTTP 400")),
        ([LOST, error(400, REPLAYED, code="x"), LOST], Decline("x", DeclineKind.OUR_FAULT)),
        ([LOST, ok(PAID, REPLAYED), ok(PAID)], APPROVED),
    ],
)
async def test_what_the_confirmation_came_to(answers: list[Answer], told: Authorisation) -> None:
    made = client(NEW, METHOD, *answers)
    assert await made.authorise(ORDER, CARD, CVV) == told
    confirmed = [each for each in sent(made) if each.url.path.endswith("/confirm")]
    assert [each.timeout_s for each in confirmed] == [None, 10][: len(confirmed)], "nobody waits long for a repeat"
    assert len({each.headers["Idempotency-Key"] for each in confirmed}) == 1


@pytest.mark.parametrize(
    ("method", "told"),
    [
        (AWAY, AWAY),
        (LOST, NotSent("before charging: lost")),
        (FAILED_CARD, NO_MONEY),
        (error(402, type="card_error", code="expired_card"), Decline("expired_card", DeclineKind.OTHER_CARD)),
        (error(402, type="card_error"), Decline("card_error", DeclineKind.OTHER_CARD)),
        (error(402, type="api_error"), Decline("api_error", DeclineKind.OUR_FAULT)),
        (error(400, type="card_error", code="x"), Decline("x", DeclineKind.OUR_FAULT)),
        (error(429, code="rate_limit"), NotSent("before charging: HTTP 429")),
        (ok({}), NotSent("before charging: answer cannot be read")),
    ],
)
async def test_what_is_said_before_anything_is_charged(method: Answer, told: Authorisation) -> None:
    assert await client(NEW, method).authorise(ORDER, CARD, CVV) == told


def test_why_an_answer_cannot_be_used() -> None:
    said = (why_of(GatewayAnswer(200, b"")), why_of(GatewayAnswer(404, b"")), why_of(LOST))
    assert said == ("answer cannot be read", "HTTP 404", "lost")


async def test_the_breaker_hears_of_every_exchange() -> None:
    breaker = Breaker(lambda: 0.0, failures_max=2)
    made = client(LOST, error(499), error(500), LOST, breaker=breaker)
    circuits: list[Circuit] = []
    for _ in range(4):
        await made.inquire("o-1")
        circuits.append(breaker.circuit)
    assert circuits == [Circuit.CLOSED, Circuit.CLOSED, Circuit.CLOSED, Circuit.OPEN]


SESSION: dict[str, Any] = {
    "id": "cs_1",
    "object": "checkout.session",
    "status": "open",
    "client_reference_id": "o-1",
}
OVER = SESSION | {"metadata": {"page_until": str(int(NOW_S) - 1)}}


@pytest.mark.parametrize(
    ("answers", "pages", "told"),
    [
        ([page_of(PAID), ok(PAID)], True, APPROVED),
        ([page_of(PAID | {"metadata": {}}, PAID), ok(PAID)], True, APPROVED),
        ([NONE, page_of(PAID), ok(PAID)], True, APPROVED),
        ([NONE, page_of(PAID | {"metadata": {"order_id": "o-2"}}, PAID), ok(PAID)], True, APPROVED),
        ([page_of(PAID), ok(intent("succeeded", "pi_2"))], False, UnknownOutcome("answer cannot be read")),
        ([NONE, NONE], False, NoSuchOrder()),
        ([NONE, NONE, NONE], True, NoSuchOrder()),
        ([page_of(more=True)], False, UnknownOutcome("answer cannot be read")),
        ([NONE, page_of(more=True)], False, UnknownOutcome("too many orders of others to look through")),
        ([NONE, NONE, page_of(more=True)], True, UnknownOutcome("too many pages of others to look through")),
        ([NONE, NONE, page_of(SESSION)], True, Pending()),
        ([NONE, NONE, page_of(SESSION | {"client_reference_id": "o-2"})], True, NoSuchOrder()),
        ([NONE, NONE, page_of(SESSION | {"metadata": {"page_until": str(int(NOW_S))}})], True, Pending()),
        ([NONE, NONE, page_of(OVER), ok(SESSION | {"status": "expired"})], True, NoSuchOrder()),
        ([NONE, NONE, page_of(OVER), error(400), ok(SESSION | {"status": "expired"})], True, NoSuchOrder()),
        (
            [NONE, NONE, page_of(OVER), LOST, ok(SESSION | {"status": "complete", "payment_intent": "pi_1"}), ok(PAID)],
            True,
            APPROVED,
        ),
        (
            [NONE, NONE, page_of(OVER), error(400), LOST],
            True,
            UnknownOutcome("a page that is over and cannot be closed"),
        ),
        (
            [NONE, NONE, page_of(OVER), error(400), ok(SESSION)],
            True,
            UnknownOutcome("a page that is over and cannot be closed"),
        ),
        (
            [NONE, NONE, page_of(OVER), ok(SESSION | {"id": "cs_2", "status": "expired"})],
            True,
            UnknownOutcome("a page that is over and cannot be closed"),
        ),
    ],
)
async def test_what_a_look_finds(answers: list[Answer], pages: bool, told: Inquiry) -> None:
    made = client(*answers, pages=pages)
    assert await made.inquire("o-1") == told
    sent(made)


async def test_an_order_has_ten_intents_at_most() -> None:
    those = [intent("requires_payment_method", f"pi_{number}") for number in range(FOUND_MAX + 1)]
    made = client(page_of(*those[1:]), *(ok(each) for each in those[1:]), NONE)
    assert await made.inquire("o-1") == NoSuchOrder()
    sent(made)
    assert await client(page_of(*those)).inquire("o-1") == UnknownOutcome("more intents than one order can have")


async def test_the_next_page_begins_after_the_last_of_this_one() -> None:
    others = [intent("succeeded", f"pi_{number}", metadata={}) for number in (7, 8)]
    sessions = [SESSION | {"id": f"cs_{number}", "client_reference_id": None} for number in (7, 8)]
    made = client(NONE, page_of(*others, more=True), NONE, page_of(*sessions, more=True), NONE, pages=True)
    assert await made.inquire("o-1") == NoSuchOrder()
    assert [each.params.get("starting_after") for each in sent(made)] == [None, None, "pi_8", None, "cs_8"]


async def test_a_look_names_the_order_as_the_search_wants_it_quoted() -> None:
    made = client(NONE, NONE)
    await made.inquire("a'b\\c")
    searched, listed = sent(made)
    assert (searched.url.path, listed.url.path) == ("/v1/payment_intents/search", "/v1/payment_intents")
    assert searched.params == {"query": "metadata['order_id']:'a\\'b\\\\c'", "limit": "100"}
    since = int(NOW_S) - 3_600 - 300
    assert listed.params == {"created[gte]": str(since), "limit": "100"}
    assert {each.timeout_s for each in (searched, listed)} == {10}


@pytest.mark.parametrize(("age_s", "since_s"), [(60, 60), (3_660, 3_600)])
async def test_nothing_is_looked_for_before_it_was_made(age_s: int, since_s: int) -> None:
    made = client(NONE, NONE)
    now_s = NOON.timestamp()
    made._finder._now = lambda: now_s + age_s
    await made.inquire(Ids().payment(NOON))
    assert sent(made)[1].params["created[gte]"] == str(int(now_s) + age_s - since_s - 300)


async def test_pages_of_a_whole_day_are_looked_through() -> None:
    made = client(NONE, NONE, NONE, pages=True)
    await made.inquire("o-1")
    assert sent(made)[2].params == {"created[gte]": str(int(NOW_S) - 86_400 - 300), "limit": "100"}
