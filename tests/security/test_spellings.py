"""Ten thousand spellings of twenty card numbers through the doors where words are typed: none rests anywhere.

Search, note, comment, texts, an e-mail address and a line's reference, on a whole server; afterwards every key of
Redis and every row of PostgreSQL is read, in whatever script its digits are.
"""

import asyncio
import re
import unicodedata
from collections.abc import AsyncIterator, Awaitable, Callable, Iterable, Iterator
from pathlib import Path
from urllib.parse import urlencode

import pytest
import pytest_asyncio

from channels.carriers.twilio.signature import HEADER, sign
from core.database.help_desk.accounts import PgUsers
from core.database.migrate import upgrade
from core.database.pool import open_database
from core.help_desk.accounts import Role, hasher
from khallas.settings.model import Settings
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey
from tests.core.card_spellings import CARDS, spellings
from tests.security.asgi import Ask, Told, ask
from tests.security.callers import at_the_card, subscribe
from tests.security.remains import gathered
from tests.support.world import BEGINS, PUBLIC_URL, World, changed, world

TEXTS = 10_000
DESK_EACH, TYPED_EACH = 2_700, 200
AT_ONCE = 8
BUSY_MAX, BUSY_PAUSE_S = 40, 0.5
PASSWORD = "twelve or more characters, 7"
FORM = ("content-type", "application/x-www-form-urlencoded")
TOKEN = "demo-token"


def _roomy(told: Settings) -> Settings:
    return changed(
        told,
        ussd={"wires": "africastalking"},
        sms={"wires": "twilio", "sender_max": 100, "prefix_max": 1_000_000, "sender_day_max": 1_000},
    )


@pytest_asyncio.fixture(loop_scope="session")
async def here(servers_folder: Path) -> AsyncIterator[World]:
    folder = servers_folder / "spellings"
    folder.mkdir(mode=0o711)
    with Valkey(folder / "valkey") as valkey, Postgres(folder / "postgres") as postgres:
        upgrade(postgres.url)
        await subscribe(postgres.url, 1)
        async with open_database(postgres.url) as database:
            await PgUsers(database).add("sami", Role.SUPERVISOR, hasher().hash(PASSWORD), BEGINS)
        async with world(valkey.url, postgres.url, change=_roomy, beside=False) as made:
            async with at_the_card(made.url, 0):
                pass
            yield made


class Desk:
    """One supervisor's browser."""

    def __init__(self, on: World) -> None:
        self._on = on
        self._cookies: dict[str, str] = {}
        self._csrf = ""

    async def login(self) -> None:
        await self._sent(Ask("GET", "/desk/login"))
        told = await self.post("/desk/login", name="sami", password=PASSWORD)
        assert (told.status, told.headers["location"]) == (303, "/desk")
        assert (await self._sent(Ask("GET", "/desk"))).status == 200

    async def post(self, path: str, **form: str) -> Told:
        return await self._sent(Ask("POST", path, (FORM,), urlencode({"csrf": self._csrf} | form).encode()))

    async def get(self, path: str) -> Told:
        return await self._sent(Ask("GET", path))

    async def _sent(self, request: Ask) -> Told:
        """As asked; a server that says it is busy is asked again, as people do."""
        told = await self._asked(request)
        for _ in range(BUSY_MAX):
            if told.status != 503:
                break
            await asyncio.sleep(BUSY_PAUSE_S)
            told = await self._asked(request)
        return told

    async def _asked(self, request: Ask) -> Told:
        cookie = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        headers = (*request.headers, ("host", "pay.example.ma"), ("cookie", cookie))
        told = await ask(self._on.app, Ask(request.method, request.target, headers, request.body))
        for cookie in told.cookies:
            name, _, value = cookie.partition(";")[0].partition("=")
            self._cookies[name] = value
        found = re.search(rb'name="csrf" value="([^"]+)"', told.body)
        self._csrf = found[1].decode() if found else self._csrf
        return told


async def _text(on: World, number: int, body: str) -> Told:
    sender = f"+2126{90_000_000 + number:08d}"
    pairs = [("MessageSid", f"SM{number:032x}"), ("AccountSid", "ACdemo"), ("From", sender), ("To", "1117")]
    pairs += [("Body", body)]
    headers = (FORM, ("host", "pay.example.ma"), (HEADER, sign(TOKEN, f"{PUBLIC_URL}/sms/twilio", pairs)))
    return await ask(on.app, Ask("POST", "/sms/twilio", headers, urlencode(pairs).encode()))


async def _dialled(on: World, number: int, keys: Iterable[str]) -> str:
    """A USSD dialog of its own; the last answer."""
    typed: list[str] = []
    told = Told()
    for key in ("", *keys):
        typed += [key] if key else []
        form = {"sessionId": f"AT-{number}", "phoneNumber": f"+2126{number:08d}", "serviceCode": "*1117#"}
        body = urlencode(form | {"networkCode": "60401", "text": "*".join(typed)}).encode()
        told = await ask(on.app, Ask("POST", "/ussd/africastalking", (FORM, ("host", "pay.example.ma")), body))
        assert told.status == 200
    return told.body.decode()


TO_REFERENCE = ("1", "1")  # French, a mobile
TO_EMAIL = ("1", "1", "0700000000", "482913", "1", "2")  # somebody else's one bill is not chosen


def _digits(text: str) -> str:
    """What stands there in ASCII digits, whatever the script; nothing else."""
    kept: list[str] = []
    for char in text:
        value = unicodedata.numeric(char, -1)
        if 0 <= value < 100 and value == int(value):
            kept.append(str(int(value)))
    return "".join(kept)


def _rests(left: dict[str, bytes]) -> Iterator[tuple[str, str]]:
    for medium in ("tables", "Redis values"):
        for piece in re.split(rb"[\n\t]", left[medium]):
            digits = _digits(piece.decode(errors="replace"))
            yield from ((medium, card) for card in CARDS if card in digits)


async def _each(work: Callable[[int, str], Awaitable[None]], texts: list[str], begin: int) -> None:
    for at in range(0, len(texts), AT_ONCE):
        many = enumerate(texts[at : at + AT_ONCE], begin + at)
        await asyncio.gather(*(work(number, text) for number, text in many))


@pytest.mark.asyncio(loop_scope="session")
async def test_none_of_ten_thousand_spellings_rests(here: World) -> None:
    texts = [text for _, text in spellings(TEXTS)]
    rows = await here.house.database.all("SELECT id FROM payments")
    payment = str(rows[0]["id"])
    desk = Desk(here)
    await desk.login()

    async def searched(_: int, text: str) -> None:
        assert (await desk.post("/desk/search", q=text)).headers["location"] == "/desk"

    async def noted(_: int, text: str) -> None:
        told = await desk.post(f"/desk/payments/{payment}/note", text=f"sa carte : {text}")
        assert told.headers["location"].endswith(payment)

    async def commented(_: int, text: str) -> None:
        form = {"reason": "other", "sure": "1", "comment": text}
        assert (await desk.post(f"/desk/payments/{payment}/undo", **form)).headers["location"].endswith(payment)

    async def texted(number: int, text: str) -> None:
        assert (await _text(here, number, text)).status == 200

    async def referred(number: int, text: str) -> None:
        await _dialled(here, number, (*TO_REFERENCE, text.replace("*", "-")))

    async def addressed(number: int, text: str) -> None:
        told = await _dialled(here, number, (*TO_EMAIL, re.sub(r"[*\s]", ".", text) + "@example.com"))
        assert "e-mail" in told  # asked once more

    doors = ((searched, DESK_EACH), (noted, DESK_EACH), (commented, 1_800), (referred, TYPED_EACH))
    begin = 0
    for work, many in (*doors, (addressed, TYPED_EACH)):
        await _each(work, texts[begin : begin + many], begin)
        begin += many
    await _each(texted, texts[begin:], begin)

    # and these doors do keep what is no card's: the looks below could fail
    await desk.post(f"/desk/payments/{payment}/note", text="rappelle demain, dossier 778899")
    await desk.post("/desk/search", q="FA-778899")
    left = await gathered(here, "", ())
    assert b"dossier 778899" in left["tables"]
    assert b"FA-778899" in left["Redis values"]
    assert left["tables"].count(b"[carte]") >= DESK_EACH
    assert set(_rests(left)) == set()
