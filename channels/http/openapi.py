"""GET /openapi.json: the doors that take JSON, described by the models that read it. OpenAPI 3.1."""

import re
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.http.json_door import JsonDoor
from channels.http.receive import SECRET_HEADER
from channels.ussd.wires import UssdWire
from channels.ussd.wires.reading import DIALOG_CHARS_MAX
from core import VERSION

PATH = "/openapi.json"
REF = "#/components/schemas/{model}"

Use = tuple[type[BaseModel], Literal["validation", "serialization"]]

_PARAMETER = re.compile(r"\{(\w+)\}")
_GUARDS: Mapping[str, dict[str, Any]] = {
    "secret": {"type": "apiKey", "in": "header", "name": SECRET_HEADER},
    "basic": {"type": "http", "scheme": "basic"},
}
_REFUSED = {"secret": "the shared secret or the address is not right", "basic": "the password is not right"}


def routes(wires: Mapping[str, UssdWire], others: Sequence[JsonDoor] = ()) -> list[Route]:
    """The document of these wires and doors, made once."""
    page = document(wires, others)

    async def openapi(_: Request) -> Response:
        return JSONResponse(page)

    return [Route(PATH, openapi, methods=["GET"])]


def document(wires: Mapping[str, UssdWire], others: Sequence[JsonDoor] = ()) -> dict[str, Any]:
    """The OpenAPI document of every JSON door."""
    doors = [*_ussd(wires), *others]
    models: list[Use] = [(model, "validation") for door in doors for model in door.asked]
    models += [(door.answered, "serialization") for door in doors]
    names, schemas = models_json_schema(models, ref_template=REF)
    guards = {door.guard for door in doors} | {"secret"}
    return {
        "openapi": "3.1.0",
        "info": {"title": "Khallas: doors that take JSON", "version": VERSION},
        "paths": {door.path: {"post": _operation(door, names)} for door in doors},
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {name: scheme for name, scheme in _GUARDS.items() if name in guards},
        },
        # a wire may be guarded by its networks instead
        "security": [{"secret": []}, {}],
    }


def _ussd(wires: Mapping[str, UssdWire]) -> list[JsonDoor]:
    return [
        JsonDoor(
            f"ussd-{wire}{_PARAMETER.sub('', path.below).replace('/', '-')}".replace("--", "-"),
            f"/ussd/{wire}{path.below}",
            (path.asked,),
            path.answered,
            "what the handset shows, or a receipt",
            "secret",
        )
        for wire, spoken in wires.items()
        for path in spoken.paths
        if path.asked and path.answered
    ]


def _operation(door: JsonDoor, names: Mapping[Any, Any]) -> dict[str, Any]:
    bodies = [names[model, "validation"] for model in door.asked]
    operation: dict[str, Any] = {
        "operationId": door.name,
        "requestBody": {"required": True, "content": _json(bodies[0] if len(bodies) == 1 else {"anyOf": bodies})},
        "responses": {
            str(door.status): {"description": door.told, "content": _json(names[door.answered, "serialization"])},
            "400": {"description": "malformed: nothing was changed", "content": {"text/plain": {}}},
            "403": {"description": _REFUSED[door.guard], "content": {"text/plain": {}}},
        },
    }
    if door.guard != "secret":
        operation["security"] = [{door.guard: []}]
    parameters = [
        {
            "name": name,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": rf"^[0-9A-Za-z._~-]{{1,{DIALOG_CHARS_MAX}}}$"},
        }
        for name in _PARAMETER.findall(door.path)
    ]
    return operation | ({"parameters": parameters} if parameters else {})


def _json(schema: object) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
