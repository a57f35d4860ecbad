"""A day of an operator, put into a demo's stores: what the operations page looks like when people pay. For pictures.

Made up from a fixed seed; conversations go through the real counters, payments are rows as the till writes them.
"""

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta

from redis.asyncio import Redis

from core.database.pool import Database, open_database
from khallas.telemetry.metrics import Metrics
from khallas.telemetry.usage import UsageCounters
from lab.clocks import StillClock

HOURS = 24
BY_HOUR = (30, 24, 17, 9, 4, 2, 1, 1, 0, 0, 2, 6, 11, 19, 26, 31, 34, 29, 27, 33, 36, 38, 41, 17)  # until now
USSD = (
    *("Language", "Service", "Terms", "PickInvoices", "ConfirmTotal", "HandOver"),
    *("Service", "PaymentCode", "Terms", "PickInvoices", "ConfirmTotal", "HandOver"),
)
CALL = ("ConfirmTotal", "CardNumber", "CardExpiry", "CardCvv", "Paying", "Paid")
GOES_ON = 0.93
REFUSALS = (
    "other_card 51",
    "other_card 51",
    "other_card 51",
    "limit 61",
    "neutral 05",
    "other_card 54",
    "bank_busy 91",
)

PAYMENT = """
INSERT INTO payments (id, idempotency_key, fingerprint, reference, state, service, line_reference, payer_msisdn,
    language, channel, bills, amount_centimes, currency, created_at, expires_at, sent_at, approved_centimes, paid_at)
VALUES (%(id)s, %(id)s, '', %(id)s, %(state)s, 'mobile', '0600000001', '', 'fr', %(channel)s, '[]', %(centimes)s,
    'MAD', %(at)s, %(at)s, %(at)s, %(centimes)s, %(paid_at)s)
"""
EVENT = """
INSERT INTO payment_events (payment_id, at, event, state, detail) VALUES (%(id)s, %(at)s, %(event)s, '', %(detail)s)
"""
MESSAGE = """
INSERT INTO messages (reference, kind, payment_id, recipient, status, error, created_at, updated_at, due_at)
VALUES (%(id)s, %(kind)s, %(id)s, '', %(status)s, %(error)s, %(at)s, %(at)s, %(due_at)s)
"""


async def live_a_busy_day(database_url: str, redis_url: str) -> None:
    """Yesterday's and today's hours until now, into both stores."""
    chance = random.Random(1117)
    now = datetime.now(UTC)
    async with open_database(database_url) as database, Redis.from_url(redis_url) as redis:
        for hour, count in zip(_hours(now), BY_HOUR, strict=True):
            await _conversations(redis, hour, count, chance)
            for number in range(count):
                at = min(now, hour + timedelta(seconds=90 * number))
                await _payment(database, f"{hour:%d%H}{number:022}", at, chance)
        await _left_over(database, now)


def _hours(now: datetime) -> Iterator[datetime]:
    this = now.replace(minute=0, second=0, microsecond=0)
    yield from (this - timedelta(hours=back) for back in reversed(range(HOURS)))


async def _conversations(redis: Redis, hour: datetime, count: int, chance: random.Random) -> None:
    metrics = Metrics()
    tally = UsageCounters(redis, StillClock(hour), metrics)
    for number in range(3 * count):
        wire = chance.choice(("africastalking", "africastalking", "comviva"))
        _walk(metrics, "ussd", wire, USSD[:6] if number % 4 else USSD[6:], chance)
    for _ in range(count):
        _walk(metrics, "ivr", "twilio", CALL, chance)
    await tally.flush()


def _walk(metrics: Metrics, channel: str, wire: str, screens: tuple[str, ...], chance: random.Random) -> None:
    door, before = metrics.wire(channel, wire), ""
    if chance.random() < 0.1:
        door.turn("Resume", "answered", 0.004, before)
        before, screens = "Resume", screens[3:]
    for screen in screens:
        last = screen == screens[-1]
        door.turn(screen, "ended" if last else "answered", chance.expovariate(1 / 0.012), before)
        if not last and chance.random() > GOES_ON:
            return
        before = screen


async def _payment(database: Database, name: str, at: datetime, chance: random.Random) -> None:
    channel = chance.choices(("ussd", "ivr", "sms"), (12, 5, 0))[0]
    paid = chance.random() < 0.86
    centimes = chance.choice((9_900, 14_900, 19_900, 29_900, 39_600, 76_920))
    state = "captured" if paid else "declined"
    values = {"id": name, "state": state, "channel": channel, "centimes": centimes, "at": at}
    await database.do(PAYMENT, **values, paid_at=at if paid else None)
    event, detail = ("approved", None) if paid else ("refused", chance.choice(REFUSALS))
    await database.do(EVENT, id=name, at=at, event=event, detail=detail)


async def _left_over(database: Database, now: datetime) -> None:
    for name, minutes, centimes in (("UNDECIDED1", 4, 29_900), ("UNDECIDED2", 1, 76_920)):
        at = now - timedelta(minutes=minutes)
        values = {"id": f"{name:0<26}", "channel": "ussd", "centimes": centimes, "at": at}
        await database.do(PAYMENT, **values, state="unknown", paid_at=None)
        await database.do(EVENT, id=values["id"], at=at, event="lost", detail="no answer in 30 s")
    first, at = f"{now:%d%H}{0:022}", now - timedelta(minutes=21)
    told = {"kind": "receipt_mail", "status": "failed", "error": "550 mailbox unavailable", "due_at": None}
    if await database.one("SELECT id FROM payments WHERE id = %(id)s", id=first):
        await database.do(MESSAGE, id=first, at=at, **told)
