"""The emulator as a stranger sees it: both bodies, both expiries, the documented shapes, the tester's side."""

from collections.abc import AsyncIterator
from xml.etree.ElementTree import Element

import aiohttp
import pytest
from defusedxml.ElementTree import fromstring

from lab.cmi.stand import DEMO_CREDENTIALS, EmulatedCmi, emulated_cmi

OWN = DEMO_CREDENTIALS
HEAD = f"<Name>{OWN.name}</Name><Password>{OWN.password.reveal()}</Password><ClientId>{OWN.client_id}</ClientId>"
CARD = "<Number>{}</Number><Expires>{}</Expires><Cvv2Val>000</Cvv2Val><Total>769.20</Total><Currency>504</Currency>"
SALE = "<OrderId>o-1</OrderId><Type>Auth</Type>" + CARD.format("4000000000000010", "12/31")


@pytest.fixture(scope="module")
async def running_cmi() -> AsyncIterator[EmulatedCmi]:
    async with emulated_cmi(hang_max_s=0.1) as emulated:
        yield emulated


@pytest.fixture
async def cmi(running_cmi: EmulatedCmi) -> EmulatedCmi:
    running_cmi.ledger.reset()
    running_cmi.gateway.lies.clear()
    return running_cmi


@pytest.fixture
async def http(cmi: EmulatedCmi) -> AsyncIterator[aiohttp.ClientSession]:
    async with aiohttp.ClientSession(cmi.url) as session:
        yield session


async def send(http: aiohttp.ClientSession, inner: str, head: str = HEAD) -> Element:
    async with http.post("/fim/api", data={"DATA": f"<CC5Request>{head}{inner}</CC5Request>"}) as response:
        assert response.status == 200
        root: Element = fromstring(await response.read())
    return root


def texts(root: Element | None) -> dict[str, str]:
    assert root is not None
    return {child.tag: child.text or "" for child in root}


async def test_a_sale_answers_in_the_documented_shape(http: aiohttp.ClientSession) -> None:
    root = await send(http, SALE)
    top, extra = texts(root), texts(root.find("Extra"))
    assert (top["Response"], top["ProcReturnCode"], top["ErrMsg"], top["GroupId"]) == ("Approved", "00", "", "o-1")
    assert (extra["CARDBRAND"], extra["ERRORCODE"]) == ("VISA", "")


async def test_a_raw_body_and_a_long_expiry(http: aiohttp.ClientSession) -> None:
    sale = "<OrderId>o-2</OrderId><Type>Auth</Type>" + CARD.format("5453010000066100", "12/2031")
    headers = {"content-type": "text/xml"}
    async with http.post("/fim/api", data=f"<CC5Request>{HEAD}{sale}</CC5Request>", headers=headers) as response:
        assert texts(fromstring(await response.read()))["ProcReturnCode"] == "00"


@pytest.mark.parametrize("code", [f"{n:02d}" for n in range(1, 99) if n not in {92, 96}])
async def test_code_cards_answer_their_code_and_charge_nothing(
    http: aiohttp.ClientSession, cmi: EmulatedCmi, code: str
) -> None:
    body = f"400000990000{code}0"
    doubled = [int(d) * (2 - i % 2) for i, d in enumerate(body)]
    pan = f"{body}{-sum(n - 9 if n > 9 else n for n in doubled) % 10}"
    sale = "<OrderId>o-1</OrderId><Type>Auth</Type>" + CARD.format(pan, "12/31")
    assert texts(await send(http, sale))["ProcReturnCode"] == code
    assert cmi.captured_centimes("o-1") == 0


async def test_an_orders_status_is_in_minor_units(http: aiohttp.ClientSession) -> None:
    await send(http, SALE)
    root = await send(http, "<OrderId>o-1</OrderId><Extra><ORDERSTATUS>QUERY</ORDERSTATUS></Extra>")
    extra = texts(root.find("Extra"))
    assert texts(root)["ErrMsg"] == "Record(s) found for o-1"
    assert (extra["PROC_RET_CD"], extra["TRANS_STAT"], extra["CAPTURE_AMT"]) == ("00", "C", "76920")
    assert extra["ORDERSTATUS"].startswith("ORD_ID:o-1\tCHARGE_TYPE_CD:S\tORIG_TRANS_AMT:76920\t")
    assert extra["PAN"] == "**** **** **** 0010"


@pytest.mark.parametrize("what", ["ORDERSTATUS", "ORDERHISTORY"])
async def test_an_absent_order(http: aiohttp.ClientSession, what: str) -> None:
    top = texts(await send(http, f"<OrderId>none</OrderId><Extra><{what}>QUERY</{what}></Extra>"))
    expected = ("99", "Declined", "No record found for none")
    assert (top["ProcReturnCode"], top["Response"], top["ErrMsg"]) == expected


@pytest.mark.parametrize("wrong", ["Name", "Password", "ClientId"])
async def test_wrong_credentials_charge_nothing(http: aiohttp.ClientSession, cmi: EmulatedCmi, wrong: str) -> None:
    root = await send(http, SALE, HEAD.replace(f"</{wrong}>", f"x</{wrong}>"))
    assert (texts(root)["Response"], texts(root.find("Extra"))["ERRORCODE"]) == ("Error", "CORE-2002")
    assert cmi.captured_centimes("o-1") == 0


@pytest.mark.parametrize(
    "body",
    [b"", b"DATA=", b"DATA=%3Ca", b"\xff\xfe", b"DATA=<CC5Request/>", b"x" * 100_000, b"&".join([b"a=1"] * 50)],
)
async def test_malformed_bodies_get_a_clear_answer(http: aiohttp.ClientSession, body: bytes) -> None:
    headers = {"content-type": "application/x-www-form-urlencoded"}
    async with http.post("/fim/api", data=body, headers=headers) as response:
        root = fromstring(await response.read())
    assert texts(root.find("Extra"))["ERRORCODE"] == "CORE-2014"


async def test_never_is_bounded(http: aiohttp.ClientSession) -> None:
    sale = "<OrderId>o-1</OrderId><Type>Auth</Type>" + CARD.format("4000009900009609", "12/31")
    async with http.post("/fim/api", data={"DATA": f"<CC5Request>{HEAD}{sale}</CC5Request>"}) as response:
        assert response.status == 504


async def test_the_testers_side(http: aiohttp.ClientSession) -> None:
    async with http.post("/admin/lies", json={"mode": "wrong_amount", "order_id": "o-1"}) as response:
        assert (response.status, await response.json()) == (201, {"lies": 1})
    await send(http, SALE)
    async with http.post("/admin/settle") as response:
        assert await response.json() == {"batch": 1}
    async with http.get("/admin/ledger", params={"order_id": "o-1"}) as response:
        (order,) = (await response.json())["orders"]
    assert (order["captured_centimes"], order["captures"], order["settled"], order["voided"]) == (77020, 1, True, False)
    async with http.get("/admin/settlement.csv", params={"batch": "1"}) as response:
        assert (await response.text()).splitlines()[1].split(",")[3] == "770.20"
    async with http.post("/admin/reset") as response:
        assert response.status == 200
    async with http.get("/admin/ledger") as response:
        assert await response.json() == {"orders": []}


@pytest.mark.parametrize(
    "order",
    [
        {},
        {"mode": "kindness"},
        {"mode": "slow", "seconds": 1e9},
        {"mode": "slow", "next": 0},
        {"mode": "slow", "probability": 2},
        {"mode": "slow", "typo": 1},
        [],
    ],
)
async def test_a_wrong_order_changes_nothing(http: aiohttp.ClientSession, cmi: EmulatedCmi, order: object) -> None:
    async with http.post("/admin/lies", json=order) as response:
        assert response.status == 422
    assert cmi.gateway.lies.lies == []


@pytest.mark.parametrize("body", [b"{", b"\xff\xfe{"])
async def test_no_json_is_no_order(http: aiohttp.ClientSession, body: bytes) -> None:
    async with http.post("/admin/lies", data=body) as response:
        assert response.status == 422


async def test_a_chance_repeats_with_its_seed(http: aiohttp.ClientSession) -> None:
    outcomes = []
    for _ in range(2):
        await http.post("/admin/reset")
        await http.post("/admin/lies", json={"mode": "5xx_after_charging", "probability": 0.5, "seed": 7})
        statuses = []
        for index in range(12):
            sale = SALE.replace("o-1", f"o-{index}")
            async with http.post("/fim/api", data={"DATA": f"<CC5Request>{HEAD}{sale}</CC5Request>"}) as response:
                statuses.append(response.status)
        outcomes.append(statuses)
    assert outcomes[0] == outcomes[1]
    assert set(outcomes[0]) == {200, 502}


async def test_the_next_n_then_the_truth(http: aiohttp.ClientSession) -> None:
    await http.post("/admin/lies", json={"mode": "garbage", "next": 2})
    answers = []
    for _ in range(3):
        async with http.post("/fim/api", data={"DATA": f"<CC5Request>{HEAD}{SALE}</CC5Request>"}) as response:
            answers.append(b"ProcReturnCode" in await response.read())
    assert answers == [False, False, True]
