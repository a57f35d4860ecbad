"""The files of docs/extending, exactly as written, joined into the assembled application."""

import sys
from collections.abc import AsyncIterator
from dataclasses import replace
from pathlib import Path

import aiohttp
import pytest
from pydantic import SecretStr
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from channels.ussd.wires import WIRES
from core.payments.table import Payment, PaymentState
from khallas.bootstrap.money import acquirer_of
from khallas.settings.model import BadSettings, Settings, load
from lab.chaos.customer import customer, order_of
from lab.chaos.world import give_bills
from lab.servers.serving import serving
from tests.core.fakes import CARD, CVV
from tests.docs.test_examples import module
from tests.journeys.world import load_demo_data
from tests.security.world import changed, world

SECRET = "a-shared-secret-of-acme"


@pytest.fixture
async def bank_url() -> AsyncIterator[str]:
    """The bank of docs/extending/acquirer.md: it takes every card."""

    async def answer(request: Request) -> JSONResponse:
        asked = await request.json()
        assert request.headers["authorization"] == "Bearer k"
        if request.path_params["what"] == "charge":
            told = {"state": "charged", "auth": "123456", "transaction": "t1", "centimes": asked["centimes"]}
            return JSONResponse(told)
        return JSONResponse({"state": "none"})

    async with serving(Starlette(routes=[Route("/{what}", answer, methods=["POST"])])) as url:
        yield url


async def test_a_bill_is_paid_by_the_acquirer_that_the_setting_names(
    bank_url: str, redis_url: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setitem(sys.modules, "core.acquirers.acme", module("acquirer.md", "core/acquirers/acme.py"))
    options = {"url": SecretStr(bank_url), "key": SecretStr("k")}

    def acme(settings: Settings) -> Settings:
        return settings.model_copy(update={"acquirer": "acme", "acquirer_options": options})

    async with world(redis_url, database_url, change=acme, beside=False) as at:
        await give_bills(at.house.database, [customer(1)])
        started = await at.house.till.start(replace(order_of(customer(1), customer(1).msisdn, "a")))
        assert isinstance(started, Payment)
        paid = await at.house.till.authorise(started.id, CARD, CVV, wait_s=5)
    assert isinstance(paid, Payment)
    assert (paid.state, paid.auth_code) == (PaymentState.CAPTURED, "123456")


def test_the_settings_of_an_acquirer_are_read_and_their_lack_is_told(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "core.acquirers.acme", module("acquirer.md", "core/acquirers/acme.py"))
    key = tmp_path / "key"
    key.write_text("k\n")
    named = {"KHALLAS_ACQUIRER": "acme", "KHALLAS_ACQUIRER_OPTIONS__KEY_FILE": str(key)}
    with pytest.raises(BadSettings, match="KHALLAS_ACQUIRER_OPTIONS__URL is missing"):
        acquirer_of(load(named))
    acquirer_of(load({**named, "KHALLAS_ACQUIRER_OPTIONS__URL": "https://api.acme.example"}))
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
