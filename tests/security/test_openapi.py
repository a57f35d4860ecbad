"""The JSON doors held against their own description: schemathesis makes requests that fit it, and that do not."""

import base64
import json
from collections.abc import AsyncIterator
from typing import Any

import jsonschema_rs
import pytest
import pytest_asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from redis.asyncio import Redis

from channels.http.openapi import document
from channels.ivr.pay_connector.endpoint import JSON_DOOR
from channels.ussd.wires import WIRES
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey
from tests.security.asgi import Ask, ask
from tests.support.described import drawn, names_of, operations_of
from tests.support.world import World, changed, world

EXAMPLES = 100  # an operation and a mode
JSON = (dict, list, str, int, float, bool)

DOCUMENT = document(WIRES, [JSON_DOOR])
USER, PASSWORD = "twilio", "a-long-password-of-twilio"
CONNECTOR: dict[str, object] = {
    "card_mode": "pay",
    "pay_connector": "khallas",
    "pay_user": USER,
    "pay_passwords": PASSWORD,
}
BASIC = "Basic " + base64.b64encode(f"{USER}:{PASSWORD}".encode()).decode()
NAMES = names_of(DOCUMENT)
CALM = settings(
    max_examples=EXAMPLES,
    deadline=None,
    database=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow, HealthCheck.filter_too_much],
)


@pytest.fixture(scope="module")
def operations() -> dict[str, Any]:
    return operations_of(DOCUMENT)


@pytest_asyncio.fixture(scope="module", loop_scope="session")
async def here(valkey: Valkey, postgres: Postgres, template_database: str) -> AsyncIterator[World]:
    url = postgres.create("openapi", template_database)
    async with Redis.from_url(valkey.url) as redis:
        await redis.flushall()
    ussd: dict[str, object] = {"wires": ",".join(WIRES)}
    async with world(valkey.url, url, change=lambda told: changed(told, ussd=ussd, ivr=CONNECTOR)) as made:
        yield made
    postgres.drop("openapi")


async def _answered(here: World, case: Any) -> tuple[int, Any]:
    body = json.dumps(case.body).encode() if isinstance(case.body, JSON) or case.body is None else b""
    headers = (("content-type", case.media_type or "application/json"), ("authorization", BASIC))
    told = await ask(here.app, Ask(case.method.upper(), case.formatted_path, headers, body))
    assert told.status in {200, 400, 404, 405}, (case, told)
    assert told.status in {404, 405} or told.headers["cache-control"] == "no-store"
    is_json = "json" in told.headers.get("content-type", "")
    return told.status, json.loads(told.body) if is_json else None


def _schema(operation: Any, *, answered: bool) -> dict[str, Any]:
    raw = operation.definition.raw
    told = raw["responses"]["200"] if answered else raw["requestBody"]
    return {**told["content"]["application/json"]["schema"], "components": DOCUMENT["components"]}


def test_the_document_describes_every_json_door(operations: dict[str, Any]) -> None:
    assert list(operations) == NAMES
    assert len(NAMES) == 1 + sum(path.asked is not None for wire in WIRES.values() for path in wire.paths)


async def test_the_document_is_served(here: World) -> None:
    told = await ask(here.app, Ask("GET", "/openapi.json"))
    assert told.status == 200
    assert json.loads(told.body) == DOCUMENT


@pytest.mark.parametrize("name", NAMES)
@CALM
@given(data=st.data())
async def test_what_fits_the_description_is_answered_as_described(
    here: World, operations: dict[str, Any], name: str, data: st.DataObject
) -> None:
    operation = operations[name]
    case = data.draw(drawn(operation, fitting=True))
    status, answer = await _answered(here, case)
    assert status == 200, case
    if answer is not None:
        jsonschema_rs.validate(_schema(operation, answered=True), answer)


@pytest.mark.parametrize("name", NAMES)
@CALM
@given(data=st.data())
async def test_only_what_fits_is_taken(here: World, operations: dict[str, Any], name: str, data: st.DataObject) -> None:
    operation = operations[name]
    case = data.draw(drawn(operation, fitting=False))
    status, _ = await _answered(here, case)
    if status == 200:
        jsonschema_rs.validate(_schema(operation, answered=False), case.body)
