"""Events out, in memory: what one says, who may be told, when it is tried again, and what a relay's page leads to."""

import asyncio
import base64
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any, cast

import msgspec
import pytest

from core.events.catalogue import OF_ONE_BILL, TYPES, EventType, PaymentFact, data_of, lasting_of
from core.events.endpoints import (
    EndpointError,
    EndpointKind,
    EndpointSecret,
    EventEndpoint,
    name_of,
    rotated,
    types_of,
    url_of,
)
from core.events.relay import DueEvent, EventRelay, PostAttempt, PostOutcome
from core.events.signing import key_of, new_secret, signatures
from core.events.stream import BrokerAway, EventStream, StreamLag, StreamPage
from core.repositories import DatabaseUnavailable
from lab.clocks import NOON, StillClock
from tests.support.port import port

FACT = PaymentFact(
    7, 42, NOON, EventType.CAPTURED, "captured", "0012345678", "p", "482913", "mobile", "0600000001", "+212600000001",
    "ussd", 76920, "MAD", "2026-00000042",
)  # fmt: skip


def said(fact: PaymentFact, *, full: bool = False) -> dict[str, object]:
    return data_of(fact, lasting_of(fact, full=full))


def at(seconds: float) -> datetime:
    return NOON + timedelta(seconds=seconds)


# --- what an event says -----------------------------------------------------------------------------------------------


def test_what_an_event_says_of_a_payment() -> None:
    payment = {
        "id": "p", "reference": "482913", "state": "captured", "amount_centimes": 76920, "currency": "MAD",
        "service": "mobile", "line": "0600000001", "payer": "+212600000001", "channel": "ussd",
        "receipt_number": "2026-00000042",
    }  # fmt: skip
    assert said(FACT, full=True) == {"sequence": 42, "payment": payment}
    masked = cast("dict[str, Any]", said(FACT)["payment"])
    assert (masked.pop("line"), masked.pop("payer")) == ("06...001", "+2126*****001")
    assert masked.items() < payment.items()
    assert FACT.event_id == "evt_7"


@pytest.mark.parametrize("kind", EventType)
def test_a_receipt_is_told_with_the_capture_alone_and_a_bill_where_it_is_about_one(kind: EventType) -> None:
    told = said(msgspec.structs.replace(FACT, type=kind))
    assert ("receipt_number" in cast("dict[str, Any]", told["payment"])) is (kind is EventType.CAPTURED)
    assert told.get("bill") == ({"number": "0012345678"} if kind in OF_ONE_BILL else None)
    bare = said(msgspec.structs.replace(FACT, type=kind, detail="", receipt_number=None))
    assert "bill" not in bare
    assert "receipt_number" not in cast("dict[str, Any]", bare["payment"])


def test_the_names_that_receivers_know_are_fixed() -> None:
    assert {event: str(kind) for event, kind in TYPES.items()} == {
        "create": "payment.created",
        "send": "payment.sending",
        "challenged": "payment.challenged",
        "approved": "payment.captured",
        "refused": "payment.declined",
        "lost": "payment.unknown",
        "absent": "payment.expired",
        "expire": "payment.expired",
        "mismatch": "payment.amount_differs",
        "voided": "payment.voided",
        "refunded": "payment.refunded",
        "part_credited": "payment.refunded.part",
        "bill_credited": "payment.refunded.part",
        "bill_posted": "bill.posted",
        "bill_refused": "bill.posting_refused",
    }
    assert set(TYPES.values()) == set(EventType)
    assert {"payment.refunded.part", "bill.posted", "bill.posting_refused"} == OF_ONE_BILL


# --- who is told ------------------------------------------------------------------------------------------------------


@pytest.mark.parametrize("name", ["a", "9", "a-1", "a" * 40])
def test_a_name(name: str) -> None:
    assert name_of(name) == name


@pytest.mark.parametrize("name", ["", "a" * 41, "-a", "A", "a_b", "a b", "a\n"])
def test_what_is_no_name(name: str) -> None:
    with pytest.raises(EndpointError, match="40 small letters"):
        name_of(name)


@pytest.mark.parametrize("url", ["https://a.example/x?k=1", "https://a.example:443", "https://a.example/" + "x" * 982])
def test_an_address(url: str) -> None:
    assert url_of(url) == url_of(url, plain=True) == url


@pytest.mark.parametrize(
    "url",
    [
        "https://a.example/" + "x" * 983, "https://a.example/é", "https://a.example/ x", "https://a.example/\t",
        "ftp://a.example", "a.example", "https:///x", "https://", "https://:443/", "https://a.example:0/",
        "https://a.example:x/", "https://a.example:99999/", "https://[::1", "https://u@a.example/",
        "https://u:p@a.example/", "https://:p@a.example/", "https://a.example/#f", "",
    ],
)  # fmt: skip
def test_what_is_no_address(url: str) -> None:
    for plain in (False, True):
        with pytest.raises(EndpointError):
            url_of(url, plain=plain)


def test_without_tls_only_where_it_is_asked_for() -> None:
    assert url_of("http://a.example/", plain=True) == "http://a.example/"
    with pytest.raises(EndpointError, match="https"):
        url_of("http://a.example/")


def test_the_events_that_are_wanted() -> None:
    assert types_of(["payment.captured", "bill.posted"]) == {EventType.CAPTURED, EventType.BILL_POSTED}
    with pytest.raises(EndpointError, match=r"'x' is no event; known are payment\.created, "):
        types_of(["payment.captured", "x"])
    every, some = endpoint(), replace(endpoint(), types=frozenset({EventType.CAPTURED}))
    assert [each.wants(EventType.CAPTURED) for each in (every, some)] == [True, True]
    assert [each.wants(EventType.CREATED) for each in (every, some)] == [True, False]


def endpoint(*secrets: EndpointSecret) -> EventEndpoint:
    return EventEndpoint("billing", EndpointKind.WEBHOOK, "https://a.example/x?key=1", secrets=secrets)


def test_a_secret_signs_for_a_day_beside_the_one_that_took_its_place() -> None:
    first = rotated((), "one", NOON)
    second = rotated(first, "two", NOON)
    third = rotated(second, "three", at(1))
    day = timedelta(hours=24)
    assert first == (EndpointSecret("one"),)
    assert second == (EndpointSecret("two"), EndpointSecret("one", NOON + day))
    assert third == (EndpointSecret("three"), EndpointSecret("two", at(1) + day))
    assert endpoint(*second).signing(NOON + day - timedelta(microseconds=1)) == ("two", "one")
    assert endpoint(*second).signing(NOON + day) == ("two",)
    assert endpoint().address() == "https://a.example/x"
    assert "key=1" not in repr(endpoint(*second))
    assert "'two'" not in repr(endpoint(*second))


def test_a_new_endpoint_reads_numbers_masked_and_was_told_nothing() -> None:
    new = endpoint()
    assert (new.full_numbers, new.query, new.disabled_why) == (False, "", "")
    assert (new.cursor, new.delivered, new.waiting, new.dead) == (0, 0, 0, 0)


def secret_of(size: int) -> str:
    return "whsec_" + base64.b64encode(bytes(size)).decode()


@pytest.mark.parametrize("size", [24, 32, 64])
def test_a_secret_of_the_standard(size: int) -> None:
    assert key_of(secret_of(size)) == bytes(size)
    assert (len(key_of(new_secret())), new_secret() == new_secret()) == (32, False)


@pytest.mark.parametrize(
    "secret",
    [secret_of(23), secret_of(65), secret_of(32)[6:], secret_of(32) + "*", "whsec_", "whsec_*" + "A" * 39, "é"],
)
def test_what_is_no_secret(secret: str) -> None:
    with pytest.raises(ValueError, match="whsec_ and base64"):
        key_of(secret)


def test_a_signature_as_the_standard_s_own_documents_have_it() -> None:
    secret, body = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", b'{"test": 2432232314}'
    signed = "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE="
    assert signatures([secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body) == signed
    both = signatures([secret_of(32), secret], "msg_p5jXN8AQM9LWM0D4loKWxJek", 1614265330, body)
    assert both.split(" ")[1] == signed
    assert signatures([], "m", 1, body) == ""


# --- webhooks ---------------------------------------------------------------------------------------------------------


class Told:
    """A relay over books in memory: what is due, and how each try ends."""

    def __init__(self, due: list[list[DueEvent]], *ends: PostAttempt, chance: float = 0.5, **said: Any) -> None:
        active = [[endpoint()]]
        self.books = port(**{"active": active, "lease": endpoint(), "plan": 0, "due": [*due, []]} | said)
        self.poster, self.link = port(post=list(ends)), port()
        self.relay = EventRelay(self.books, self.poster, StillClock(), lambda: chance, self.link.link)

    def written(self) -> list[tuple[object, ...]]:
        return [asked for asked in self.books.asked if asked[0] in {"taken", "failed", "switch_off"}]

    def released(self) -> list[tuple[object, ...]]:
        return [asked for asked in self.books.asked if asked[0] == "release"]


TAKEN, FAILED, GONE = (PostAttempt(told, "why") for told in (PostOutcome.TAKEN, PostOutcome.FAILED, PostOutcome.GONE))
DUE = DueEvent(FACT, 0)


async def test_what_is_taken_leaves_the_plan() -> None:
    told = Told([[DUE]], TAKEN)
    assert await told.relay.look() == 1
    assert told.written() == [("taken", "billing", 42)]
    assert told.poster.asked == [("post", endpoint(), FACT, NOON)]
    assert told.books.asked[1:4] == [
        ("lease", "billing", NOON, at(90)), ("plan", endpoint(), NOON), ("due", "billing", NOON, 200)
    ]  # fmt: skip
    assert told.released() == [("release", "billing", NOON, 1, None), ("release", "billing", NOON, 0, None)]
    assert len(told.link.asked) == 1


async def test_nobody_is_told_where_nobody_asked() -> None:
    told = Told([], TAKEN, active=[[]])
    assert (await told.relay.look(), told.link.asked, len(told.books.asked)) == (0, [], 1)
    others = Told([[DUE]], TAKEN, lease=None)  # another relay has it
    assert (await others.relay.look(), others.poster.asked, others.released()) == (0, [], [])
    assert [asked[0] for asked in others.books.asked] == ["active", "lease"]  # asked for once in a look


@pytest.mark.parametrize(
    ("attempts", "pause_s"), list(enumerate((5, 300, 1_800, 7_200, 18_000, 36_000, 50_400, None, None)))
)
@pytest.mark.parametrize(("chance", "factor"), [(0.0, 0.8), (0.5, 1.0), (0.75, 1.1)])
async def test_what_fails_is_tried_again_after_its_pause_and_then_a_dead_letter(
    attempts: int, pause_s: int | None, chance: float, factor: float
) -> None:
    told = Told([[DueEvent(FACT, attempts)]], FAILED, chance=chance)
    assert await told.relay.look() == 0
    again_at = None if pause_s is None else at(pause_s * factor)
    assert told.written() == [("failed", "billing", 42, "why", again_at, NOON)]
    assert told.released() == [("release", "billing", NOON, 0, None)]


async def test_who_wants_no_more_is_told_no_more() -> None:
    told = Told([[DUE] * 20], GONE)
    assert await told.relay.look() == 0
    assert set(told.written()) == {("switch_off", "billing", "why", NOON)}
    assert len(told.poster.asked) <= 8  # those that were under way


@pytest.mark.parametrize(("failures", "quiet"), [(7, False), (8, True), (20, True)])
async def test_an_endpoint_that_only_fails_is_left_alone_for_a_while(failures: int, *, quiet: bool) -> None:
    told = Told([[DUE] * failures], FAILED)
    await told.relay.look()
    assert told.released() == [("release", "billing", NOON, 0, at(30) if quiet else None)]
    one_taken = Told([[DUE] * (failures + 1)], TAKEN, FAILED)
    assert await one_taken.relay.look() == 1
    assert len(one_taken.poster.asked) == failures + 1
    assert one_taken.released()[0] == ("release", "billing", NOON, 1, None)


async def test_rounds_go_on_while_there_is_more_and_end() -> None:
    endless = Told([], TAKEN)
    endless.books._said["due"] = [[DUE]]
    assert await endless.relay.look() == 50
    planning = Told([], TAKEN, plan=[5, 5, 0])  # rows that it does not want
    assert await planning.relay.look() == 0
    assert len(planning.released()) == 3


async def test_at_most_so_many_at_once() -> None:
    told, now, most = Told([[DUE] * 30], TAKEN), 0, 0

    async def slowly(*_: object) -> PostAttempt:
        nonlocal now, most
        now += 1
        most = max(most, now)
        await asyncio.sleep(0)
        now -= 1
        return TAKEN

    told.poster.post = slowly
    assert (await told.relay.look(), most) == (30, 8)


async def test_a_database_that_is_away_ends_the_turn() -> None:
    told = Told([], plan=DatabaseUnavailable())
    assert await told.relay.look() == 0
    assert len(told.released()) == 1


# --- a broker's log ---------------------------------------------------------------------------------------------------

PAGE = StreamPage(50, 4, (FACT, FACT))


class Streamed:
    """A stream of pages of eight rows at most, over books in memory, ten seconds after the facts."""

    def __init__(self, *pages: StreamPage | None, **said: Any) -> None:
        self.books = port(**{"hold": 40, "behind": [*pages, None], "move": True} | said)
        self.log, self.link = port(put=said.get("put")), port()
        self.watched: list[tuple[object, ...]] = []
        self.stream = EventStream(
            self.books, self.log, cast("Any", self), StillClock(at(10)), self.link.link, holder="a", page_max=8,
            put_max_s=20.0, lease_s=said.get("lease_s"),
        )  # fmt: skip

    def put_out(self, events: int) -> None:
        self.watched.append(("put_out", events))

    def failed(self) -> None:
        self.watched.append(("failed",))

    def stands(self, lag_events: int, lag_s: float, *, holds: bool) -> None:
        self.watched.append(("stands", lag_events, lag_s, holds))


async def test_a_page_is_put_out_and_then_the_cursor_moves() -> None:
    streamed = Streamed(PAGE)
    assert await streamed.stream.look() == 2
    assert streamed.books.asked[:3] == [("hold", "a", 25.0), ("behind", 40, 8), ("move", "a", PAGE, 40, 25.0)]
    assert streamed.log.asked == [("put", (FACT, FACT))]
    assert streamed.watched == [
        ("stands", 4, 10.0, True), ("put_out", 2), ("stands", 0, 0.0, True)
    ]  # fmt: skip
    assert len(streamed.link.asked) == 1
    longer = Streamed(PAGE, lease_s=7.0)
    await longer.stream.look()
    assert longer.books.asked[0] == ("hold", "a", 7.0)


@pytest.mark.parametrize(("rows", "goes_on"), [(3, False), (4, True), (8, True)])
async def test_a_page_that_is_half_full_is_followed_by_the_next(rows: int, *, goes_on: bool) -> None:
    streamed = Streamed(replace(PAGE, rows=rows), lag=StreamLag(9, at(-5)))
    assert await streamed.stream.look() == 2
    assert [asked[0] for asked in streamed.books.asked].count("behind") == 1 + goes_on
    first = ("stands", 9, 15.0, True) if rows == 8 else ("stands", rows, 10.0, True)
    assert streamed.watched[0] == first
    assert streamed.watched[-1] == ("stands", 0, 0.0, True)


async def test_rows_that_nobody_is_told_of_move_the_cursor_all_the_same() -> None:
    streamed = Streamed(StreamPage(50, 1, ()))
    assert await streamed.stream.look() == 0
    assert streamed.log.asked == []
    assert ("move", "a", StreamPage(50, 1, ()), 40, 25.0) in streamed.books.asked
    assert streamed.watched[0] == ("stands", 1, 0.0, True)
    ahead = Streamed(replace(PAGE, facts=(msgspec.structs.replace(FACT, at=at(99)),)))  # another machine's clock
    await ahead.stream.look()
    assert ahead.watched[0] == ("stands", 4, 0.0, True)


async def test_who_does_not_hold_the_cursor_stands_by() -> None:
    by = Streamed(PAGE, hold=None)
    assert (await by.stream.look(), by.watched, by.log.asked) == (0, [("stands", 0, 0.0, False)], [])
    overtaken = Streamed(PAGE, PAGE, move=False)
    assert (await overtaken.stream.look(), len(overtaken.log.asked)) == (2, 1)
    stop = asyncio.Event()
    stop.set()
    stopped = Streamed(PAGE)
    assert (await stopped.stream.look(stop), stopped.books.asked) == (0, [])


async def test_after_failures_it_pauses_longer_up_to_a_bound_and_not_after_a_success() -> None:
    streamed, stop = Streamed(put=BrokerAway("away"), behind=PAGE), asyncio.Event()
    pauses = [await streamed.stream._tried(stop) for _ in range(8)]
    assert pauses == [1.0, 2.0, 4.0, 8.0, 16.0, 30.0, 30.0, 30.0]
    assert [watched[0] for watched in streamed.watched].count("failed") == 8
    streamed.log._said["put"] = [None]
    streamed.books._said["behind"] = [None]
    assert await streamed.stream._tried(stop) == 1.0
    streamed.books._said["hold"] = [DatabaseUnavailable()]
    assert await streamed.stream._tried(stop) == 1.0  # the first of a new row
    away = Streamed(hold=DatabaseUnavailable())
    assert [await away.stream._tried(stop) for _ in range(2)] == [1.0, 2.0]
    assert away.watched == []
    for _ in range(2_000):
        away.stream._failures += 1
    assert await away.stream._tried(stop) == 30.0


async def test_at_its_end_it_gives_the_cursor_back() -> None:
    streamed, stop = Streamed(PAGE), asyncio.Event()
    stop.set()
    await streamed.stream.run(stop)
    assert streamed.books.asked == [("release", "a")]
    away = Streamed(release=DatabaseUnavailable())
    await away.stream.run(stop)
