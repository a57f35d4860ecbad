"""The description of the JSON doors: whole, and what the doors really take and give."""

import json
from collections.abc import Iterator
from typing import Any

import pytest
from starlette.applications import Starlette

from channels.http.openapi import PATH, document, routes
from channels.ivr.pay_connector.endpoint import JSON_DOOR
from channels.ussd.wires import WIRES
from lab.servers.serving import serving
from lab.twilio.webhooks import Line
from tests.channels.ussd.test_wires import of

JSON_WIRES = ("madapi", "infobip", "hubtel")
DOCUMENT = document(WIRES, [JSON_DOOR])


def references(part: object) -> Iterator[str]:
    if isinstance(part, dict):
        for name, inner in part.items():
            if name == "$ref":
                yield inner
            else:
                yield from references(inner)
    elif isinstance(part, list):
        for inner in part:
            yield from references(inner)


def test_every_json_door_is_described_and_no_other() -> None:
    want = {f"/ussd/{name}{path.below}" for name in JSON_WIRES for path in WIRES[name].paths}
    assert set(DOCUMENT["paths"]) == want | {"/ivr/pay-connector"}
    assert set(document(WIRES)["paths"]) == want
    assert len({operation["post"]["operationId"] for operation in DOCUMENT["paths"].values()}) == len(want) + 1
    assert document({"comviva": WIRES["comviva"]})["paths"] == {}


def test_every_reference_leads_somewhere() -> None:
    found = set(references(DOCUMENT))
    assert found
    for reference in found:
        assert reference.removeprefix("#/components/schemas/") in DOCUMENT["components"]["schemas"]


def schema_at(path: str, *way: str) -> dict[str, Any]:
    part: Any = DOCUMENT["paths"][path]["post"]
    for step in (*way, "content", "application/json", "schema", "$ref"):
        part = part[step]
    schema: dict[str, Any] = DOCUMENT["components"]["schemas"][part.rpartition("/")[2]]
    return schema


@pytest.mark.parametrize("wire", JSON_WIRES)
def test_recorded_requests_have_the_fields_described(wire: str) -> None:
    for entry in (*of(wire)["requests"], *of(wire)["events"]):
        head, _, tail = entry["request"]["path"].partition("/session/")
        path = f"{head}/session/{{id}}/{tail.rpartition('/')[2]}" if tail else head
        asked, answered = schema_at(path, "requestBody"), schema_at(path, "responses", "200")
        assert set(asked.get("required", ())) <= set(json.loads(entry["request"]["body"]))
        if "json" in entry:
            assert set(answered["properties"]) == set(entry["json"])


def test_a_door_has_its_own_guard() -> None:
    connector = DOCUMENT["paths"]["/ivr/pay-connector"]["post"]
    assert connector["security"] == [{"basic": []}]
    assert set(DOCUMENT["components"]["securitySchemes"]) == {"secret", "basic"}
    assert set(document(WIRES)["components"]["securitySchemes"]) == {"secret"}


async def test_it_is_served() -> None:
    async with serving(Starlette(routes=routes(WIRES, [JSON_DOOR]))) as url, Line() as line:
        answer = await line.send(url + PATH, {}, "GET")
    assert json.loads(answer.body) == DOCUMENT
    assert answer.content_type == "application/json"
