"""The bounds of what wallets are asked and of when they are looked at, each from both sides. Pure, and no network."""

from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, timedelta

import pytest
from yarl import URL

from core.acquirers.breaker import Breaker, Circuit
from core.cards import Secret
from core.http_peer import HttpReply
from core.payments.table import Payment, PaymentState
from core.wallets.amounts import amount_text, bare_digits, centimes_of
from core.wallets.attempts import (
    AttemptState,
    WalletRecord,
    agrees,
    is_current,
    keeps,
    late_look,
    look_again,
    next_poll,
    offered,
)
from core.wallets.http import BearerToken, Exchange, HttpAnswer, HttpAsk, TokenKeeper, WalletHttp, bearer_of, text_of
from core.wallets.port import NotSent, UnknownOutcome, WalletPaid, WalletTerms
from tests.core.basket import PAYMENT as MADE
from tests.core.scripted_peer import Answer, ScriptedPeer
from tests.core.wallets.attempts import ATTEMPT, NOW

DAY_S = 86_400
RECORD = WalletRecord(ATTEMPT, 1, 1, AttemptState.ASKED, asked_at=NOW)


def at(seconds: float) -> datetime:
    return NOW + timedelta(seconds=seconds)


# --- what may be asked ----------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("centimes", "currency", "taken"),
    [(499, "MAD", False), (500, "MAD", True), (500, "EUR", False), (9_000, "MAD", True), (9_001, "MAD", False)],
)
def test_an_amount_between_the_floor_and_the_ceiling(centimes: int, currency: str, taken: bool) -> None:
    assert WalletTerms("x", "MAD", floor_centimes=500, ceiling_centimes=9_000).takes(centimes, currency) is taken


def test_whole_units_and_no_ceiling() -> None:
    whole, any_ = WalletTerms("x", "KES", whole_units=True), WalletTerms("x", "KES")
    assert [whole.takes(centimes, "KES") for centimes in (99, 100, 101, 10**9)] == [False, True, False, True]
    assert [any_.takes(centimes, "KES") for centimes in (0, 1, 99)] == [False, True, True]


def test_numbers_that_a_wallet_may_hang_on() -> None:
    some, every = WalletTerms("x", "MAD", prefixes=("+21261", "+21266")), WalletTerms("x", "MAD")
    numbers = ("+212612345678", "+212662345678", "+212700000000", "212612345678", "")
    assert [some.serves(number) for number in numbers] == [True, True, False, False, False]
    assert [every.serves(number) for number in numbers] == [True, True, True, False, False]


@pytest.mark.parametrize(
    ("amount", "centimes"),
    [
        ("0", 0),
        ("9999999999999", 999999999999900),
        ("10000000000000", None),
        ("1.2300", 123),
        ("1.23000", None),
        (" 769.2 ", 76920),
        ("769.201", None),
        ("01", None),
        (769.2, 76920),
        (769, 76900),
        (True, None),
        (False, None),
        (None, None),
        ([], None),
    ],
)
def test_an_amount_as_wallets_write_it(amount: object, centimes: int | None) -> None:
    assert centimes_of(amount) == centimes


def test_an_amount_as_it_is_written() -> None:
    assert [amount_text(centimes) for centimes in (1, 99, 100, 101, 76900, 76920)] == [
        *("0.01", "0.99", "1", "1.01", "769", "769.20"),
    ]


@pytest.mark.parametrize("wrong", ["", "+", "+123456", "+1234567890123456", "+0123456789", "212600000001", "+2126000a"])
def test_a_number_that_is_none(wrong: str) -> None:
    with pytest.raises(ValueError, match="E\\.164"):
        bare_digits(wrong)


def test_a_number_has_seven_to_fifteen_digits() -> None:
    assert [bare_digits(number) for number in ("+1234567", "+123456789012345")] == ["1234567", "123456789012345"]


# --- when it is looked at -------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("now_s", "due_s"),
    [
        *((0, 5), (4, 5), (5, 10), (10, 20), (20, 40), (39, 40)),
        *((40, 100), (500, 560), (540, 600), (541, 600), (599, 600)),  # of its window of 600 s the end is one
        *((600, 900), (899, 900), (900, 3_600), (3_600, DAY_S), (DAY_S, 2 * DAY_S), (DAY_S + 7, 2 * DAY_S + 7)),
    ],
)
def test_an_open_attempt_is_looked_at_again(now_s: int, due_s: int) -> None:
    assert next_poll(RECORD, at(now_s)) == at(due_s)
    unsent = replace(RECORD, asked_at=None, attempt=replace(ATTEMPT, sent_at=at(7)))
    assert next_poll(unsent, at(now_s + 7)) == at(due_s + 7), "of one that was never sent since it was written down"


def test_its_window_ends_a_little_after_the_wallet_says() -> None:
    told = replace(RECORD, attempt=replace(ATTEMPT, expires_at=at(300)))
    assert (told.window_ends_at, RECORD.window_ends_at) == (at(420), at(600))
    assert replace(RECORD, asked_at=None, attempt=replace(ATTEMPT, sent_at=at(7))).window_ends_at == at(607)
    assert replace(RECORD, asked_at=at(9)).window_ends_at == at(609)


@pytest.mark.parametrize(
    ("now_s", "late_s", "again_s"),
    [
        (0, 900, 900),
        (900, 3_600, 3_600),
        (3_600, DAY_S, DAY_S),
        (DAY_S - 1, DAY_S, DAY_S),
        (DAY_S, None, 2 * DAY_S),
        (30 * DAY_S - 1, None, 31 * DAY_S - 1),
        (30 * DAY_S, None, None),
    ],
)
def test_late_looks(now_s: int, late_s: int | None, again_s: int | None) -> None:
    for record in (RECORD, replace(RECORD, asked_at=None), replace(RECORD, attempt=replace(ATTEMPT, sent_at=at(50)))):
        assert late_look(record, at(now_s)) == (None if late_s is None else at(late_s))
        assert look_again(record, at(now_s)) == (None if again_s is None else at(again_s))


# --- whose success it is --------------------------------------------------------------------------------------------


def payment(**changes: object) -> Payment:
    return replace(MADE, wallet="gsma", attempts=1, **changes)  # type: ignore[arg-type]


@pytest.mark.parametrize("state", list(PaymentState))
def test_whose_a_success_is(state: PaymentState) -> None:
    unpaid = state in {PaymentState.DECLINED, PaymentState.EXPIRED}
    being_asked = state in {PaymentState.SENDING, PaymentState.UNKNOWN}
    assert keeps(payment(state=state), RECORD) is (unpaid or being_asked)
    assert keeps(payment(state=state), replace(RECORD, payment_attempt=2)) is unpaid


def test_the_latest_sending() -> None:
    assert is_current(payment(), RECORD)
    assert not is_current(payment(), replace(RECORD, payment_attempt=2))
    assert not is_current(payment(), replace(RECORD, attempt=replace(ATTEMPT, provider="mtn")))


@pytest.mark.parametrize(
    ("paid", "why"),
    [
        (WalletPaid("r", 1, "MAD"), None),
        (WalletPaid("r", 76920, "MAD", ATTEMPT.reference), None),
        (WalletPaid("r", 76920, "MAD", "another"), "it names another reference"),
        (WalletPaid("r", 76920, "MAD", ""), "it names another reference"),
        (WalletPaid("r", 76920, "EUR"), "it was paid in EUR"),
        (WalletPaid("r", 0, "MAD"), "it names no amount"),
        (WalletPaid("r", -1, "MAD"), "it names no amount"),
    ],
)
def test_a_success_that_cannot_be_this_attempts(paid: WalletPaid, why: str | None) -> None:
    assert agrees(ATTEMPT, paid) == why


def test_the_wallet_that_a_number_last_paid_with_comes_first() -> None:
    assert offered(("c", "a", "b"), "a") == ("a", "c", "b")
    assert offered(("c", "a", "b"), None) == offered(("c", "a", "b"), "z") == ("c", "a", "b")


# --- its socket -----------------------------------------------------------------------------------------------------


def test_a_text_of_an_answer() -> None:
    fields = {"a": " x ", "n": 7, "yes": True, "no": None, "f": 1.5, "long": "x" * 257, "many": 10**300, "empty": " "}
    told = [text_of(fields, name) for name in ("a", "n", "yes", "no", "f", "none", "empty")]
    assert told == ["x", "7", "", "", "", "", ""]
    assert (len(text_of(fields, "long")), len(text_of(fields, "many"))) == (256, 256)
    assert (text_of(fields, "long", chars_max=2), text_of(fields, "many", chars_max=2)) == ("xx", "10")
    assert (text_of(fields, "no", "n", "a"), text_of(fields, "a", "n")) == ("7", "x")


def test_an_answers_object() -> None:
    for body, told in ((b'{"a": 1}', {"a": 1}), (b"[1]", {}), (b"", {}), (b"\xff", {}), (b"[" * 100_000, {})):
        assert HttpAnswer(200, body).json() == told


def http(*answers: Answer, breaker: Breaker | None = None) -> tuple[WalletHttp, ScriptedPeer]:
    made, peer = WalletHttp("http://peer.example/v1/", breaker=breaker), ScriptedPeer(answers)
    made._peer = peer
    return made, peer


async def test_what_is_sent_and_what_comes_back() -> None:
    made, peer = http(HttpReply(200, b"x"), HttpReply(404), UnknownOutcome("lost"), NotSent("away"))
    asks = (HttpAsk("POST", "/a?b=c", {"h": "i"}, b"body"), HttpAsk("GET", "/d"))
    assert await made.exchange(asks[0]) == HttpAnswer(200, b"x")
    assert await made.exchange(asks[1]) == HttpAnswer(404)
    assert await made.exchange(asks[1]) == UnknownOutcome("lost")
    assert await made.exchange(asks[1]) == NotSent("away")
    first, second = peer.sent[:2]
    assert (first.method, first.url, first.headers, first.data) == (
        "POST",
        URL("http://peer.example/v1/a?b=c"),
        {"h": "i"},
        b"body",
    )
    assert (second.method, second.url, second.headers, second.data) == ("GET", URL("http://peer.example/v1/d"), {}, {})


async def test_it_closes_its_connections() -> None:
    made = WalletHttp("http://peer.example")
    session = made._peer._open_session()
    await made.aclose()
    assert session.closed


def test_a_client_says_what_it_reads() -> None:
    peer = WalletHttp("http://peer.example/")._peer
    assert (str(peer.url), peer._headers["Accept"]) == ("http://peer.example", "application/json")


async def test_the_breaker_hears_of_every_exchange() -> None:
    """A 5xx that says nothing comes from a machine in between."""
    breaker = Breaker(lambda: 0.0, failures_max=2)
    empty, told = HttpReply(500), HttpReply(500, b'{"a": 1}')
    made, peer = http(empty, HttpReply(499), empty, told, empty, UnknownOutcome("x"), breaker=breaker)
    circuits: list[Circuit] = []
    for _ in range(6):
        await made.exchange(HttpAsk("GET", "/"))
        circuits.append(breaker.circuit)
    assert circuits == [Circuit.CLOSED] * 5 + [Circuit.OPEN]
    assert await made.exchange(HttpAsk("GET", "/")) == NotSent("circuit open")
    assert len(peer.sent) == 6


class Door:
    """Gives tokens t1, t2, ... of one life, or says why not."""

    def __init__(self, life_s: float) -> None:
        self.life_s = life_s
        self.now_s = 0.0
        self.given = 0
        self.refusal: NotSent | UnknownOutcome | None = None

    async def fetch(self) -> BearerToken | NotSent | UnknownOutcome:
        self.given += 1
        return self.refusal or BearerToken(Secret(f"t{self.given}"), self.life_s)


@pytest.mark.parametrize(
    ("life_s", "kept_s"),
    [(3_600, 3_540), (120, 60), (100, 50), (10, 5), (DAY_S, DAY_S - 60), (DAY_S + 1, DAY_S - 60), (-5, 0)],
)
async def test_a_token_is_renewed_before_its_end(life_s: float, kept_s: float) -> None:
    door = Door(life_s)
    keeper = TokenKeeper(door.fetch, lambda: door.now_s)
    names: list[str] = []
    for now_s in (0, kept_s - 0.1, kept_s):
        door.now_s = max(now_s, 0)
        token = await keeper.token()
        assert isinstance(token, Secret)
        names.append(token.reveal())
    assert names == (["t1", "t1", "t2"] if kept_s else ["t1", "t2", "t3"])


async def test_without_a_token_nothing_is_asked() -> None:
    door = Door(60)
    door.refusal = UnknownOutcome("closed")
    made, peer = http()
    answer = await TokenKeeper(door.fetch, lambda: 0.0).exchange(made, HttpAsk("GET", "/"), lambda _: True)
    assert (answer, peer.sent) == (NotSent("no token: closed"), [])


@pytest.mark.parametrize(
    ("answers", "told", "bearers"),
    [
        ([HttpReply(200)], HttpAnswer(200), ["t1"]),
        ([HttpReply(401), HttpReply(200)], HttpAnswer(200), ["t1", "t2"]),
        ([HttpReply(401), HttpReply(401, b"x")], HttpAnswer(401, b"x"), ["t1", "t2"]),
        ([UnknownOutcome("lost")], UnknownOutcome("lost"), ["t1"]),
    ],
)
async def test_a_token_that_is_refused_is_renewed_once(
    answers: list[Answer], told: Exchange, bearers: list[str]
) -> None:
    made, peer = http(*answers)
    refuses: Callable[[HttpAnswer], bool] = lambda answer: answer.status == 401  # noqa: E731
    keeper = TokenKeeper(Door(3_600).fetch, lambda: 0.0)
    assert await keeper.exchange(made, HttpAsk("PUT", "/p", {"h": "i"}, b"body"), refuses) == told
    assert [each.headers for each in peer.sent] == [{"h": "i", "Authorization": f"Bearer {each}"} for each in bearers]
    assert {(each.method, each.url.path, each.data) for each in peer.sent} == {("PUT", "/v1/p", b"body")}


async def test_a_newer_token_stays() -> None:
    keeper = TokenKeeper(Door(3_600).fetch, lambda: 0.0)
    first = await keeper.token()
    assert isinstance(first, Secret)
    keeper.refused(Secret("t1"))
    assert await keeper.token() is first
    keeper.refused(first)
    assert await keeper.token() is not first


@pytest.mark.parametrize(
    ("body", "life_s"),
    [
        (b'{"access_token": "t", "expires_in": 3599}', 3599),
        (b'{"access_token": "t", "expires_in": "3599"}', 3599),
        (b'{"access_token": "t", "expires_in": "999999999"}', 999_999_999),
        (b'{"access_token": "t", "expires_in": "1000000000"}', 60),
        (b'{"access_token": "t", "expires_in": "soon"}', 60),
        (b'{"access_token": "t"}', 60),
    ],
)
def test_the_token_that_a_door_gave(body: bytes, life_s: float) -> None:
    made = bearer_of(HttpAnswer(200, body))
    assert isinstance(made, BearerToken)
    assert (made.token.reveal(), made.life_s) == ("t", life_s)


@pytest.mark.parametrize(
    "answer",
    [
        HttpAnswer(201, b'{"access_token": "t"}'),
        HttpAnswer(200, b"{}"),
        HttpAnswer(200, '{"access_token": "é"}'.encode()),
        HttpAnswer(200, b'{"access_token": "a\\nb"}'),
    ],
)
def test_a_door_that_gave_none(answer: HttpAnswer) -> None:
    assert bearer_of(answer) == UnknownOutcome(f"HTTP {answer.status} at the token door")
    assert bearer_of(NotSent("away")) == NotSent("away")


def test_a_token_may_be_long() -> None:
    for chars, kept in ((8_192, 8_192), (8_193, 8_192)):
        made = bearer_of(HttpAnswer(200, b'{"access_token": "%s"}' % (b"t" * chars)))
        assert isinstance(made, BearerToken)
        assert len(made.token.reveal()) == kept
