"""TM Forum's hub over HTTP and a real database: registered, told, unregistered; nobody else gets in."""

import json
from collections.abc import AsyncIterator
from dataclasses import dataclass

import aiohttp
import pytest
from starlette.applications import Starlette

from channels.carriers.webhooks.addresses import networks_of
from channels.carriers.webhooks.client import WebhookClient
from channels.hub.endpoint import wanted
from channels.wire import Malformed
from core.clock import SystemClock
from core.database.pool import open_database
from core.events.catalogue import EventType
from core.events.endpoints import EndpointKind, EventEndpoint
from khallas.bootstrap.events import endpoints_on, hub_routes, relay_on
from khallas.settings.model import Settings
from lab.servers.serving import serving
from tests.core.events.receiver import receiving
from tests.support.shop import Shop, shop

__all__ = ["shop"]

TOKEN = "Wq5NzR8kTb3LxV7mC2YpHn4X"
SETTINGS = Settings.model_validate(
    {
        "secret_keys": "mJ4xVt9QbL2wZ8cRk6YpN3dH7sFgT1uE",
        "events": {"hub_tokens": f"other,{TOKEN}", "private_networks": "127.0.0.0/8"},
    }
)


@dataclass
class Hub:
    url: str
    client: aiohttp.ClientSession

    async def post(self, body: object, token: str = TOKEN) -> tuple[int, str]:
        data = body if isinstance(body, bytes) else json.dumps(body).encode()
        headers = {"Authorization": f"Bearer {token}", "Content-Type": "application/json"}
        async with self.client.post(f"{self.url}/hub", data=data, headers=headers) as answer:
            return answer.status, await answer.text()

    async def delete(self, name: str, token: str = TOKEN) -> int:
        headers = {"Authorization": f"Bearer {token}"}
        async with self.client.delete(f"{self.url}/hub/{name}", headers=headers) as answer:
            return answer.status


@pytest.fixture
async def hub(database_url: str) -> AsyncIterator[Hub]:
    async with open_database(database_url) as database, aiohttp.ClientSession() as client:
        routes = hub_routes(database, SETTINGS, SystemClock(), lambda door, reason: None, "https://khallas.example")
        async with serving(Starlette(routes=routes)) as url:
            yield Hub(url, client)


async def test_a_callback_is_registered_told_and_unregistered(hub: Hub, shop: Shop) -> None:
    async with receiving() as receiver:
        status, text = await hub.post({"callback": receiver.url, "query": "eventType=payment.captured", "@type": "x"})
        assert status == 201
        made = json.loads(text)
        assert made == {"id": made["id"], "callback": receiver.url, "query": "eventType=payment.captured"}
        client = WebhookClient(networks_of(SETTINGS.events.private_networks))
        relay = relay_on(shop.database, SETTINGS, SystemClock(), client)
        payment = await shop.paid()
        await relay.look()
        (event,) = [json.loads(each) for each in receiver.raw]
        assert set(event) == {"eventId", "eventTime", "eventType", "event"}
        assert event["eventType"] == "payment.captured"
        assert event["event"]["payment"]["id"] == payment.id
        assert event["eventId"].startswith("evt_")
        assert await hub.delete(made["id"]) == 204
        assert await hub.delete(made["id"]) == 404
        await shop.paid(await shop.internet_order())
        await relay.look()
        await client.aclose()
        assert len(receiver.raw) == 1


async def test_nobody_without_a_token_registers_or_unregisters(hub: Hub) -> None:
    status, text = await hub.post({"callback": "https://crm.example.ma/"})
    assert status == 201
    for token in ("", "wrong", TOKEN[:-1], f"{TOKEN},other"):
        assert (await hub.post({"callback": "https://crm.example.ma/"}, token))[0] == 403
        assert await hub.delete(json.loads(text)["id"], token) == 403
    assert await hub.delete(json.loads(text)["id"]) == 204


@pytest.mark.parametrize(
    "body",
    [
        b"",
        b"[]",
        b"{",
        b"\xff",
        {},
        {"callback": 5},
        {"callback": ""},
        {"callback": "http://crm.example.ma/"},
        {"callback": "https://169.254.169.254/latest"},
        {"callback": "https://10.0.0.1/"},
        {"callback": "https://[::ffff:10.0.0.1]/"},
        {"callback": "https://2130706433/"},
        {"callback": "https://crm.example.ma/", "query": "state=captured"},
        {"callback": "https://crm.example.ma/", "query": "eventType=payment.paid"},
        {"callback": "https://crm.example.ma/", "query": "nonsense"},
        {"callback": "https://crm.example.ma/" + "a" * 9_000},
    ],
)
async def test_what_is_no_registration_is_refused_and_not_repeated(hub: Hub, body: object) -> None:
    status, text = await hub.post(body)
    assert status == 400
    assert "crm.example" not in text
    assert "10.0.0.1" not in text


async def test_an_endpoint_of_the_command_line_is_not_the_hubs_to_end(hub: Hub, database_url: str) -> None:
    async with open_database(database_url) as database:
        endpoints = endpoints_on(database, SETTINGS)
        await endpoints.add(EventEndpoint("crm", EndpointKind.WEBHOOK, "https://crm.example.ma/"), SystemClock().now())
        assert await hub.delete("crm") == 404
        assert len(await endpoints.every()) == 1


def test_a_query_filters_by_the_kind_of_event() -> None:
    assert wanted("") == frozenset()
    two = {EventType.CAPTURED, EventType.REFUNDED}
    assert wanted("eventType=payment.captured,payment.refunded") == two
    assert wanted("eventType=payment.captured&eventType=payment.refunded") == two
    with pytest.raises(Malformed):
        wanted("eventType=payment.captured&state=paid")


def test_without_a_token_there_is_no_hub() -> None:
    assert hub_routes(None, Settings(), SystemClock(), lambda door, reason: None, "") == []  # type: ignore[arg-type]
