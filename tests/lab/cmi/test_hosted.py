"""The hosted page: a browser, a merchant who hears the callback, and who captures only what he wrote down."""

import re
from collections.abc import AsyncIterator
from enum import StrEnum

import aiohttp
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import PlainTextResponse, Response
from starlette.routing import Route

from core.acquirers.hosted import Callback, HostedShop, page_fields, trusted
from core.acquirers.hosted_post import readings
from core.languages import LanguageCode
from lab.cmi.lies import Kind, Manner
from lab.cmi.stand import DEMO_CREDENTIALS, EmulatedCmi, emulated_cmi
from lab.servers.serving import serving

VISA, PIN_CARD, NO_MONEY = "4000000000000010", "5191630100004896", "4000009900005102"
AMOUNT_CENTIMES = 76920


class CallbackVerdict(StrEnum):
    """What this merchant makes of a callback."""

    PAID = "paid"
    DECLINED = "declined"
    NO_SUCH_ORDER = "no_such_order"
    MISMATCH = "mismatch"


def judge(callback: Callback) -> CallbackVerdict:
    if callback.order_id != "o-1":
        return CallbackVerdict.NO_SUCH_ORDER
    if callback.amount_centimes != AMOUNT_CENTIMES:
        return CallbackVerdict.MISMATCH
    return CallbackVerdict.PAID if callback.code == "00" else CallbackVerdict.DECLINED


class Merchant:
    """Believes a callback with the right hash; `can_commit` is its database."""

    def __init__(self) -> None:
        self.shop = HostedShop(DEMO_CREDENTIALS.client_id, DEMO_CREDENTIALS.store_key, "", "", "", "")
        self.verdicts: list[CallbackVerdict | None] = []
        self.can_commit = True

    async def callback(self, http: Request) -> Response:
        found = (trusted(self.shop, fields) for fields in readings(await http.body()))
        callback = next((one for one in found if one is not None), None)
        if callback is None:
            self.verdicts.append(None)
            return PlainTextResponse("FAILURE")
        verdict = judge(callback)
        self.verdicts.append(verdict)
        if verdict is CallbackVerdict.PAID:
            return PlainTextResponse("ACTION=POSTAUTH" if self.can_commit else "FAILURE")
        return PlainTextResponse("APPROVED" if verdict is CallbackVerdict.DECLINED else "FAILURE")


@pytest.fixture(scope="module")
async def running() -> AsyncIterator[tuple[EmulatedCmi, Merchant, str]]:
    merchant = Merchant()
    app = Starlette(routes=[Route("/callback", merchant.callback, methods=["POST"])])
    async with emulated_cmi() as cmi, serving(app) as url:
        yield cmi, merchant, f"{url}/callback"


@pytest.fixture
def cmi(running: tuple[EmulatedCmi, Merchant, str]) -> EmulatedCmi:
    running[0].ledger.reset()
    running[0].gateway.lies.clear()
    return running[0]


@pytest.fixture
def merchant(running: tuple[EmulatedCmi, Merchant, str]) -> Merchant:
    merchant = running[1]
    own = DEMO_CREDENTIALS
    merchant.shop = HostedShop(own.client_id, own.store_key, "https://k/ok", "https://k/no", "https://k", running[2])
    merchant.verdicts, merchant.can_commit = [], True
    return merchant


@pytest.fixture
async def browser(cmi: EmulatedCmi) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cmi.url) as session:
        yield session


def fields_of(merchant: Merchant, order_id: str = "o-1") -> dict[str, str]:
    return page_fields(
        merchant.shop,
        order_id,
        AMOUNT_CENTIMES,
        language=LanguageCode.FR,
        email="salma@example.com",
        holder='Salma <"&|\\',
        telephone="",
        nonce="n",
    )


async def arrive(browser: aiohttp.ClientSession, fields: dict[str, str]) -> str:
    async with browser.post("/fim/est3Dgate", data=fields) as response:
        assert response.status == 200
        return form_of(await response.text())


def form_of(html: str) -> str:
    match = re.search(r'action="([^"]+)"', html)
    assert match is not None
    return match[1]


async def pay(browser: aiohttp.ClientSession, action: str, pan: str) -> str:
    async with browser.post(action, data={"pan": pan, "expires": "12/31", "cvv": "000"}) as response:
        return await response.text()


def states(cmi: EmulatedCmi) -> list[str]:
    return [row.state for row in cmi.ledger.of_order("o-1")]


async def test_paid_committed_captured(browser: aiohttp.ClientSession, cmi: EmulatedCmi, merchant: Merchant) -> None:
    html = await pay(browser, await arrive(browser, fields_of(merchant)), VISA)
    assert form_of(html) == "https://k/ok"
    assert merchant.verdicts == [CallbackVerdict.PAID]
    assert cmi.captured_centimes("o-1") == AMOUNT_CENTIMES


async def test_not_committed_not_captured(browser: aiohttp.ClientSession, cmi: EmulatedCmi, merchant: Merchant) -> None:
    merchant.can_commit = False
    await pay(browser, await arrive(browser, fields_of(merchant)), VISA)
    assert states(cmi) == ["A"]


async def test_declines_then_an_approval(browser: aiohttp.ClientSession, cmi: EmulatedCmi, merchant: Merchant) -> None:
    action = await arrive(browser, fields_of(merchant))
    assert form_of(await pay(browser, action, NO_MONEY)) == action
    await pay(browser, action, VISA)
    assert merchant.verdicts == [CallbackVerdict.DECLINED, CallbackVerdict.PAID]
    assert states(cmi) == ["D", "C"]


async def test_three_declines_lead_back(browser: aiohttp.ClientSession, merchant: Merchant) -> None:
    action = await arrive(browser, fields_of(merchant))
    pages = [await pay(browser, action, NO_MONEY) for _ in range(3)]
    assert form_of(pages[-1]) == "https://k/no"
    assert form_of(pages[0]) == action


async def test_the_banks_pin(browser: aiohttp.ClientSession, cmi: EmulatedCmi, merchant: Merchant) -> None:
    action = await arrive(browser, fields_of(merchant))
    assert 'name="pin"' in await pay(browser, action, PIN_CARD)
    async with browser.post(action, data={"pin": "999"}) as response:
        assert 'name="pin"' in await response.text()
    async with browser.post(action, data={"pin": "123"}) as response:
        assert form_of(await response.text()) == "https://k/ok"
    assert cmi.captured_centimes("o-1") == AMOUNT_CENTIMES


async def test_a_callback_twice_captures_once(
    browser: aiohttp.ClientSession, cmi: EmulatedCmi, merchant: Merchant
) -> None:
    cmi.lie(Manner.DUPLICATE_ANSWER, on=frozenset({Kind.PRE_AUTH}))
    await pay(browser, await arrive(browser, fields_of(merchant)), VISA)
    assert merchant.verdicts == [CallbackVerdict.PAID] * 2
    assert cmi.captured_centimes("o-1") == AMOUNT_CENTIMES


async def test_a_wrong_amount_is_not_captured(
    browser: aiohttp.ClientSession, cmi: EmulatedCmi, merchant: Merchant
) -> None:
    cmi.lie(Manner.WRONG_AMOUNT)
    await pay(browser, await arrive(browser, fields_of(merchant)), VISA)
    assert merchant.verdicts == [CallbackVerdict.MISMATCH]
    assert states(cmi) == ["A"]


async def test_an_order_the_merchant_does_not_know(
    browser: aiohttp.ClientSession, cmi: EmulatedCmi, merchant: Merchant
) -> None:
    await pay(browser, await arrive(browser, fields_of(merchant, "o-2")), VISA)
    assert merchant.verdicts == [CallbackVerdict.NO_SUCH_ORDER]
    assert cmi.captured_centimes("o-2") == 0


async def test_a_merchant_out_of_reach(browser: aiohttp.ClientSession, cmi: EmulatedCmi, merchant: Merchant) -> None:
    own = DEMO_CREDENTIALS
    merchant.shop = HostedShop(own.client_id, own.store_key, "https://k/ok", "", "", "http://127.0.0.1:9/none")
    await pay(browser, await arrive(browser, fields_of(merchant)), VISA)
    assert states(cmi) == ["A"]


@pytest.mark.parametrize("name", ["amount", "oid", "HASH"])
async def test_a_changed_form_is_refused(browser: aiohttp.ClientSession, merchant: Merchant, name: str) -> None:
    fields = fields_of(merchant)
    async with browser.post("/fim/est3Dgate", data={**fields, name: fields[name] + "1"}) as response:
        assert response.status == 400


async def test_an_unknown_session(browser: aiohttp.ClientSession) -> None:
    async with browser.post("/fim/est3Dgate/none", data={"pan": VISA}) as response:
        assert response.status == 404
