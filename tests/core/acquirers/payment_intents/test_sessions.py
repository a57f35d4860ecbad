"""An order whose payer was sent to a checkout page: open, over, paid there, and never called absent too early."""

import pytest

from core.acquirers.payment_intents import connect_page
from core.acquirers.payment_intents.client import PaymentIntentsAcquirer
from core.acquirers.payment_intents.wire import SessionObject
from core.cards import Card, Secret
from core.payments.hosted_page_port import PageWays
from core.ports import AuthorisedOnly, NoSuchOrder, Order, Pending, UnknownOutcome
from lab.payment_intents import cards
from lab.payment_intents.books import Session
from lab.payment_intents.lies import Asked, Way
from lab.payment_intents.stand import EmulatedGateway
from tests.core.acquirers.payment_intents.conftest import CLOCK
from tests.support.till import till_in_memory

ORDER = Order("01KAZB3S5V0000000000000001", 5000, "MAD", None, "")
CARD, CVV = Card(Secret(cards.APPROVED), 12, 2031), Secret("000")
PAGE_S = 600


def opened(stand: EmulatedGateway) -> Session:
    now = int(CLOCK())
    ours = {"order_id": ORDER.id}
    session = Session(
        id="",
        amount=5000,
        currency="mad",
        capture_method="manual",
        metadata={**ours, "page_until": str(now + PAGE_S)},
        intent_metadata={**ours, "way": "page"},
        reference=ORDER.id,
        success_url="https://pay.example.ma/back",
        cancel_url="https://pay.example.ma/left",
        expires_at=now + 3_600,
        created=now,
    )
    return stand.books.open_session(session)


def typed(stand: EmulatedGateway, session: Session, number: str = cards.APPROVED) -> None:
    card = cards.card_of(number)
    assert card is not None
    stand.books.pay_session(session, stand.books.keep(card))


async def test_an_open_page_is_pending_and_no_card_is_taken_beside_it(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    opened(stand)
    assert await client.inquire(ORDER.id) == Pending()
    assert await client.authorise(ORDER, CARD, CVV) == Pending()
    assert stand.books.captured_centimes(ORDER.id) == 0


async def test_a_page_that_is_over_is_closed_before_its_order_is_absent(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    session = opened(stand)
    CLOCK.by_s = PAGE_S + 30
    assert await client.inquire(ORDER.id) == NoSuchOrder()
    assert session.status == "expired"


async def test_a_page_that_cannot_be_closed_leaves_its_order_unknown(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    session = opened(stand)
    CLOCK.by_s = PAGE_S + 30
    stand.gateway.lies.add(Way.ERROR_BEFORE, Asked.EXPIRE)
    assert isinstance(await client.inquire(ORDER.id), UnknownOutcome)
    assert session.status == "open"


async def test_what_was_paid_on_a_page_is_found_although_the_search_is_behind(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    stand.books.search_behind_s = 3_600
    session = opened(stand)
    typed(stand, session)
    found = await client.inquire(ORDER.id)
    assert isinstance(found, AuthorisedOnly)
    assert found.amount_centimes == 5000
    assert stand.books.captured_centimes(ORDER.id) == 0


async def test_a_page_that_is_paid_while_it_is_closed_is_found_paid(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    session = opened(stand)
    CLOCK.by_s = PAGE_S + 30
    expire = stand.books.expire

    def paid_first(session: Session) -> Session:
        typed(stand, session)
        return expire(session)

    stand.books.expire = paid_first  # type: ignore[method-assign]
    try:
        assert isinstance(await client.inquire(ORDER.id), AuthorisedOnly)
    finally:
        del stand.books.expire
    assert session.status == "complete"


@pytest.mark.parametrize(
    "address",
    [
        "https://checkout.example.evil.example/c/pay/1",
        "http://checkout.example/c/pay/1",
        "https://checkout.example:8443/c/pay/1",
        "https://checkout.example@evil.example/c/pay/1",
        "//evil.example/c/pay/1",
        "/c/pay/1",
        "javascript:alert(1)",
        "",
        None,
    ],
)
def test_a_browser_is_given_no_address_but_the_page_s_own(address: str | None) -> None:
    options = {"url": "https://api.example", "page_url": "https://checkout.example", "key": "k", "webhook_secrets": "s"}
    ways = PageWays("https://us.example/back", "", "", lambda order_id: "mark", "https://us.example/open")
    page = connect_page({name: Secret(text) for name, text in options.items()}, ways)
    session = SessionObject(id="cs_1", object="checkout.session", status="open", url=address)
    payment = till_in_memory().basket()
    assert page._way(payment, session) is None
    right = session.model_copy(update={"url": "https://checkout.example/c/pay/1#a"})
    assert page._way(payment, right) == right.url
    over = session.model_copy(update={"status": "expired"})
    assert page._way(payment, over) == "https://us.example/back/mark"
    assert page._way(payment, session.model_copy(update={"status": "of_tomorrow"})) is None


@pytest.mark.parametrize("wrong", [{"page_url": "ftp://x"}, {"page_url": "x"}, {"webhook_secrets": " , "}])
def test_settings_of_a_page_that_cannot_be_are_told(wrong: dict[str, str]) -> None:
    options = {"url": "https://api.example", "page_url": "https://checkout.example", "key": "k", "webhook_secrets": "s"}
    with pytest.raises(ValueError, match=next(iter(wrong)).upper()):
        connect_page({name: Secret(text) for name, text in (options | wrong).items()}, PageWays("", "", "", str))
