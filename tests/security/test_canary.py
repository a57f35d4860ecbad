"""After every way a card's entry can go, nothing that rests, was logged or was sent holds a card
(protocols/security.md 1).

Real Valkey with its append-only file, real PostgreSQL with its write-ahead log, real HTTP, SMTP and XML.
"""

import asyncio
import base64
import re
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import pytest_asyncio

from core.database.migrate import upgrade
from core.ports import Acquirer
from lab.cmi.cards import CardTable
from lab.cmi.lies import Manner
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey
from tests.security.callers import (
    APPROVED,
    ASKS_PIN,
    BREAKS_US,
    CARDS,
    CHARGES_SILENTLY,
    CVV,
    OTHER_CVV,
    PIN,
    SILENT,
    WAYS,
    WRONG_PIN,
    Way,
    at_the_card,
    call,
    subscribe,
    typed,
)
from tests.security.faults import ASKED, AWAITS_MAX, NEVER, Broken, OneCardForAll, faults
from tests.security.leaks import Remains, leaks
from tests.security.remains import Left, Logs, gathered
from tests.support.world import World, world

SECRETS = {**{f"card {n}": card for n, card in enumerate(CARDS)}, "PIN": PIN, "wrong PIN": WRONG_PIN}
SECRETS |= {"code": CVV, "other code": OTHER_CVV}
TEXTS = {"logs", "written logs", "metrics", "mails", "texts", "tables", "answers"}
MEDIA = (*sorted(TEXTS), "Redis values", "append-only file", "database files", "write-ahead log", "server logs")
BANK_TIMEOUT_S = 2.0

FAULTS = 10
NUMBERS = [f"+2126{n:08d}" for n in range(len(WAYS) + FAULTS + AWAITS_MAX)]


CANARIES = CardTable(
    approved=frozenset({APPROVED, BREAKS_US}),
    asks_pin=ASKS_PIN,
    pin=PIN,
    silent={CHARGES_SILENTLY: Manner.SILENT_AFTER_CHARGING, SILENT: Manner.SILENT_WITHOUT_CHARGING},
)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def remains(servers_folder: Path) -> AsyncIterator[Left]:
    """Everything that is left after all calls, by where it lies."""
    folder = servers_folder / "canary"
    folder.mkdir(mode=0o711)
    with Valkey(folder / "valkey") as valkey, Postgres(folder / "postgres") as postgres, Logs() as logs:
        upgrade(postgres.url)
        _count_high(postgres.url)
        await subscribe(postgres.url, len(NUMBERS))
        async with world(
            valkey.url,
            postgres.url,
            bank_timeout_s=BANK_TIMEOUT_S,
            bank_cards=CANARIES,
            card_limits=OneCardForAll,
        ) as here:
            answers: list[str] = []
            ends = await asyncio.gather(*(call(here.url, n, way, answers) for n, way in enumerate(WAYS)))
            assert ends == [way.ends for way in WAYS]
            left = await gathered(here, "".join(answers), NUMBERS)
            left["logs"] = logs.raw.getvalue().encode()
            await _faults(here)
            await _faults_at_each_await(here)
            left["written logs"] = logs.written.getvalue().encode()
            after = await gathered(here, "", NUMBERS)
            left |= {medium: left[medium] + after[medium] for medium in after}
            history = _all(folder / "valkey" / "appendonlydir")
            await here.house.redis.bgrewriteaof()
        left |= _files(folder)
        left["append-only file"] += history
    yield left


def _count_high(database_url: str) -> None:
    """Rows have numbers of seven digits: none of them happens to be a security code."""
    with psycopg.connect(database_url, autocommit=True) as connection:
        connection.execute(
            "SELECT setval(format('%I.%I', schemaname, sequencename)::regclass, 1000000) FROM pg_sequences"
            " WHERE data_type <> 'smallint'::regtype"
        )


@pytest.fixture(scope="module")
def whole(remains: Left) -> dict[str, Remains]:
    return {medium: Remains(data, medium in TEXTS) for medium, data in remains.items()}


def _files(folder: Path) -> Left:
    """As they lie on the disk once the servers have stopped writing to them."""
    cluster = folder / "postgres" / "cluster"
    return {
        "append-only file": _all(folder / "valkey" / "appendonlydir"),
        "write-ahead log": _all(cluster / "pg_wal"),
        "database files": _all(cluster / "base"),
        "server logs": b"".join(file.read_bytes() for file in folder.rglob("*.log")),
    }


def _all(folder: Path) -> bytes:
    """Without the long stretches of nothing, in which there is nothing to find."""
    whole = b"".join(file.read_bytes() for file in sorted(folder.rglob("*")) if file.is_file())
    return re.sub(rb"\0{64,}", bytes(64), whole)


async def _faults(here: World) -> None:
    """Calls in which our own code breaks, in the worst way: with what was typed in the exception's words."""

    def quoting(*args: object, **kwargs: object) -> None:
        told = [getattr(each, "reveal", lambda each=each: repr(each))() for each in args]
        raise ValueError(f"cannot {' '.join(map(str, told))}")

    async def breaking(self: Acquirer, order: object, card: object, cvv: object) -> None:
        quoting(getattr(card, "pan", card), cvv)

    number = len(WAYS)
    for target, broken, way in (
        ("sessions.vault.Seals.seal", quoting, Way("seal", "Apology")),
        ("sessions.screens.paying.pan_plausible", quoting, Way("number", "Apology")),
        ("sessions.vault.Seals.card", quoting, Way("code", "Apology")),
        ("core.acquirers.cmi.CmiAcquirer.authorise", breaking, Way("bank", "Unknown", card=(f"{BREAKS_US}#",))),
        ("core.acquirers.cmi_xml.auth_request", quoting, Way("xml", "Unknown")),
        ("core.acquirers.cmi_xml.challenge_request", quoting, Way("PIN", "Unknown", card=(f"{ASKS_PIN}#",))),
    ):
        number += 1
        with pytest.MonkeyPatch.context() as patch:
            patch.setattr(target, broken, raising=False)
            assert await call(here.url, number, way, []) == way.ends, target


async def _faults_at_each_await(here: World) -> None:
    """From the card's first digit to the end of the call, with the bank's PIN on the way."""
    way, first = Way("each", "Paid", card=(f"{ASKS_PIN}#",)), len(WAYS) + FAULTS

    async def broken_at(at: int) -> tuple[str, Broken]:
        broken = Broken(at)
        async with at_the_card(here.url, first + at) as line:
            callers[NUMBERS[first + at]] = broken
            ended = await typed(line, way)
            line.hang_up()
            await line.finished()
        return ended, broken

    with faults() as callers:
        ended, untouched = await broken_at(NEVER)
        assert ended == "Paid"
        assert set(untouched.names) == {name for _, name in ASKED}
        assert len(untouched.names) < AWAITS_MAX
        ends = await asyncio.gather(*(broken_at(at) for at in range(1, len(untouched.names) + 1)))
    # polls of the bank's answer are more or fewer: the last few may have none left to break
    assert sum(broken.struck for _, broken in ends) > 0.8 * len(untouched.names)
    assert {"Apology", "Paid", "Unknown"} <= {ended for ended, _ in ends}


def test_all_of_it_was_there_to_be_looked_at(remains: Left) -> None:
    """Otherwise the tests below could not fail."""
    assert set(remains) == set(MEDIA)
    assert b"captured" in remains["tables"]
    assert APPROVED[-4:].encode() in remains["tables"]
    assert b"CardCvv" in remains["tables"]  # transcripts
    assert remains["append-only file"].count(b":number\r\n") > len(WAYS)  # every card that was ever sealed
    assert b"kh:" in remains["Redis values"]
    assert b"captured" in remains["write-ahead log"]
    assert b"CardCvv" in remains["metrics"]
    assert remains["answers"].count(b"<Gather") > len(WAYS)
    assert b"ValueError" in remains["written logs"]
    assert remains["texts"]
    assert remains["mails"]
    assert len(remains["logs"]) > 1_000


@pytest.mark.parametrize("medium", MEDIA)
@pytest.mark.parametrize("name", SECRETS)
def test_nothing_of_a_card_is_left(whole: dict[str, Remains], medium: str, name: str) -> None:
    assert leaks(whole[medium], SECRETS[name]) == []


@pytest.mark.parametrize(
    "left",
    [
        b"digits=%s",
        b"\x00\xb0%s\xff",
        b"%(hex)s",
        b"%(base64)s",
        b"%(url)s",
        b"%(apart)s",
        b"%(groups)s",
        b"%(packed)s",
        b"%(utf16)s",
    ],
)
def test_what_is_looked_for_is_found(left: bytes) -> None:
    for secret in (*CARDS, PIN):
        forms = {
            b"hex": secret.encode().hex().upper().encode(),
            b"url": "".join(f"%{ord(digit):02X}" for digit in secret).encode(),
            b"apart": " ".join(secret).encode(),
            b"groups": "-".join(secret[at : at + 4] for at in range(0, len(secret), 4)).encode(),
            b"packed": int(secret).to_bytes(8, "big"),
            b"utf16": secret.encode("utf-16-le"),
        }
        for pad in (b"", b"x", b"xy"):
            forms[b"base64"] = base64.b64encode(pad + secret.encode() + b"zz")
            planted = left % forms if b"(" in left else left % secret.encode()
            assert leaks(Remains(b"before " + planted + b" after", text=False), secret)


@pytest.mark.parametrize(
    "left", ['{"cvv": "739"}', "Digits=739&", "code 739\n", "7 3 9", "7, 3, 9", "%37%33%39", "NzM5"]
)
def test_a_code_is_found_in_text(left: str) -> None:
    assert leaks(Remains(left.encode(), text=True), "739")
