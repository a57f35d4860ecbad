"""Sessions and requests for a step of the conversation: bills ticked and unticked on the list, in three languages.

Sessions lie in Redis before the clock starts, at the list of bills; a session gives STEPS_A_SESSION steps, so that the
inputs joined by `*` stay as short as a customer's. A USSD step counts its inputs, a voice step the pages spoken.
"""

import json
from collections.abc import Iterator, Sequence
from datetime import date
from math import ceil
from urllib.parse import urlencode

from redis.asyncio import Redis

from bench import people
from bench.load import CONNECTIONS, Requests, post
from bench.stage import GATEWAY_SECRET, PUBLIC_URL, SID, TOKEN
from channels.carriers.twilio.signature import sign
from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.subscribers.lines import ServiceType
from sessions.bill_cache import unpaid_of
from sessions.screens.choosing import PickInvoices
from sessions.store.codec import Record, encode
from sessions.store.protocol import POINTER_TTL_S, SESSION_TTL_S, Key
from sessions.turn.effects import LineRef

USSD_PATH = f"/ussd/africastalking?secret={GATEWAY_SECRET}"
VOICE_PATH = "/ivr/twilio/turn"
STEPS_A_SESSION = 12
LEAD = "1*1*1"  # language, own line, terms: what led to the list
ORDER = 3  # of the request that showed the list
RATE_MAX = 12_000  # steps a second that sessions are made for
SEED_BATCH = 2_000
EVERY_LANGUAGE = tuple(LanguageCode)
LONG_PAGES = (LanguageCode.FR, LanguageCode.EN)  # two bills fit beside the keys; of 70 Arabic letters they take all


def keys(bill_count: int) -> tuple[str, str]:
    """Keys that tick in turn. 1 pays while a bill is ticked; 2 is for all of them where there are many."""
    return {1: ("2", "1"), 2: ("2", "3"), 3: ("2", "3")}.get(bill_count, ("3", "3"))


def sessions_for(seconds: float) -> int:
    """Sessions a connection needs for a burst of that length."""
    return ceil(RATE_MAX * seconds / CONNECTIONS / STEPS_A_SESSION)


def msisdn(connection: int) -> str:
    return f"+2126{connection:08d}"


def dialog(connection: int, session: int) -> str:
    return f"b{connection}-{session}"


def reference(connection: int, bill_count: int) -> str:
    """The line of a connection's customer."""
    return f"06{bill_count:04d}{connection:04d}"


def bills(connection: int, count: int) -> tuple[Invoice, ...]:
    """Its unpaid bills, oldest first and nobody else's: what one customer is shown helps to show no other's."""
    return tuple(
        Invoice(
            f"{connection:08d}{n:08d}",
            date(2026 - (count - 1 - n) // 12, (n - count) % 12 + 1, 1),
            8_000 + 317 * n + connection,
            date(2026, 11, 25),
        )
        for n in range(count)
    )


def seed_lines(database_url: str, bill_counts: Sequence[int]) -> None:
    """Those lines in the embedded billing: a long list is asked for again by whoever does not have it at hand."""
    for count in bill_counts:
        lines = [(reference(connection, count), msisdn(connection)) for connection in range(CONNECTIONS)]
        owed = [(reference(connection, count), bills(connection, count)) for connection in range(CONNECTIONS)]
        people.insert(database_url, lines, owed)


def language(connection: int, among: Sequence[LanguageCode] = EVERY_LANGUAGE) -> LanguageCode:
    return among[connection % len(among)]


def record(connection: int, count: int, among: Sequence[LanguageCode] = EVERY_LANGUAGE) -> bytes:
    """A session at the list of bills, as step.lua leaves it."""
    line = LineRef(ServiceType.MOBILE, reference(connection, count), "salma@example.com")
    pick = PickInvoices(line, unpaid_of(bills(connection, count)))
    kept = Record(ORDER + 1, ORDER, pick, language(connection, among), terms=True)
    return b"%d|%b" % (kept.version, encode(kept))


async def seed(
    redis: Redis, channel: str, sessions: int, bill_count: int = 2, among: Sequence[LanguageCode] = EVERY_LANGUAGE
) -> None:
    """So many sessions for each connection, with the pointer that a dialog leaves."""
    pipe = redis.pipeline(transaction=False)
    for connection in range(CONNECTIONS):
        kept = record(connection, bill_count, among)
        for session in range(sessions):
            key = Key(msisdn(connection), channel, dialog(connection, session))
            pipe.set(key.record, kept, ex=SESSION_TTL_S)
            pipe.set(key.pointer, key.record, ex=POINTER_TTL_S)
            if len(pipe) >= SEED_BATCH:
                await pipe.execute()
    await pipe.execute()


async def seed_plain(redis: Redis, sessions: int) -> None:
    """The same sessions as the bare baseline keeps them."""
    plain = json.dumps({"screen": "PickInvoices", "line": "0600000002", "left_out": []})
    pipe = redis.pipeline(transaction=False)
    for connection in range(CONNECTIONS):
        for session in range(sessions):
            pipe.set(f"bench:{dialog(connection, session)}", plain, ex=SESSION_TTL_S)
            if len(pipe) >= SEED_BATCH:
                await pipe.execute()
    await pipe.execute()


async def seed_others(redis: Redis, begin: int, end: int) -> None:
    """Live sessions of customers who are thinking, by their number."""
    pipe = redis.pipeline(transaction=False)
    kept = record(1, 2)
    for n in range(begin, end):
        key = Key(f"+2127{n:08d}", "ussd", f"ATUid_{n:032x}")
        pipe.set(key.record, kept, ex=6 * SESSION_TTL_S)
        pipe.set(key.pointer, key.record, ex=6 * SESSION_TTL_S)
        if len(pipe) >= SEED_BATCH:
            await pipe.execute()
    await pipe.execute()


def ussd(sessions: int, path: str = USSD_PATH, *, steps: int = STEPS_A_SESSION, bill_count: int = 2) -> Requests:
    """For each connection its steps: the keys in turn, session after session."""
    pressed = keys(bill_count)

    def of(connection: int) -> Iterator[bytes]:
        number = msisdn(connection).replace("+", "%2B")
        for session in range(sessions):
            text = LEAD
            for step in range(steps):
                text += "*" + pressed[step % len(pressed)]
                yield post(
                    path,
                    f"sessionId={dialog(connection, session)}&serviceCode=%2A1117%23&phoneNumber={number}"
                    f"&networkCode=60401&text={text}".encode(),
                )

    return of


def voice(sessions: int) -> Requests:
    """The same in calls: each turn about the page of its version, signed as Twilio signs."""
    pressed = ("2", "1")  # none, then all: the bills are on the next page, for a prompt has ten seconds

    def of(connection: int) -> Iterator[bytes]:
        spoken = language(connection).value
        for session in range(sessions):
            call = dialog(connection, session)
            for step in range(STEPS_A_SESSION):
                target = f"{VOICE_PATH}?v={ORDER + 1 + step}&l={spoken}"
                yield signed(
                    target,
                    {
                        "CallSid": call,
                        "AccountSid": SID,
                        "From": msisdn(connection),
                        "To": "+212520001117",
                        "Direction": "inbound",
                        "CallStatus": "in-progress",
                        "Digits": pressed[step % len(pressed)],
                    },
                )

    return of


def signed(target: str, form: dict[str, str]) -> bytes:
    """A webhook as Twilio sends it."""
    signature = sign(TOKEN, PUBLIC_URL + target, tuple(form.items()))
    return post(target, urlencode(form).encode(), b"X-Twilio-Signature: %b\r\n" % signature.encode())
