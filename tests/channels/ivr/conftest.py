"""A voice line on real parts: HTTP, signatures, Valkey; only the till is in memory."""

import functools
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette
from starlette.types import ASGIApp, Receive, Scope, Send

from channels.carriers.twilio.signature import guard
from channels.ivr.endpoint import routes
from channels.ivr.speaker import IvrSpeaker
from channels.ivr.wires.twilio import TwilioVoice
from core.clock import ZONE
from core.messaging.texts import Texts, load_texts
from core.payments.service import PaymentService
from core.ports import Clock
from khallas.telemetry.metrics import Metrics
from lab.caller import DEMO_ACCOUNT, VoicePhone, new_sid
from lab.servers.serving import serving
from lab.twilio.call import Call
from lab.twilio.dialled import Dialled, Direction, Pace
from lab.twilio.webhooks import Answer, Line
from sessions.store.redis import RedisStore
from sessions.turn.perform import EffectPerformer
from sessions.turn.turns import DialledNumbers, Turns
from sessions.vault import Seals
from tests.support.till import SALMA, FakeTill, till_in_memory

TOKEN = "demo-token"
PUBLIC = "https://pay.example.ma"
QUICK = Pace(pause_factor=0.0)
CALM = Pace(pause_factor=0.05)  # some of each pause passes, so that the bank is not out-polled
NUMBERS = DialledNumbers(help="777", voice="0537000777", short_code="1117")


class TwiceLine(Line):
    """A gateway that sends every webhook twice and is answered the same."""

    async def signed(self, url: str, fields: object, method: str = "POST") -> Answer:
        first = await super().signed(url, fields, method)  # type: ignore[arg-type]  # as given
        second = await super().signed(url, fields, method)  # type: ignore[arg-type]  # as given
        assert (second.body, second.screen) == (first.body, first.screen)
        return second


@dataclass
class VoiceLine:
    """The voice line and what a test may look at."""

    url: str
    turns: Turns
    redis: Redis
    metrics: Metrics
    asked: list[str] = field(default_factory=list)  # path and query of each request

    @asynccontextmanager
    async def phone(
        self, msisdn: str = SALMA, *, line: type[Line] = Line, pace: Pace = QUICK
    ) -> AsyncIterator[VoicePhone]:
        phone = VoicePhone(self.url, msisdn, auth_token=TOKEN, public_url=PUBLIC, pace=pace)
        phone.line = line(TOKEN, PUBLIC, self.url)
        async with phone:
            yield phone

    async def ring(self, phone: VoicePhone, payment_id: str, pace: Pace = QUICK) -> Call:
        """We call the customer for a payment, and they answer."""
        call = Call(
            Dialled(
                sid=new_sid("CA"),
                account_sid=DEMO_ACCOUNT,
                from_number="+212537000777",
                to_number=phone.msisdn,
                direction=Direction.OUTBOUND,
                url=f"{PUBLIC}/ivr/twilio?payment={payment_id}",
                status_url=f"{PUBLIC}/ivr/twilio/status",
                status_events=frozenset({"initiated", "ringing", "answered", "completed"}),
            ),
            phone.line,
            pace,
        )
        phone.keep(call).start()
        call.answer()
        await call.settled()
        return call

    async def held(self) -> list[bytes | str]:
        """The vault's keys."""
        return await self.redis.keys("kh:*:number") + await self.redis.keys("kh:*:expiry")


@pytest.fixture(scope="session")
def texts() -> Texts:
    return load_texts()


@pytest.fixture(scope="session")
def speaker(texts: Texts) -> IvrSpeaker:
    return IvrSpeaker(texts)


@asynccontextmanager
async def voice_line(
    till: PaymentService, redis_url: str, speaker: IvrSpeaker, clock: Clock
) -> AsyncIterator[VoiceLine]:
    """The doors served over HTTP for a till."""
    redis = Redis.from_url(redis_url)
    performer = EffectPerformer(till, Seals({"k1": bytes(32)}))
    turns = Turns(RedisStore(redis), performer, clock, NUMBERS, zone=ZONE)
    line = VoiceLine("", turns, redis, Metrics())
    doors = routes(
        turns,
        speaker,
        TwilioVoice(PUBLIC, NUMBERS.help),
        functools.partial(guard, (TOKEN,)),
        line.metrics,
        public_url=PUBLIC,
        expose_screens=True,
    )
    async with serving(_recorded(Starlette(routes=doors), line.asked)) as line.url:
        yield line
    await turns.close()
    await redis.aclose()


@dataclass
class House(VoiceLine):
    """With a till in memory."""

    till: FakeTill = field(default_factory=till_in_memory)


@pytest.fixture
async def house(redis_url: str, speaker: IvrSpeaker) -> AsyncIterator[House]:
    till = till_in_memory()
    async with voice_line(till, redis_url, speaker, till.clock) as line:
        yield House(line.url, line.turns, line.redis, line.metrics, line.asked, till)


def _recorded(app: ASGIApp, asked: list[str]) -> ASGIApp:
    async def recording(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] == "http":
            asked.append(f"{scope['path']}?{scope['query_string'].decode()}")
        await app(scope, receive, send)

    return recording
