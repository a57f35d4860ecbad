"""Answers in the outbox: first of all, released once their words are kept, postponed without being counted."""

from core.messaging.outbox import POSTPONED_MAX_S, Gateways, OutboxSender
from core.ports import DeliveryFailed, OutgoingSms
from core.repositories import Delivery, MessageKind
from tests.support.gateways import PlainTexts
from tests.support.shop import PAYER, Shop


class Route:
    """A texter and the memory of the words; fails as told."""

    def __init__(self) -> None:
        self.words: dict[str, str] = {}
        self.sent: list[OutgoingSms] = []
        self.failure: DeliveryFailed | None = None

    async def reply_of(self, reference: str) -> str | None:
        return self.words.get(reference)

    async def send(self, sms: OutgoingSms) -> str:
        if self.failure is not None:
            raise self.failure
        self.sent.append(sms)
        return f"id-{len(self.sent)}"


def over(shop: Shop, route: Route) -> OutboxSender:
    gateways = Gateways(route, shop.gateways, shop.gateways, PlainTexts(), route)
    return OutboxSender(shop.books, gateways, shop.clock, shop.times)


async def record(shop: Shop, reference: str) -> None:
    now = shop.clock.now()
    messages = shop.books.messages
    await messages.record(reference, MessageKind.CODE_SMS, PAYER, now, status=Delivery.QUEUED, route="atlas")


async def row(shop: Shop, reference: str) -> dict[str, object]:
    found = await shop.database.one("SELECT * FROM messages WHERE reference = %(r)s", r=reference)
    assert found is not None
    return found


async def test_an_answer_goes_out_only_after_its_release_and_by_its_own_route(shop: Shop) -> None:
    route = Route()
    route.words["atlas-1"] = "CODE 012345"
    await record(shop, "atlas-1")
    assert await shop.books.messages.due(shop.clock.now(), 10) == []
    assert await shop.books.messages.release("atlas-1", shop.clock.now())
    await over(shop, route).deliver("atlas-1")
    assert route.sent == [OutgoingSms("atlas-1", PAYER, "CODE 012345", route="atlas", urgent=True)]
    assert (await row(shop, "atlas-1"))["status"] == "sent"
    # a repeat of the question releases nothing a second time
    assert not await shop.books.messages.release("atlas-1", shop.clock.now())


async def test_answers_go_before_older_messages(shop: Shop) -> None:
    payment = await shop.started()
    await shop.books.messages.queue(payment, MessageKind.UNDECIDED_SMS, shop.clock.now())
    shop.clock.forward(5)
    await record(shop, "atlas-2")
    await shop.books.messages.release("atlas-2", shop.clock.now())
    due = await shop.books.messages.due(shop.clock.now(), 10)
    assert due[0] == "atlas-2"
    assert len(due) == 2
    jobs = await shop.database.all("SELECT args, priority FROM procrastinate_jobs ORDER BY priority DESC")
    assert (jobs[0]["args"]["key"], jobs[0]["priority"]) == ("atlas-2", 1)


async def test_a_busy_route_is_no_attempt_and_ends_after_two_days(shop: Shop) -> None:
    route = Route()
    route.words["atlas-3"] = "CODE"
    route.failure = DeliveryFailed("not bound", retryable=True, again_in_s=5)
    await record(shop, "atlas-3")
    await shop.books.messages.release("atlas-3", shop.clock.now())
    for _ in range(20):
        await over(shop, route).deliver("atlas-3")
        shop.clock.forward(5)
    found = await row(shop, "atlas-3")
    assert (found["status"], found["attempts"], found["error"]) == ("queued", 0, "not bound")
    route.failure = DeliveryFailed("not bound", retryable=False, again_in_s=5)
    shop.clock.forward(POSTPONED_MAX_S)
    await over(shop, route).deliver("atlas-3")
    assert (await row(shop, "atlas-3"))["status"] == "failed"


async def test_an_answer_whose_words_are_forgotten_is_given_up(shop: Shop) -> None:
    await record(shop, "atlas-4")
    await shop.books.messages.release("atlas-4", shop.clock.now())
    await over(shop, Route()).deliver("atlas-4")
    found = await row(shop, "atlas-4")
    assert (found["status"], found["error"]) == ("failed", "its words are forgotten")
