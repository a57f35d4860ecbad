"""Several SMSCs at once: which way a message goes, and the next way when one is away; and a bind over TLS."""

from collections.abc import AsyncIterator, Iterator
from pathlib import Path
from ssl import SSLCertVerificationError

import pytest
from prometheus_client import CollectorRegistry

from channels.carriers.smpp.account import SmscAccount, account_of
from channels.carriers.smpp.link import Links
from channels.carriers.smpp.message import Address, ShortMessage
from channels.carriers.smpp.metrics import SmppMetrics
from channels.carriers.smpp.pdu import Command
from channels.carriers.smpp.session import Handled, Session, Unresolved
from core.ports import OutgoingSms
from tests.channels.carriers.smpp.conftest import until
from tests.channels.carriers.smpp.house import Running, running, seed, settings_of
from tests.channels.carriers.smpp.outside import Smsc, installed
from tests.channels.sms.conftest import NADIA, SALMA
from tests.support.certificates import self_signed

THROTTLED = 0x58
ATLAS, RIF = "1117", "1118"  # whom their messages come from


@pytest.fixture
async def server(smsc: Smsc, redis_url: str, database_url: str) -> AsyncIterator[Running]:
    await seed(database_url)
    binds = f"{smsc.url}/atlas?system_type=atlas,{smsc.url}/rif?system_type=rif&source={RIF}"
    settings = settings_of(redis_url, database_url, smpp={"binds": binds}, sms={"routes": "atlas:100,rif"})
    async with running(settings) as server:
        yield server


async def senders(smsc: Smsc) -> list[str]:
    return [each["from"] for each in await smsc.submits()]


async def test_replies_leave_by_the_smsc_their_question_came_by(smsc: Smsc, server: Running) -> None:
    assert await smsc.deliver(SALMA[1:], b"CODE", via="rif") == 0
    await until(lambda: _are(smsc, [RIF]))
    assert await smsc.deliver(NADIA[1:], b"CODE", via="atlas") == 0
    await until(lambda: _are(smsc, [RIF, ATLAS]))


async def test_the_next_smsc_takes_what_the_first_one_certainly_did_not(smsc: Smsc, server: Running) -> None:
    texter, states = server.house.networks.texter, server.house.networks.states
    assert (await texter.send(OutgoingSms("r-1", SALMA, "one"))).startswith("atlas:")
    await smsc.mode(statuses=[THROTTLED])
    assert (await texter.send(OutgoingSms("r-2", SALMA, "two"))).startswith("rif:")
    assert states() == {"smsc atlas": "throttled", "smsc rif": "bound"}
    # told to slow down, the first one is not even asked
    assert (await texter.send(OutgoingSms("r-3", SALMA, "three"))).startswith("rif:")
    assert await senders(smsc) == [ATLAS, ATLAS, RIF, RIF]
    assert len(await smsc.submits()) == 4


async def _are(smsc: Smsc, wanted: list[str]) -> bool:
    return await senders(smsc) == wanted


# --- TLS -------------------------------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def pem(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return self_signed(tmp_path_factory.mktemp("tls"))


@pytest.fixture(scope="module")
def secured(servers_folder: Path, pem: Path) -> Iterator[Smsc]:
    with Smsc(servers_folder / "smsc-tls", installed(), pem) as server:
        yield server


async def nothing(account: SmscAccount, session_id: str, message: ShortMessage) -> Handled:
    return Handled()


async def test_a_bind_over_tls(secured: Smsc, pem: Path) -> None:
    links = Links([account_of(f"{secured.url}/atlas?ca={pem}")], nothing, SmppMetrics(CollectorRegistry()))
    async with links.running(Command.BIND_TRANSCEIVER):

        async def bound() -> bool:
            return links.states() == {"atlas": "bound"}

        await until(bound)
        told = await links["atlas"].submit(ShortMessage(Address("1117"), Address("212600000001", 1, 1), b"CODE"))
    assert told.status == 0
    assert [each["text"] for each in await secured.submits()] == ["CODE"]


@pytest.mark.parametrize(("scheme", "error"), [("smpps", SSLCertVerificationError), ("smpp", Unresolved)])
async def test_neither_a_certificate_nobody_vouches_for_nor_a_bind_in_clear_is_taken(
    secured: Smsc, scheme: str, error: type[Exception]
) -> None:
    account = account_of(secured.url.replace("smpps", scheme) + "/atlas")

    async def taken(session_id: str, message: ShortMessage) -> Handled:
        return Handled()

    with pytest.raises(error):
        await Session(account, taken, "s", bind=Command.BIND_TRANSMITTER).open()


def test_an_authority_is_named_for_tls_alone() -> None:
    assert account_of("smpps://a:b@host/name?ca=/etc/ssl/smsc.pem").ca == "/etc/ssl/smsc.pem"
    with pytest.raises(ValueError, match="ca is for smpps"):
        account_of("smpp://a:b@host/name?ca=/etc/ssl/smsc.pem")
