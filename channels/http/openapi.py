"""GET /openapi.json: the doors that take JSON, described by the models that read it. OpenAPI 3.1."""

import re
from collections.abc import Mapping
from typing import Any, Literal

from pydantic import BaseModel
from pydantic.json_schema import models_json_schema
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from channels.http.receive import SECRET_HEADER
from channels.ussd.wires import Path, UssdWire
from channels.ussd.wires.reading import DIALOG_CHARS_MAX
from core import VERSION

PATH = "/openapi.json"
REF = "#/components/schemas/{model}"

Use = tuple[type[BaseModel], Literal["validation", "serialization"]]

_PARAMETER = re.compile(r"\{(\w+)\}")


def routes(wires: Mapping[str, UssdWire]) -> list[Route]:
    """The document of these wires, made once."""
    told = document(wires)

    async def openapi(_: Request) -> Response:
        return JSONResponse(told)

    return [Route(PATH, openapi, methods=["GET"])]


def document(wires: Mapping[str, UssdWire]) -> dict[str, Any]:
    """What goes in and out at every JSON door."""
    doors = [(name, path) for name, wire in wires.items() for path in wire.paths if path.asked and path.answered]
    models: list[Use] = [(path.asked, "validation") for _, path in doors if path.asked]
    models += [(path.answered, "serialization") for _, path in doors if path.answered]
    names, schemas = models_json_schema(models, ref_template=REF)
    return {
        "openapi": "3.1.0",
        "info": {"title": "Khallas: USSD gateways over JSON", "version": VERSION},
        "paths": {f"/ussd/{wire}{path.below}": {"post": _operation(wire, path, names)} for wire, path in doors},
        "components": {
            "schemas": schemas.get("$defs", {}),
            "securitySchemes": {"secret": {"type": "apiKey", "in": "header", "name": SECRET_HEADER}},
        },
        # a wire may be guarded by its networks instead
        "security": [{"secret": []}, {}],
    }


def _operation(wire: str, path: Path, names: Mapping[Any, Any]) -> dict[str, Any]:
    operation: dict[str, Any] = {
        "operationId": f"ussd-{wire}{_PARAMETER.sub('', path.below).replace('/', '-')}".replace("--", "-"),
        "requestBody": {"required": True, "content": _json(names[path.asked, "validation"])},
        "responses": {
            "200": {
                "description": "what the handset shows, or a receipt",
                "content": _json(names[path.answered, "serialization"]),
            },
            "400": {"description": "malformed: nothing was changed", "content": {"text/plain": {}}},
            "403": {"description": "the shared secret or the address is not right", "content": {"text/plain": {}}},
        },
    }
    parameters = [
        {
            "name": found,
            "in": "path",
            "required": True,
            "schema": {"type": "string", "pattern": rf"^[0-9A-Za-z._~-]{{1,{DIALOG_CHARS_MAX}}}$"},
        }
        for found in _PARAMETER.findall(path.below)
    ]
    return operation | ({"parameters": parameters} if parameters else {})


def _json(schema: object) -> dict[str, Any]:
    return {"application/json": {"schema": schema}}
