"""The client against a gateway that lies: what its documents allow it to answer, and what they do not."""

import asyncio

import pytest

from core.acquirers.payment_intents.client import PaymentIntentsAcquirer
from core.cards import Card, Secret
from core.ids import Ids
from core.ports import (
    Approved,
    Authorisation,
    AuthorisedOnly,
    Decline,
    DeclineKind,
    NoSuchOrder,
    NotSent,
    Order,
    Pending,
    TooLate,
    Undone,
    UnknownOutcome,
)
from lab.clocks import NOON
from lab.payment_intents import cards
from lab.payment_intents.lies import Asked, Way
from lab.payment_intents.stand import EmulatedGateway
from tests.core.acquirers.payment_intents.conftest import CLOCK

CARD, CVV = Card(Secret(cards.APPROVED), 12, 2031), Secret("000")
ORDER = Order(Ids().payment(NOON), 5000, "MAD", None, "+212600000001")
LOOKS = (Asked.RETRIEVE, Asked.SEARCH, Asked.LIST)


def keys(stand: EmulatedGateway, asked: Asked) -> list[str]:
    return [key for kind, key in stand.gateway.seen if kind is asked]


async def test_a_lost_answer_is_asked_for_again_under_the_same_key(
    hasty: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    stand.gateway.lies.add(Way.SILENT_AFTER, Asked.CONFIRM)
    assert isinstance(await hasty.authorise(ORDER, CARD, CVV), Approved)
    first, again = keys(stand, Asked.CONFIRM)
    assert first == again
    assert stand.books.captures(ORDER.id) == 1


async def test_each_card_is_a_try_of_its_own_and_the_order_stays_one_intent(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    await client.authorise(ORDER, Card(Secret(cards.NO_MONEY), 12, 2031), CVV)
    await client.authorise(ORDER, CARD, CVV)
    assert len(set(keys(stand, Asked.CONFIRM))) == 2
    assert len(set(keys(stand, Asked.CREATE))) == 1
    assert len(stand.books.intents) == 1


@pytest.mark.parametrize("way", list(Way))
@pytest.mark.parametrize("times", [1, 2])
async def test_whatever_is_answered_to_a_charge_the_books_agree(
    hasty: PaymentIntentsAcquirer, client: PaymentIntentsAcquirer, stand: EmulatedGateway, way: Way, times: int
) -> None:
    """Approved only where it was taken, refused only where it was not, and one capture at most."""
    stand.gateway.lies.add(way, Asked.CONFIRM, times=times)
    told = await hasty.authorise(ORDER, CARD, CVV)
    taken = stand.books.captured_centimes(ORDER.id)
    if isinstance(told, Approved):
        assert told.amount_centimes == taken
    if isinstance(told, Decline | NotSent):
        assert taken == 0
    await stand.gateway.hurry()
    stand.gateway.lies.clear()
    found = await client.inquire(ORDER.id)
    taken = stand.books.captured_centimes(ORDER.id)
    if way is Way.OTHER_CURRENCY:
        assert isinstance(found, UnknownOutcome)
        return
    assert isinstance(found, Approved) == (taken > 0)
    assert not isinstance(found, Approved) or found.amount_centimes == taken
    assert isinstance(await client.authorise(ORDER, CARD, CVV), Approved)
    assert stand.books.captures(ORDER.id) == 1


async def test_a_repeat_that_is_refused_says_nothing_of_the_first(
    client: PaymentIntentsAcquirer, hasty: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    """The first is still on its way when the second is told that there are too many."""
    stand.gateway.lies.add(Way.LATE, Asked.CONFIRM)
    stand.gateway.lies.add(Way.RATE_LIMIT, Asked.CONFIRM)
    assert isinstance(await hasty.authorise(ORDER, CARD, CVV), UnknownOutcome)
    await stand.gateway.hurry()
    assert isinstance(await client.inquire(ORDER.id), Approved)


@pytest.mark.parametrize("way", [Way.SILENT_BEFORE, Way.SILENT_AFTER, Way.ERROR_AFTER, Way.CONFLICT, Way.GARBAGE])
@pytest.mark.parametrize("asked", [Asked.CREATE, Asked.METHOD])
async def test_before_the_confirmation_nothing_was_sent(
    hasty: PaymentIntentsAcquirer, stand: EmulatedGateway, way: Way, asked: Asked
) -> None:
    stand.gateway.lies.add(way, asked)
    assert isinstance(await hasty.authorise(ORDER, CARD, CVV), NotSent)
    assert keys(stand, Asked.CONFIRM) == []


@pytest.mark.parametrize(
    ("number", "code", "kind"),
    [
        (cards.GENERIC, "generic_decline", DeclineKind.OTHER_CARD),
        (cards.NO_MONEY, "insufficient_funds", DeclineKind.OTHER_CARD),
        (cards.LOST, "lost_card", DeclineKind.NEUTRAL),
        ("4000000000006975", "card_velocity_exceeded", DeclineKind.LIMIT),
        (cards.BUSY, "processing_error", DeclineKind.BANK_BUSY),
        (cards.ASKS_3DS, "authentication_required", DeclineKind.OTHER_CARD),
    ],
)
async def test_cards_that_are_refused(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway, number: str, code: str, kind: DeclineKind
) -> None:
    assert await client.authorise(ORDER, Card(Secret(number), 12, 2031), CVV) == Decline(code, kind)
    assert await client.inquire(ORDER.id) == Decline(code, kind)
    assert stand.books.captured_centimes(ORDER.id) == 0


async def test_a_number_that_is_none_is_refused_before_anything_is_charged(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    answer = await client.authorise(ORDER, Card(Secret("4242424242424241"), 12, 2031), CVV)
    assert answer == Decline("incorrect_number", DeclineKind.OTHER_CARD)
    assert keys(stand, Asked.CONFIRM) == []


async def test_the_same_order_with_another_amount_charges_nothing(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    """idempotency_error: the name of the order is taken."""
    await client.authorise(ORDER, Card(Secret(cards.NO_MONEY), 12, 2031), CVV)
    other = Order(ORDER.id, 6000, "MAD", None, "")
    assert isinstance(await client.authorise(other, CARD, CVV), UnknownOutcome)
    assert stand.books.captured_centimes(ORDER.id) == 0


async def test_a_paid_order_is_found_although_the_search_is_an_hour_behind(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    stand.books.search_behind_s = 3_600
    await client.authorise(ORDER, CARD, CVV)
    assert isinstance(await client.inquire(ORDER.id), Approved)
    CLOCK.by_s = 3_700  # the list is not asked that far back: the search knows it by then
    assert isinstance(await client.inquire(ORDER.id), Approved)


@pytest.mark.parametrize("way", [Way.SILENT_BEFORE, Way.ERROR_BEFORE, Way.RATE_LIMIT, Way.GARBAGE, Way.TORN])
@pytest.mark.parametrize("asked", LOOKS)
async def test_a_look_that_fails_never_makes_an_order_absent(
    client: PaymentIntentsAcquirer, hasty: PaymentIntentsAcquirer, stand: EmulatedGateway, way: Way, asked: Asked
) -> None:
    await client.authorise(ORDER, CARD, CVV)
    stand.books.intents[next(iter(stand.books.intents))].searchable_at = CLOCK() + 600
    stand.gateway.lies.add(way, asked, times=10)
    assert isinstance(await hasty.inquire(ORDER.id), UnknownOutcome | Approved)
    stand.books.reset()
    assert isinstance(await hasty.inquire(ORDER.id), UnknownOutcome if asked is not Asked.RETRIEVE else NoSuchOrder)


async def test_orders_of_others_on_many_pages_are_looked_through(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    stand.books.search_behind_s = 3_600
    await client.authorise(ORDER, CARD, CVV)
    for number in range(450):
        stand.books.create(100, "mad", "automatic", {"order_id": f"other-{number}"})
    assert isinstance(await client.inquire(ORDER.id), Approved)
    assert await client.inquire("01KAZB3S5V0000000000000009") == NoSuchOrder()
    for number in range(1_600):
        stand.books.create(100, "mad", "automatic", {"order_id": f"more-{number}"})
    assert isinstance(await client.inquire("01KAZB3S5V0000000000000009"), UnknownOutcome), "not all was seen"


async def test_an_order_that_was_just_made_is_looked_for_since_it_was_made(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    """Its name tells when: what was there before it is not looked through."""
    for number in range(2_100):
        stand.books.create(100, "mad", "automatic", {"order_id": f"other-{number}"})
    CLOCK.by_s = 600
    made = Ids().payment(NOON.fromtimestamp(CLOCK(), NOON.tzinfo))
    assert await client.inquire(made) == NoSuchOrder()
    assert isinstance(await client.inquire("o-1"), UnknownOutcome), "a name that tells no time"


async def test_statuses_that_nobody_documented_decide_nothing(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    await client.authorise(ORDER, CARD, CVV)
    stand.gateway.lies.add(Way.STRANGE_STATUS, Asked.RETRIEVE, times=9)
    assert isinstance(await client.inquire(ORDER.id), UnknownOutcome)
    assert isinstance(await client.void(ORDER.id), UnknownOutcome)
    assert isinstance(await client.refund(ORDER.id, 100), UnknownOutcome)


# --- money back -------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    "way", [Way.SILENT_AFTER, Way.SILENT_BEFORE, Way.ERROR_AFTER, Way.ERROR_BEFORE, Way.GARBAGE, Way.LOCK_TIMEOUT]
)
async def test_a_refund_whose_answer_says_nothing_is_settled_by_what_was_given_back(
    client: PaymentIntentsAcquirer, hasty: PaymentIntentsAcquirer, stand: EmulatedGateway, way: Way
) -> None:
    await client.authorise(ORDER, CARD, CVV)
    stand.gateway.lies.add(way, Asked.REFUND)
    assert isinstance(await hasty.refund(ORDER.id, 2000), UnknownOutcome)
    assert await client.credited_centimes(ORDER.id) == stand.books.credited_centimes(ORDER.id)


async def test_a_refund_sent_twice_at_once_is_one(client: PaymentIntentsAcquirer, stand: EmulatedGateway) -> None:
    await client.authorise(ORDER, CARD, CVV)
    answers = await asyncio.gather(*(client.refund(ORDER.id, 2000) for _ in range(4)))
    given = stand.books.credited_centimes(ORDER.id)
    assert given % 2000 == 0
    assert given <= 2000 * answers.count(Undone())
    assert len(set(keys(stand, Asked.REFUND))) == given // 2000


async def test_a_refund_that_is_on_its_way_counts_and_is_not_done(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    await client.authorise(ORDER, CARD, CVV)
    stand.books.refund_status = "pending"
    assert isinstance(await client.refund(ORDER.id, 2000), UnknownOutcome)
    assert await client.credited_centimes(ORDER.id) == 2000
    stand.books.refund_status = "on_hold"  # a word of tomorrow
    await client.refund(ORDER.id, 1000)
    assert await client.credited_centimes(ORDER.id) is None
    assert isinstance(await client.refund(ORDER.id, 1000), UnknownOutcome), "uncounted, nothing is sent"


async def test_a_refund_that_failed_is_refused_and_not_counted(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    await client.authorise(ORDER, CARD, CVV)
    stand.books.refund_status = "failed"
    assert await client.refund(ORDER.id, 2000) == Decline("lost_or_stolen_card", DeclineKind.OUR_FAULT)
    assert await client.credited_centimes(ORDER.id) == 0


# --- what a page holds ------------------------------------------------------------------------------------------------


def hold(stand: EmulatedGateway) -> str:
    books = stand.books
    made = books.create(5000, "mad", "manual", {"order_id": ORDER.id, "way": "page"})
    card = cards.card_of(cards.APPROVED)
    assert card is not None
    books.confirm(made, books.keep(card), no_action=True)
    return made.id


async def test_what_is_held_is_taken_once(client: PaymentIntentsAcquirer, stand: EmulatedGateway) -> None:
    held = hold(stand)
    found = await client.inquire(ORDER.id)
    assert isinstance(found, AuthorisedOnly)
    assert (found.transaction_number, found.amount_centimes) == (held, 5000)
    assert stand.books.captured_centimes(ORDER.id) == 0
    first, again = [await client.capture(ORDER.id, 5000) for _ in range(2)]
    assert isinstance(first, Approved)
    assert again == first
    assert (stand.books.captured_centimes(ORDER.id), len(keys(stand, Asked.CAPTURE))) == (5000, 1)


@pytest.mark.parametrize("way", [Way.SILENT_AFTER, Way.SILENT_BEFORE, Way.ERROR_AFTER, Way.ERROR_BEFORE, Way.CONFLICT])
async def test_a_capture_whose_answer_is_lost_is_one(
    client: PaymentIntentsAcquirer, hasty: PaymentIntentsAcquirer, stand: EmulatedGateway, way: Way
) -> None:
    hold(stand)
    stand.gateway.lies.add(way, Asked.CAPTURE)
    answer: Authorisation = await hasty.capture(ORDER.id, 5000)
    taken = stand.books.captured_centimes(ORDER.id)
    assert isinstance(answer, Approved) == (taken == 5000)
    assert isinstance(answer, Approved | UnknownOutcome)


async def test_what_is_held_is_let_go_and_not_refunded(client: PaymentIntentsAcquirer, stand: EmulatedGateway) -> None:
    hold(stand)
    assert type(await client.refund(ORDER.id, 5000)).__name__ == "NotSettled"
    stand.gateway.lies.add(Way.ERROR_AFTER, Asked.CANCEL)
    assert await client.void(ORDER.id) == Undone()
    assert await client.inquire(ORDER.id) == Undone()
    assert await client.void(ORDER.id) == Undone()
    assert isinstance(await client.capture(ORDER.id, 5000), UnknownOutcome)


async def test_what_was_taken_meanwhile_is_too_late_to_let_go(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    hold(stand)
    await client.capture(ORDER.id, 5000)
    assert await client.void(ORDER.id) == TooLate()


async def test_more_than_is_held_is_not_taken(client: PaymentIntentsAcquirer, stand: EmulatedGateway) -> None:
    hold(stand)
    answer = await client.capture(ORDER.id, 6000)
    assert answer == Decline("amount_too_large", DeclineKind.OUR_FAULT)
    assert stand.books.captured_centimes(ORDER.id) == 0


async def test_what_a_page_took_or_holds_is_not_taken_by_telephone(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    hold(stand)
    assert await client.authorise(ORDER, CARD, CVV) == Pending()
    await client.capture(ORDER.id, 5000)
    assert isinstance(await client.authorise(ORDER, CARD, CVV), Approved)
    assert (stand.books.captures(ORDER.id), keys(stand, Asked.CONFIRM)) == (1, [])


async def test_two_charges_of_one_order_are_for_a_person(
    client: PaymentIntentsAcquirer, stand: EmulatedGateway
) -> None:
    for _ in range(2):
        stand.books.capture(stand.books.intent(hold(stand)), None)
    assert await client.inquire(ORDER.id) == UnknownOutcome("an order that was charged twice")


async def test_processing_is_pending(client: PaymentIntentsAcquirer, stand: EmulatedGateway) -> None:
    stand.books.intents[hold(stand)].status = "processing"
    assert await client.inquire(ORDER.id) == Pending()
    assert isinstance(await client.void(ORDER.id), UnknownOutcome)
