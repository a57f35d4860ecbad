"""Events out over real HTTP from real payments: signed, in order, at least once, and what no receiver takes is kept."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, replace
from datetime import datetime
from ipaddress import ip_network

import pytest

from channels.carriers.webhooks.client import WebhookClient
from core.database.events.deliveries import PgEventBooks
from core.database.events.endpoints import SEALED_FOR, PgEventEndpoints
from core.events.catalogue import EventType
from core.events.endpoints import EndpointKind, EndpointSecret, EventEndpoint, rotated
from core.events.relay import LEASE_S, PAUSES_S, QUIET_AFTER, RELAY_BOUNDS, EventRelay, RelayBounds
from core.events.signing import new_secret
from core.sealing import Sealer
from khallas.bootstrap.events import events_out, relay_on
from khallas.settings.model import Settings
from lab.clocks import AdvancedClock
from tests.core.events.receiver import NEVER_S, Receiver, receiving
from tests.support.bank import CARD, CVV
from tests.support.shop import PAYER, Shop
from tests.support.waiting import until

KEY = "mJ4xVt9QbL2wZ8cRk6YpN3dH7sFgT1uE"
SETTINGS = Settings.model_validate({"secret_keys": KEY})
HERE = (ip_network("127.0.0.0/8"),)


@dataclass
class Post:
    """A receiver, its endpoint and a relay."""

    receiver: Receiver
    endpoints: PgEventEndpoints
    relay: EventRelay
    clock: AdvancedClock
    name: str = "billing"

    async def endpoint(self) -> EventEndpoint:
        (found,) = [each for each in await self.endpoints.every() if each.name == self.name]
        return found


@asynccontextmanager
async def posting(
    shop: Shop, *, types: Sequence[EventType] = (), full: bool = False, bounds: RelayBounds = RELAY_BOUNDS
) -> AsyncIterator[Post]:
    endpoints, clock = PgEventEndpoints(shop.database, Sealer([KEY], SEALED_FOR)), AdvancedClock()
    client = WebhookClient(HERE)
    async with receiving() as receiver:
        receiver.secret = new_secret()
        secrets = (EndpointSecret(receiver.secret),)
        made = EventEndpoint("billing", EndpointKind.WEBHOOK, receiver.url, frozenset(types), full, secrets)
        await endpoints.add(made, clock.now(), whole=True)
        yield Post(receiver, endpoints, relay_on(shop.database, SETTINGS, clock, client, bounds), clock)
        await client.aclose()


@pytest.fixture
async def post(shop: Shop) -> AsyncIterator[Post]:
    async with posting(shop) as post:
        yield post


async def test_a_payment_is_told_in_order_signed_and_without_what_nobody_must_know(shop: Shop, post: Post) -> None:
    payment = await shop.paid()
    await shop.work()
    await post.relay.look()
    assert post.receiver.types(payment.id) == [
        "payment.created",
        "payment.sending",
        "payment.captured",
        "bill.posted",
    ]
    assert post.receiver.forged == 0
    captured = post.receiver.taken[2]
    assert captured["data"]["payment"]["receipt_number"]
    assert post.receiver.taken[3]["data"]["bill"] == {"number": "0000171682062019"}
    assert datetime.fromisoformat(captured["timestamp"]).tzinfo is not None
    told = b"".join(post.receiver.raw)
    for secret in (PAYER, payment.line_reference, "salma@example.com", payment.card_last4, "card"):
        assert secret
        assert secret.encode() not in told
    assert (await post.endpoint()).waiting == 0
    assert await post.relay.look() == 0


async def test_numbers_are_whole_where_the_endpoint_was_added_so_and_only_its_events_come(shop: Shop) -> None:
    async with posting(shop, types=[EventType.CAPTURED], full=True) as post:
        payment = await shop.paid()
        await post.relay.look()
        (only,) = post.receiver.taken
        assert only["type"] == "payment.captured"
        assert only["data"]["payment"]["payer"] == PAYER
        assert only["data"]["payment"]["line"] == payment.line_reference


async def test_a_later_event_waits_for_the_one_before_it_and_other_payments_do_not(shop: Shop, post: Post) -> None:
    first = await shop.paid()
    second = await shop.started(await shop.internet_order())
    await shop.till.authorise(second.id, CARD, CVV, wait_s=60)
    refused = True
    post.receiver.answer = lambda event: (
        500 if refused and event["data"]["payment"]["id"] == first.id and event["type"] == "payment.sending" else 200
    )
    await post.relay.look()
    assert post.receiver.types(first.id) == ["payment.created"]
    assert post.receiver.types(second.id)[:3] == ["payment.created", "payment.sending", "payment.captured"]
    refused = False
    await post.relay.look()
    assert post.receiver.types(first.id) == ["payment.created"]  # its time has not come
    post.clock.forward(PAUSES_S[0] * 1.3)
    await post.relay.look()
    assert post.receiver.types(first.id)[:3] == ["payment.created", "payment.sending", "payment.captured"]
    sending = [each for each, kind in post.receiver.asked if kind == "payment.sending"]
    assert len(sending) == 3
    assert len(set(sending)) == 2  # the repeat bore the id it had


@pytest.mark.parametrize("answer", [500, 404, 302])
async def test_what_is_refused_at_every_try_becomes_a_dead_letter_and_is_sent_by_a_person_s_word(
    shop: Shop, post: Post, answer: int
) -> None:
    payment = await shop.paid()
    post.receiver.answer = lambda event: answer if event["type"] == "payment.created" else 200
    for pause_s in (0, *PAUSES_S):
        post.clock.forward(pause_s * 1.3)
        await post.relay.look()
    assert [kind for _, kind in post.receiver.asked].count("payment.created") == len(PAUSES_S) + 1
    await post.relay.look()
    assert post.receiver.elsewhere == 0  # redirects are not followed
    found = await post.endpoint()
    assert (found.dead, found.waiting) == (1, 0)
    assert post.receiver.types(payment.id)[:2] == ["payment.sending", "payment.captured"]  # nobody waits for the dead
    (letter,) = await post.endpoints.dead(10)
    assert letter["type"] == "payment.created"
    assert letter["error"]
    post.receiver.answer = lambda event: 200
    assert await post.endpoints.resend("billing", post.clock.now()) == 1
    await post.relay.look()
    assert post.receiver.types(payment.id)[-1] == "payment.created"
    assert (await post.endpoint()).dead == 0
    assert len({each for each, kind in post.receiver.asked if kind == "payment.created"}) == 1


async def test_a_receiver_that_never_answers_is_given_up_and_asked_again(shop: Shop, post: Post) -> None:
    await shop.started()
    post.receiver.answer = lambda event: NEVER_S
    hasty = WebhookClient(HERE, total_max_s=0.5)
    await relay_on(shop.database, SETTINGS, post.clock, hasty).look()
    await hasty.aclose()
    row = await shop.database.one("SELECT attempts, error FROM event_deliveries")
    assert row is not None
    assert (row["attempts"], row["error"]) == (1, "no answer in time")
    post.receiver.answer = lambda event: 0.2  # slow, and in time
    post.clock.forward(PAUSES_S[0] * 1.3)
    await post.relay.look()
    assert (await post.endpoint()).delivered == 1


async def test_retries_come_at_the_named_times_with_jitter(shop: Shop, post: Post) -> None:
    await shop.started()
    post.receiver.answer = lambda event: 503
    for pause_s in PAUSES_S:
        before = post.clock.now()
        await post.relay.look()
        row = await shop.database.one("SELECT due_at FROM event_deliveries")
        assert row is not None
        waited = (row["due_at"] - before).total_seconds()
        assert pause_s * 0.79 <= waited <= pause_s * 1.21 + 60
        post.clock.forward(pause_s * 1.3 + 60)


async def test_410_switches_an_endpoint_off_and_nothing_that_happened_meanwhile_is_lost(shop: Shop, post: Post) -> None:
    post.receiver.answer = lambda event: 410
    payment = await shop.paid()
    await post.relay.look()
    asked = len(post.receiver.asked)
    post.clock.forward(3_600)
    await post.relay.look()
    assert len(post.receiver.asked) == asked == 1
    assert "410" in (await post.endpoint()).disabled_why
    post.receiver.answer = lambda event: 200
    await post.endpoints.switch_on("billing")
    await post.relay.look()
    assert post.receiver.types(payment.id)[:3] == ["payment.created", "payment.sending", "payment.captured"]


async def test_a_secret_is_rotated_without_a_receiver_noticing(shop: Shop, post: Post) -> None:
    old = post.receiver.secret
    fresh = new_secret()
    found = await post.endpoints.get("billing")
    await post.endpoints.keep_secrets("billing", rotated(found.secrets, fresh, post.clock.now()))
    await shop.started()
    await post.relay.look()
    assert (post.receiver.forged, len(post.receiver.taken)) == (0, 1)  # by the old one
    post.receiver.secret = fresh
    await shop.started(await shop.internet_order())
    await post.relay.look()
    assert (post.receiver.forged, len(post.receiver.taken)) == (0, 2)  # by the new one
    post.clock.forward(25 * 3_600)
    post.receiver.secret = old
    await shop.database.do("UPDATE event_endpoints SET cursor = 0")
    await post.relay.look()
    assert post.receiver.forged  # a day later the old one signs no more


async def test_a_key_that_is_taken_away_after_one_look_under_the_new_one_takes_no_secret_along(
    shop: Shop, post: Post
) -> None:
    fresh = "Zc7pQ1nW5xR9aD2gK6jM0vB4yE8uH3tS"
    client = WebhookClient(HERE)
    for keys in (f"{fresh},{KEY}", fresh):
        await shop.started(await shop.internet_order() if keys == fresh else None)
        await relay_on(shop.database, Settings.model_validate({"secret_keys": keys}), post.clock, client).look()
    await client.aclose()
    assert (post.receiver.forged, len(post.receiver.taken)) == (0, 2)


async def test_a_slow_endpoint_ends_its_look_and_goes_on_in_the_next(shop: Shop) -> None:
    """A look ends with its last endpoint: one that takes all its time at each event would hold up the others."""
    async with posting(shop, bounds=RelayBounds(round_max_s=0.3)) as post:
        payment = await shop.paid()
        post.receiver.answer = lambda event: 0.2
        await post.relay.look()
        assert len(post.receiver.taken) < 3
        while await post.relay.look():
            pass
    assert post.receiver.types(payment.id)[:3] == ["payment.created", "payment.sending", "payment.captured"]


async def test_an_endpoint_that_is_down_is_left_alone_for_a_while(shop: Shop, post: Post) -> None:
    for number in range(QUIET_AFTER * 2):
        order = replace(shop.order(f"ussd:{number}:7", f"+2126000010{number:02d}"))
        await shop.till.start(order)  # each takes the bill of the one before: created, expired
    post.receiver.answer = lambda event: 503
    await post.relay.look()
    asked = len(post.receiver.asked)
    assert asked < QUIET_AFTER * 2
    await post.relay.look()
    assert len(post.receiver.asked) == asked


async def test_two_relays_share_an_endpoint_and_one_alone_sends(shop: Shop, post: Post) -> None:
    payment = await shop.paid()
    client = WebhookClient(HERE)
    other = relay_on(shop.database, SETTINGS, post.clock, client)
    await asyncio.gather(post.relay.look(), other.look(), post.relay.look(), other.look())
    await client.aclose()
    kinds = [kind for _, kind in post.receiver.asked]
    assert len(kinds) == len(set(kinds))
    assert post.receiver.types(payment.id)[0] == "payment.created"


class Killed(Exception):
    """As if the process were gone."""


async def test_a_relay_that_dies_anywhere_loses_nothing_and_repeats_under_the_same_id(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its memory is gone at each of its steps: before the plan, before a try, after a try and before it is written."""
    payments = [await shop.paid(), await shop.paid(await shop.internet_order())]
    chance, dying = random.Random(7), True

    def deadly(name: str) -> None:
        real = getattr(PgEventBooks, name)

        async def act(*args: object, **values: object) -> object:
            if dying and chance.random() < 0.3:
                raise Killed(name)
            return await real(*args, **values)

        monkeypatch.setattr(PgEventBooks, name, act)

    for name in ("lease", "plan", "due", "taken", "release"):
        deadly(name)
    async with posting(shop, bounds=RelayBounds(together_max=1)) as post:
        for _ in range(60):
            try:
                await post.relay.look()
            except* Killed:
                pass
            post.clock.forward(LEASE_S + 1)
        dying = False
        await post.relay.look()
        for payment in payments:
            firsts = list(dict.fromkeys(post.receiver.types(payment.id)))
            assert firsts[:3] == ["payment.created", "payment.sending", "payment.captured"]
        ids = {each["id"]: each["data"]["sequence"] for each in post.receiver.taken}
        assert len(ids) == len(set(ids.values()))  # one id an event, however often it came
        assert len(post.receiver.taken) > len(ids)  # some came twice: it did die in between
        assert (await post.endpoint()).waiting == 0


async def test_a_worker_tells_what_was_paid(shop: Shop, post: Post) -> None:
    settings = Settings.model_validate({"secret_keys": KEY, "events": {"private_networks": "127.0.0.0/8"}})
    async with events_out(shop.database, settings, post.clock):
        payment = await shop.paid()
        await until(lambda: "payment.captured" in post.receiver.types(payment.id))
    assert post.receiver.forged == 0
