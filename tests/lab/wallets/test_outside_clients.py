"""The network as clients of others see it, and the Daraja doors by others' shapes: nothing here is our own reading."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from types import ModuleType
from typing import Any

import aiohttp
import pytest
from pydantic import ValidationError
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from lab.servers.serving import serving
from lab.wallets.lies import WalletLie, WalletLies
from lab.wallets.network import DEMO_PIN, PushRequest
from lab.wallets.stand import DARAJA, MTN, WalletStand, wallet_stand
from tests.channels.billers.test_doors import SECRET, Behind, biller_app
from tests.lab.wallets.outside_clients import OutsideClients, daraja_shapes, outside_clients, strictly
from tests.support.registries import RegistryAway
from tests.support.waiting import until

PAYER, KENYAN = "+212600000001", "+254708374149"
FUNDS_CENTIMES = 100_000
C2B = {  # the shape's own fields, as M-PESA fills them
    "TransactionType": "Pay Bill",
    "TransID": "RKTQDM7W6S",
    "TransTime": "20191122063845",
    "TransAmount": "100.00",
    "BusinessShortCode": "600638",
    "BillRefNumber": "0600000001",
    "OrgAccountBalance": "49197.00",
    "MSISDN": "25470****149",
    "FirstName": "John",
}


class Moment:
    """The network's clock."""

    def __init__(self) -> None:
        self.time = datetime(2026, 11, 29, 12, 0, tzinfo=UTC)

    def now(self) -> datetime:
        return self.time


@pytest.fixture
async def told() -> AsyncIterator[tuple[str, list[Any]]]:
    """A merchant's callback address, and what came there."""
    heard: list[Any] = []

    async def hear(request: Request) -> Response:
        heard.append(await request.json())
        return Response(status_code=204)

    async with serving(Starlette(routes=[Route("/callback", hear, methods=["POST", "PUT"])])) as url:
        yield f"{url}/callback", heard


@pytest.fixture
def clock() -> Moment:
    return Moment()


@pytest.fixture
async def stand(clock: Moment) -> AsyncIterator[WalletStand]:
    async with wallet_stand(now=clock.now, lies=WalletLies()) as made:
        made.network.give(MTN, PAYER, FUNDS_CENTIMES)
        made.network.give(DARAJA, KENYAN, FUNDS_CENTIMES)
        yield made


@pytest.fixture
async def clients(stand: WalletStand) -> AsyncIterator[OutsideClients]:
    try:
        async with outside_clients(stand.url) as made:
            yield made
    except RegistryAway as away:
        pytest.skip(f"npm's clients are not at hand: {away}")


@pytest.fixture(scope="module")
def shapes() -> ModuleType:
    try:
        return daraja_shapes()
    except RegistryAway as away:
        pytest.skip(f"PyPI's shapes are not at hand: {away}")


def the_prompt(stand: WalletStand, payer: str) -> PushRequest:
    (prompt,) = stand.network.prompts_of(payer)
    return prompt


# --- MTN: npm's mtn-momo ---------------------------------------------------------------------------------------------


async def asks(clients: OutsideClients, amount: str = "769.20", payer: str = PAYER) -> str:
    """Its request to pay; the reference that it made."""
    party = {"partyIdType": "MSISDN", "partyId": payer.lstrip("+")}
    order = {"amount": amount, "currency": "MAD", "externalId": "482913", "payer": party, "payerMessage": "Khallas"}
    answer = await clients.ask("mtn", "requestToPay", order)
    assert "value" in answer, answer
    return str(answer["value"])


async def test_mtns_client_asks_waits_and_hears_that_it_was_paid(stand: WalletStand, clients: OutsideClients) -> None:
    reference = await asks(clients)
    prompt = the_prompt(stand, PAYER)
    assert (prompt.key, prompt.centimes, prompt.currency, prompt.reference) == (reference, 76920, "MAD", "482913")
    waits = (await clients.ask("mtn", "getTransaction", reference))["value"]
    assert (waits["status"], waits["amount"], waits["externalId"]) == ("PENDING", "769.20", "482913")
    assert waits["payer"] == {"partyIdType": "MSISDN", "partyId": PAYER.lstrip("+")}
    stand.network.answer(prompt.id, DEMO_PIN)
    paid = (await clients.ask("mtn", "getTransaction", reference))["value"]
    assert (paid["status"], paid["financialTransactionId"]) == ("SUCCESSFUL", prompt.number)


@pytest.mark.parametrize(
    ("why", "named"),
    [
        ("refused", "ApprovalRejectedError"),
        ("pin", "ApprovalRejectedError"),
        ("expired", "ExpiredError"),
        ("funds", "NotEnoughFundsError"),
        ("limit", "PayerLimitReachedError"),
    ],
)
async def test_mtns_client_knows_every_reason_of_the_networks(
    stand: WalletStand, clients: OutsideClients, clock: Moment, why: str, named: str
) -> None:
    network = stand.network
    reference = await asks(clients, "6000.00" if why == "limit" else "1500.00" if why == "funds" else "769.20")
    match why:
        case "refused":
            network.refuse(the_prompt(stand, PAYER).id)
        case "pin":
            for _ in range(3):
                network.answer(the_prompt(stand, PAYER).id, "9999")
        case "expired":
            clock.time += timedelta(minutes=10)
        case "funds":
            network.answer(the_prompt(stand, PAYER).id, DEMO_PIN)
    answer = await clients.ask("mtn", "getTransaction", reference)
    assert answer["error"] == named


async def test_mtns_client_is_let_in_by_its_keys_alone_and_told_of_what_is_not_there(
    stand: WalletStand, clients: OutsideClients
) -> None:
    missing = await clients.ask("mtn", "getTransaction", "7d1f6c1e-7b1c-4b0e-9a51-2f6c0d9c4a10")
    assert missing["error"] == "ResourceNotFoundError"
    stand.mtn.forget_tokens()
    refused = await clients.ask("mtn", "getTransaction", "7d1f6c1e-7b1c-4b0e-9a51-2f6c0d9c4a10")
    assert refused["error"] not in {"ResourceNotFoundError", None}, "a token that is no more"


# --- Daraja: npm's mpesa-node, and PyPI's shapes ---------------------------------------------------------------------


async def test_darajas_client_pushes_meets_500_while_it_waits_and_hears_the_end(
    stand: WalletStand, clients: OutsideClients, shapes: ModuleType, told: tuple[str, list[Any]]
) -> None:
    address, heard = told
    pushed = (await clients.ask("daraja", "push", int(KENYAN[1:]), 700, address, "482913"))["value"]
    handle = strictly(shapes.STKPushResponse, pushed).CheckoutRequestID
    waits = await clients.ask("daraja", "query", handle)
    assert (waits["status"], waits["body"]["errorCode"]) == (500, "500.001.1001")
    prompt = the_prompt(stand, KENYAN)
    assert (prompt.centimes, prompt.reference) == (70_000, "482913")
    stand.network.answer(prompt.id, DEMO_PIN)
    ended = strictly(shapes.STKQueryResponse, (await clients.ask("daraja", "query", handle))["value"])
    assert (ended.ResultCode, ended.CheckoutRequestID) == ("0", handle)
    await until(lambda: bool(heard))
    callback = strictly(shapes.STKCallbackPayload, heard[0]).Body.stkCallback
    items = {item.Name: item.Value for item in callback.CallbackMetadata.Item}
    assert (callback.CheckoutRequestID, callback.ResultCode) == (handle, 0)
    assert (items["Amount"], items["MpesaReceiptNumber"]) == (700, prompt.number)
    assert items["Balance"] is None


async def test_darajas_client_hears_a_refusal_and_its_callback_fits_the_shape_too(
    stand: WalletStand, clients: OutsideClients, shapes: ModuleType, told: tuple[str, list[Any]]
) -> None:
    stand.network.lies.ordered.append(WalletLie.CALLBACK_FORGED)
    pushed = (await clients.ask("daraja", "push", int(KENYAN[1:]), 700, told[0], "482913"))["value"]
    stand.network.refuse(the_prompt(stand, KENYAN).id)
    ended = await clients.ask("daraja", "query", pushed["CheckoutRequestID"])
    assert strictly(shapes.STKQueryResponse, ended["value"]).ResultCode == "1032"
    await until(lambda: bool(told[1]))
    assert strictly(shapes.STKCallbackPayload, told[1][0]).Body.stkCallback.ResultCode == 0, "forged: the query decides"


async def test_darajas_client_is_told_what_is_wrong(stand: WalletStand, clients: OutsideClients) -> None:
    wrong = await clients.ask("daraja", "push", int(KENYAN[1:]), 700.5, "https://pay.example.ma", "482913")
    assert (wrong["status"], wrong["body"]["errorCode"]) == (400, "400.002.02")
    nobody = await clients.ask("daraja", "query", "ws_CO_nobody")
    assert nobody["status"] == 400


async def test_our_c2b_doors_read_others_shape_and_answer_in_it(shapes: ModuleType) -> None:
    """M-PESA itself cannot be had: its validation and confirmation as another project wrote them down."""
    behind = Behind()
    body = strictly(shapes.C2BValidationRequest, C2B).model_dump(mode="json")
    assert body.keys() >= {"InvoiceNumber", "ThirdPartyTransID", "MiddleName", "LastName"}
    async with serving(biller_app(behind)) as url, aiohttp.ClientSession() as session:
        for path in ("validation", "confirmation"):
            address = f"{url}/billers/daraja/{path}?secret={SECRET}"
            async with session.post(address, json=body) as answer:
                assert answer.status == 200
                assert strictly(shapes.C2BValidationResponse, await answer.json()).ResultCode == "0"
            async with session.post(address, json={**body, "BillRefNumber": "0600000077"}) as answer:
                code = strictly(shapes.C2BValidationResponse, await answer.json()).ResultCode
                assert code == ("C2B00012" if path == "validation" else "0")
    assert [(order.key, order.amount_centimes) for order in behind.orders] == [("RKTQDM7W6S", 10_000)] * 2


def test_a_shape_that_differs_is_seen(shapes: ModuleType) -> None:
    for told in ({"ResultCode": 0, "ResultDesc": "Accepted"}, {"ResultCode": "0"}):
        with pytest.raises(ValidationError):
            strictly(shapes.C2BValidationResponse, told)
