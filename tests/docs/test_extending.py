"""The files of docs/extending, exactly as written, joined into the assembled application."""

import re
from collections.abc import AsyncIterator
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr

from channels.ussd.wires import WIRES
from core.cards import Card, Secret
from core.payments.table import Payment, PaymentState
from khallas.bootstrap.acquirers import acquirer_of
from khallas.settings.model import BadSettings, Settings, load
from lab.chaos.customer import customer, order_of
from lab.chaos.world import give_bills
from lab.payment_intents import cards
from lab.payment_intents.lies import Asked, Way
from lab.payment_intents.stand import EmulatedGateway, emulated_gateway
from tests.docs.test_examples import BLOCK, ROOT, module
from tests.support.bank import CVV
from tests.support.world import changed, load_demo_data, world

SECRET = "a-shared-secret-of-acme"


PAGE = (ROOT / "docs/extending/acquirer.md").read_text()


def settings_of_the_page() -> dict[str, str]:
    """The page's block of settings, without its remarks."""
    block = re.search(r"```sh\n(.*?)```", PAGE, re.DOTALL)
    assert block is not None
    lines = (line.split("#")[0].strip() for line in block[1].splitlines())
    return dict(line.split("=", 1) for line in lines if line)


def test_the_page_of_an_acquirer_shows_what_is_there() -> None:
    blocks = BLOCK.findall(PAGE)
    assert len(blocks) == 6
    assert [file for _, file, code in blocks if code not in (ROOT / file).read_text()] == []


@pytest.fixture
async def gateway() -> AsyncIterator[EmulatedGateway]:
    async with emulated_gateway() as stand:
        yield stand


async def test_bills_are_paid_by_the_acquirer_that_the_page_s_settings_name(
    gateway: EmulatedGateway, redis_url: str, database_url: str
) -> None:
    named = settings_of_the_page() | {"KHALLAS_ACQUIRER_OPTIONS__URL": gateway.url}
    asked = load(named)

    def named_on_the_page(settings: Settings) -> Settings:
        return settings.model_copy(update={"acquirer": asked.acquirer, "acquirer_options": asked.acquirer_options})

    async with world(redis_url, database_url, change=named_on_the_page, beside=False) as at:
        await give_bills(at.house.database, [customer(number) for number in range(3)])

        async def pay(number: int, pan: str) -> Payment:
            started = await at.house.till.start(order_of(customer(number), customer(number).msisdn, f"k{number}"))
            assert isinstance(started, Payment)
            paid = await at.house.till.authorise(started.id, Card(Secret(pan), 12, 2031), CVV, wait_s=60)
            assert isinstance(paid, Payment)
            return paid

        paid = await pay(0, cards.APPROVED)
        assert (paid.state, len(paid.auth_code or "")) == (PaymentState.CAPTURED, 6)
        assert gateway.books.captured_centimes(paid.id) == paid.amount_centimes
        refused = await pay(1, cards.LOST)
        assert (refused.state, refused.decline_kind) == (PaymentState.DECLINED, "neutral")
        gateway.gateway.lies.add(Way.TORN, Asked.CONFIRM)
        gateway.gateway.lies.add(Way.ERROR_BEFORE, Asked.RETRIEVE)
        lost = await pay(2, cards.APPROVED)
        assert lost.state is PaymentState.UNKNOWN
        found = await at.house.till.attendant.inquire(lost.id)
        assert found.state is PaymentState.CAPTURED
        assert gateway.books.captures(lost.id) == 1
    assert at.cmi.ledger.of_order(paid.id) == ()  # the other bank heard nothing


def test_the_settings_of_an_acquirer_are_read_and_their_lack_is_told(tmp_path: Path) -> None:
    key = tmp_path / "key"
    key.write_text("k\n")
    named = {"KHALLAS_ACQUIRER": "payment_intents", "KHALLAS_ACQUIRER_OPTIONS__KEY_FILE": str(key)}
    with pytest.raises(BadSettings, match="KHALLAS_ACQUIRER_OPTIONS__URL is missing"):
        acquirer_of(load(named))
    named["KHALLAS_ACQUIRER_OPTIONS__URL"] = "https://api.acme.example"
    acquirer_of(load(named))
    for option, value in {"MOTO": "perhaps", "TIMEOUT_S": "soon", "URL": "ftp://x", "CAPTURE": "yes"}.items():
        with pytest.raises(BadSettings, match="KHALLAS_ACQUIRER_OPTIONS: "):
            acquirer_of(load(named | {f"KHALLAS_ACQUIRER_OPTIONS__{option}": value}))
    with pytest.raises(BadSettings, match="core/acquirers has no nobody"):
        acquirer_of(load({"KHALLAS_ACQUIRER": "nobody"}))
    with pytest.raises(BadSettings, match=r"has no connect\(\)"):
        acquirer_of(load({"KHALLAS_ACQUIRER": "breaker"}))


async def test_a_dialog_comes_by_the_wire_of_the_guide(
    redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(WIRES, "acme", module("wire.md", "channels/ussd/wires/acme.py").Acme())
    await load_demo_data(database_url)

    def acme(settings: Settings) -> Settings:
        opened = changed(settings, ussd={"wires": ("acme",)})
        return opened.model_copy(update={"gateway_secrets": {"acme": SecretStr(SECRET)}})

    async with world(redis_url, database_url, change=acme, beside=False) as at, aiohttp.ClientSession() as session:

        async def turn(number: int, keys: str = "", *, secret: str = SECRET) -> tuple[int, object]:
            body = {"dialog": "a1", "from": "212600000001", "turn": number, "keys": keys}
            headers = {"X-Khallas-Secret": secret}
            async with session.post(f"{at.url}/ussd/acme", json=body, headers=headers) as answer:
                return answer.status, await answer.json() if answer.status == 200 else None

        status, first = await turn(1)
        assert status == 200
        assert isinstance(first, dict)
        assert first["more"]
        second = await turn(2, "1")
        assert second[1] != first
        assert await turn(2, "1") == second  # the gateway's repeat
        assert (await turn(0))[1] == {}
        assert (await turn(1, secret="of another"))[0] == 403
