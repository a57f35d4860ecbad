"""Sessions and requests for the USSD step: bills ticked and unticked on the list, in three languages.

Sessions lie in Redis before the clock starts, at the list of bills; a session gives STEPS_A_SESSION steps, so that the
inputs joined by `*` stay as short as a customer's.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date

from redis.asyncio import Redis

from bench.load import Requests, post
from core.invoices import Invoice
from core.subscribers import Language, Service
from sessions.choosing import PickInvoices
from sessions.codec import Record, encode
from sessions.effects import LineRef
from sessions.store import SESSION_TTL_S, Key

PATH = "/ussd/africastalking"
STEPS_A_SESSION = 12
LEAD = "1*1*1"  # language, own line, terms: what led to the list
SEED_BATCH = 2_000


def msisdn(connection: int) -> str:
    return f"+2126{connection:08d}"


def bills(count: int) -> tuple[Invoice, ...]:
    """Unpaid bills of the demo's kind."""
    return tuple(
        Invoice(f"{n:016d}", date(2023 + n // 12 % 4, n % 12 + 1, 1), 8_000 + 317 * n, date(2026, 11, 25))
        for n in range(count)
    )


def record(connection: int, count: int) -> bytes:
    """A session at the list of bills, as save.lua leaves it."""
    language = tuple(Language)[connection % 3]
    line = LineRef(Service.MOBILE, f"06{connection:08d}", "salma@example.com")
    order = LEAD.count("*") + 1
    kept = Record(order + 1, order, PickInvoices(line, bills(count)), language, terms=True)
    return b"%d|%b" % (kept.version, encode(kept))


async def seed(redis: Redis, connections: int, sessions: int, count: int = 2) -> None:
    """So many sessions for each connection, in Khallas's form and in the baseline's."""
    plain = json.dumps({"screen": "PickInvoices", "line": "0600000002", "left_out": []})
    pipe = redis.pipeline(transaction=False)
    for connection in range(connections):
        kept = record(connection, count)
        for session in range(sessions):
            name = f"b{connection}-{session}"
            pipe.set(Key(msisdn(connection), "ussd", prefix(name)).record, kept, ex=SESSION_TTL_S)
            pipe.set(f"bench:{name}", plain, ex=SESSION_TTL_S)
            if len(pipe) >= SEED_BATCH:
                await pipe.execute()
    await pipe.execute()


def prefix(session: str) -> str:
    """The dialog's id as Africa's Talking's wire makes it."""
    return session


def requests(sessions: int, path: str = PATH, keys: Sequence[str] = ("2", "3")) -> Requests:
    """For each connection its steps: the keys in turn, session after session."""

    def of(connection: int) -> Iterator[bytes]:
        number = msisdn(connection).replace("+", "%2B")
        for session in range(sessions):
            text = LEAD
            for step in range(STEPS_A_SESSION):
                text += "*" + keys[step % len(keys)]
                yield post(
                    path,
                    f"sessionId=b{connection}-{session}&serviceCode=%2A1117%23&phoneNumber={number}"
                    f"&networkCode=60401&text={text}".encode(),
                )

    return of
