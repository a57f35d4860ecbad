"""The SMS door over a real till, a real database, a real Valkey and real HTTP; only the clock and the bank are told."""

from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from functools import partial

import pytest
from redis.asyncio import Redis
from starlette.applications import Starlette

from channels.carriers.twilio.signature import guard
from channels.http.receive import Authentication, Check
from channels.limits import Limits
from channels.sms.answers import Answers
from channels.sms.deduplication import SEALED_FOR, RedisDeduplication
from channels.sms.endpoint import routes
from channels.sms.inbox import COPY_LOOKS_MAX, Inbox, InboxDependencies, SmsLimits
from channels.sms.wires import WIRES
from channels.sms.words import SmsNumbers, Words
from core.acquirers.registry import only
from core.billing.embedded import EmbeddedBilling
from core.database.pool import Database, Pool, make_pool
from core.database.repositories import books_on
from core.messaging.texts import load_texts
from core.payments.service import PaymentService, Ports
from core.repositories import Repositories
from core.sealing import Sealer
from khallas.telemetry.metrics import Metrics
from lab.caller import DEMO_TOKEN, SmsPhone
from lab.clocks import StillClock
from lab.servers.serving import serving
from tests.support.bank import FakeBank
from tests.support.billing import MemoryLimits, MoodyBilling

PUBLIC = "https://pay.example.ma"
SALMA, YOUSSEF, IMANE, NADIA = "+212600000001", "+212600000002", "+212600000003", "+212600000005"
STRANGER = "+212600000009"
KANNEL_SECRET = "a-secret-of-kannel-in-tests"

LINES = """
INSERT INTO lines (service, reference, holder, contact_msisdn, email, payment_code, language, updated_at) VALUES
('mobile', '0600000001', 'Salma Demo', '+212600000001', NULL, '012345', 'fr', now()),
('mobile', '0600000002', 'Youssef Demo', '+212600000002', NULL, '771204', 'ar', now()),
('mobile', '0600000003', 'Imane Demo', '+212600000003', NULL, '300518', 'fr', now()),
('fixed', '0537000103', 'Imane Demo', '+212600000003', NULL, '664120', 'fr', now()),
('internet', '7710345', 'Imane Demo', '+212600000003', NULL, '905533', 'fr', now()),
('mobile', '0600000005', 'Nadia Demo', '+212600000005', NULL, '559061', 'en', now())
"""

INVOICES = """
INSERT INTO invoices (service, line_reference, number, period, amount_centimes, due_date, updated_at) VALUES
('mobile', '0600000001', '0000171682062019', '2019-05-01', 76920, '2019-06-25', now()),
('fixed', '0537000103', '0000171682062020', '2020-05-01', 10000, '2020-06-25', now()),
('internet', '7710345', '0000400215092026', '2026-08-01', 29900, '2026-09-25', now()),
('internet', '7710345', '0000404418102026', '2026-09-01', 29900, '2026-10-25', now())
"""


@dataclass
class Counter:
    """The door and what stands behind it."""

    url: str
    inbox: Inbox
    till: PaymentService
    bank: FakeBank
    billing: MoodyBilling
    books: Repositories
    database: Database
    pool: Pool
    redis: Redis
    clock: StillClock
    phones: dict[str, SmsPhone] = field(default_factory=dict)

    async def send(self, msisdn: str, text: str) -> list[str]:
        """Text the short code from a phone; the replies."""
        if msisdn not in self.phones:
            self.phones[msisdn] = await SmsPhone(self.url, msisdn, public_url=PUBLIC).__aenter__()
        return await self.phones[msisdn].send(text)

    async def says(self, msisdn: str, text: str) -> str:
        """The one reply."""
        (reply,) = await self.send(msisdn, text)
        return reply

    async def messages(self) -> list[tuple[str, str, str]]:
        """Kind, recipient and status of what went out."""
        rows = await self.database.all("SELECT kind, recipient, status FROM messages ORDER BY created_at, reference")
        return [(row["kind"], row["recipient"], row["status"]) for row in rows]


@pytest.fixture
def sms_limits() -> SmsLimits:
    """Wide, unless a test says otherwise."""
    return SmsLimits(sender=100, sender_day=200)


@pytest.fixture
def copy_looks_max() -> int:
    """As in production, unless a test says otherwise."""
    return COPY_LOOKS_MAX


def memory_on(redis: Redis) -> RedisDeduplication:
    """What the channel remembers, sealed under a key of the tests."""
    return RedisDeduplication(redis, Sealer(("a key of the tests",), SEALED_FOR))


@pytest.fixture
async def counter(
    database_url: str, redis_url: str, sms_limits: SmsLimits, copy_looks_max: int
) -> AsyncIterator[Counter]:
    clock = StillClock()
    async with make_pool(database_url) as pool, Redis.from_url(redis_url) as redis:
        database = Database(pool)
        await database.do(LINES)
        await database.do(INVOICES)
        books = books_on(database)
        billing = MoodyBilling(EmbeddedBilling(database, clock))
        bank = FakeBank(clock)
        till = PaymentService(Ports(books, billing, only(bank), MemoryLimits(), clock))
        memory = memory_on(redis)
        words = Words(load_texts(), SmsNumbers("*1117#", "777", "+212537000777"))
        post = InboxDependencies(memory, Limits(redis, "sms"), books.messages, clock)
        inbox = Inbox(
            Answers(words, books.people, billing, till, memory), post, limits=sms_limits, copy_looks_max=copy_looks_max
        )
        guards: dict[str, Check] = {
            "twilio": partial(guard, (DEMO_TOKEN,)),
            "kannel": Authentication(secrets=(KANNEL_SECRET,)).check,
        }
        app = Starlette(routes=routes(inbox, WIRES, guards, Metrics().refused, public_url=PUBLIC))
        async with serving(app) as url:
            counter = Counter(url, inbox, till, bank, billing, books, database, pool, redis, clock)
            yield counter
            for phone in counter.phones.values():
                await phone.__aexit__(None, None, None)
