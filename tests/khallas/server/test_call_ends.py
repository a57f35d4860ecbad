"""What Twilio says became of a call of ours ends what waits for it: who redials is rung at once, and told by SMS."""

from functools import partial
from types import SimpleNamespace

import aiohttp
import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette

from channels.ivr.endpoint import routes
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires.twilio import TwilioVoice
from core.clock import ZONE
from core.messaging.texts import load_texts
from khallas.server.app import _call_ended
from khallas.telemetry.metrics import Metrics
from lab.servers.serving import serving
from sessions.store.redis import RedisStore
from sessions.turn.perform import EffectPerformer
from sessions.turn.turns import Turns
from sessions.vault import Seals
from tests.channels.ivr.conftest import NUMBERS, PUBLIC
from tests.support.shop import Shop, shop

__all__ = ["shop"]  # the fixture, shared


async def _told(shop: Shop, redis_url: str, status: str, sid: str, *, direction: str = "outbound-api") -> int:
    """One status callback of Twilio's, at a door behind which the shop stands."""
    async with Redis.from_url(redis_url) as redis:
        turns = Turns(
            RedisStore(redis), EffectPerformer(shop.till, Seals({"k1": bytes(32)})), shop.clock, NUMBERS, zone=ZONE
        )
        house = SimpleNamespace(books=shop.books, clock=shop.clock)
        doors = routes(
            turns,
            IvrSpeaker(load_texts()),
            TwilioVoice(PUBLIC, "777"),
            lambda arrived: None,
            Metrics(),
            public_url=PUBLIC,
            expose_screens=False,
            report=partial(_call_ended, house),  # type: ignore[arg-type]  # what is used of a container
        )
        form = {"CallSid": sid, "CallStatus": status, "Direction": direction, "From": "+212520001117"}
        async with (
            serving(Starlette(routes=doors)) as url,
            aiohttp.ClientSession() as client,
            client.post(f"{url}/ivr/twilio/status", data=form | {"To": "+212600000001"}) as answer,
        ):
            return answer.status


@pytest.mark.parametrize("status", ["busy", "failed", "no-answer", "canceled"])
async def test_a_telephone_that_was_not_reached_is_rung_by_who_redials(shop: Shop, redis_url: str, status: str) -> None:
    payment = await shop.started()
    await shop.till.request_call(payment.id)
    await shop.work()
    row = await shop.database.one("SELECT provider_id FROM messages WHERE kind = 'outgoing_call'")
    assert row is not None
    await shop.till.request_call(payment.id)
    await shop.work()
    assert len(shop.gateways.calls) == 1, "it rings: nobody is rung twice"
    assert await _told(shop, redis_url, status, row["provider_id"]) == 204
    shop.clock.forward(3)
    assert await shop.till.request_call(payment.id)
    await shop.work()
    assert len(shop.gateways.calls) == 2
    assert [sms.text for sms in shop.gateways.sms] == [f"missed {payment.reference}"]


@pytest.mark.parametrize(
    ("status", "direction"), [("ringing", "outbound-api"), ("in-progress", "outbound-api"), ("busy", "inbound")]
)
async def test_a_call_that_goes_on_or_is_not_ours_changes_nothing(
    shop: Shop, redis_url: str, status: str, direction: str
) -> None:
    payment = await shop.started()
    await shop.till.request_call(payment.id)
    await shop.work()
    row = await shop.database.one("SELECT provider_id FROM messages WHERE kind = 'outgoing_call'")
    assert row is not None
    assert await _told(shop, redis_url, status, row["provider_id"], direction=direction) == 204
    await shop.till.request_call(payment.id)
    await shop.work()
    assert (len(shop.gateways.calls), shop.gateways.sms) == (1, [])
