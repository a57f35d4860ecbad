"""Debian's Kannel between an SMSC from outside and the whole server, with the guide's own kannel.conf."""

import asyncio
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path

import pytest
from pydantic import SecretStr

from khallas.doctor import networks
from khallas.doctor.finding import CheckFailed
from khallas.settings.model import Settings
from lab.servers.processes import free_port
from tests.channels.carriers.smpp.conftest import until
from tests.channels.carriers.smpp.house import KANNEL_SECRET, Running, running, seed, settings_of
from tests.channels.carriers.smpp.kannel import Bearerbox, Smsbox, configuration, need_kannel, refusing
from tests.channels.carriers.smpp.outside import Smsc, installed
from tests.channels.sms.conftest import IMANE, NADIA, SALMA, YOUSSEF

STRANGERS = 150  # more than smsbox works on at once
GUIDES_DELAY_S = 10
GUIDE = Path(__file__).parents[4] / "docs" / "guides" / "kannel.md"


@dataclass(frozen=True, slots=True)
class Kannel:
    """The running boxes. `port` is where they look for our server."""

    sendsms_url: str
    port: int


@pytest.fixture(scope="module")
def smsc_process(servers_folder: Path) -> Iterator[Smsc]:
    """Kannel's alone: it binds again after every drop."""
    with Smsc(servers_folder / "smsc-kannel", installed()) as server:
        yield server


@pytest.fixture(scope="module")
def outage_s(request: pytest.FixtureRequest) -> float:
    """--outage-s: short in the suite, a minute by command (docs/guides/kannel.md)."""
    seconds: float = request.config.getoption("--outage-s")
    return seconds


@pytest.fixture(scope="module")
def kannel(servers_folder: Path, smsc_process: Smsc, outage_s: float) -> Iterator[Kannel]:
    need_kannel()
    folder = servers_folder / "kannel"
    folder.mkdir()
    box_port, sendsms_port, port = free_port(), free_port(), free_port()
    conf = folder / "kannel.conf"
    asked = "from=%p&to=%P&text=%a&smsc=%i&ts=%T&id=%I&coding=%c&charset=%C&dcs=%O"
    conf.write_text(
        configuration(
            GUIDE.read_text(encoding="utf-8"),
            {
                "admin-port": str(free_port()),
                "smsbox-port": str(box_port),
                "sendsms-port": str(sendsms_port),
                "store-location": str(folder / "store"),
                "host": "127.0.0.1",
                "port": str(smsc_process.port),
                "smsc-password": "secret",
                "reconnect-delay": "1",
                **({"http-queue-delay": "1"} if outage_s < GUIDES_DELAY_S else {}),
                "get-url": f'"http://127.0.0.1:{port}/sms/kannel?secret={KANNEL_SECRET}&{asked}"',
            },
        )
    )
    with ExitStack() as stack:
        stack.enter_context(Bearerbox(folder / "bearerbox", conf, box_port))
        stack.enter_context(Smsbox(folder / "smsbox", conf, sendsms_port))
        yield Kannel(f"http://127.0.0.1:{sendsms_port}/cgi-bin/sendsms", port)


@pytest.fixture
def settings(kannel: Kannel, redis_url: str, database_url: str) -> Settings:
    own = {
        "url": kannel.sendsms_url,
        "username": "khallas",
        "password": "SENDSMS_PASSWORD",
        "callback_url": f"http://127.0.0.1:{kannel.port}",
    }
    return settings_of(redis_url, database_url, kannel=own)


@pytest.fixture
async def bound(smsc: Smsc, kannel: Kannel) -> None:
    async def again() -> bool:
        return bool((await smsc.tell("state"))["sessions"])

    await until(again)


@pytest.fixture
async def server(kannel: Kannel, settings: Settings, database_url: str, bound: None) -> AsyncIterator[Running]:
    await seed(database_url)
    async with running(settings, kannel.port) as server:
        yield server


async def test_code_is_answered_through_kannel_and_its_delivery_told(smsc: Smsc, server: Running) -> None:
    await smsc.mode(receipts=["DELIVRD"], lower=False)
    assert await smsc.deliver(SALMA[1:], b"CODE") == 0

    async def delivered() -> bool:
        return await server.statuses() == [("code_sms", SALMA, "delivered")]

    await until(delivered)
    (submit,) = await smsc.submits()
    assert "012345. Ne le donnez qu'à qui paie pour vous." in submit["text"]
    assert (submit["from"], submit["to"]) == ("1117", SALMA[1:])


async def test_the_doctor_is_let_in_by_a_real_smsbox_and_tells_when_not(settings: Settings) -> None:
    assert await networks.kannel(settings) == "takes our login"
    for change, words in (
        ({"password": SecretStr("another")}, "refuses our login"),
        ({"url": settings.kannel.url.removesuffix("sendsms") + "nothing"}, "answered 404"),
    ):
        other = settings.model_copy(update={"kannel": settings.kannel.model_copy(update=change)})
        with pytest.raises(CheckFailed, match=words):
            await networks.kannel(other)


async def test_arabic_and_long_texts_through_kannel(smsc: Smsc, server: Running) -> None:
    assert await smsc.deliver(YOUSSEF[1:], "الرمز".encode("utf-16-be"), data_coding=8) == 0
    pieces = [b"CODE\n-- \n" + b"x" * 120, b"y" * 100]
    for number in (2, 1):
        data = bytes((5, 0, 3, 9, 2, number)) + pieces[number - 1]
        assert await smsc.deliver(NADIA[1:], data, esm_class=0x40) == 0

    async def answered() -> bool:
        return sorted(await server.statuses()) == [("code_sms", YOUSSEF, "sent"), ("code_sms", NADIA, "sent")]

    await until(answered)
    submits = await smsc.submits()
    arabic = sorted((each["udh"] or "", each["text"]) for each in submits if each["to"] == YOUSSEF[1:])
    assert "771204" in "".join(text for _, text in arabic)
    assert "559061" in "".join(each["text"] for each in submits if each["to"] == NADIA[1:])


async def test_an_application_that_is_down_loses_nothing(
    smsc: Smsc, kannel: Kannel, settings: Settings, database_url: str, bound: None, outage_s: float
) -> None:
    """Texts and delivery reports of an outage arrive after it. Half of it the application is in trouble, half away."""
    await seed(database_url)
    async with running(settings, kannel.port) as server:
        assert await smsc.deliver(IMANE[1:], b"AIDE") == 0
        await until(lambda: reached(server, {IMANE: "sent"}))
    (answer,) = await smsc.submits()
    senders = [SALMA, NADIA, YOUSSEF, *(f"+2126110{number:05d}" for number in range(STRANGERS))]
    async with refusing(kannel.port) as knocks:
        for sender in senders:
            assert await smsc.deliver(sender[1:], b"CODE") == 0
        await smsc.tell("receipt", source_addr="1117", destination_addr=IMANE[1:], id=answer["id"], state="DELIVRD")

        async def knocked() -> bool:  # once each, and again
            return len(knocks) > 1 + len(senders)

        await until(knocked)
        await asyncio.sleep(outage_s / 2)
    await asyncio.sleep(outage_s / 2)  # nobody listens
    assert len(await smsc.submits()) == 1
    async with running(settings, kannel.port) as server:
        await until(lambda: reached(server, {**dict.fromkeys(senders, "sent"), IMANE: "delivered"}))
        texts = {"+" + each["to"]: each["text"] for each in await smsc.submits()}
    assert len(await smsc.submits()) == 1 + len(senders)  # once each
    assert "012345" in texts[SALMA]
    assert all("Error" not in text for text in texts.values())


async def reached(server: Running, wanted: dict[str, str]) -> bool:
    """Whether each of these recipients' messages has that status, and there are no others."""
    return {who: status for _, who, status in await server.statuses()} == wanted
