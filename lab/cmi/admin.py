"""The tester's side of the emulator: read its books, order a lie, close the day.

Rule of this file: JSON in, JSON out (the settlement is CSV); a wrong order is a 422 and changes nothing.
"""

import json
from collections.abc import Awaitable, Callable
from dataclasses import asdict
from typing import Annotated

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request
from starlette.responses import JSONResponse, PlainTextResponse, Response
from starlette.routing import Route

from lab.cmi.bank import Bank
from lab.cmi.lies import LATE_DEFAULT_S, Kind, Lie, LieBook, Manner

SECONDS_MAX = 600.0


class LieOrder(BaseModel):
    """A lie as it is asked for: for one order, for the next N requests, or by seeded chance."""

    model_config = ConfigDict(extra="forbid", hide_input_in_errors=True)

    mode: Manner
    order_id: Annotated[str, Field(max_length=64)] | None = None
    next: Annotated[int, Field(ge=1, le=1_000_000)] | None = None
    probability: Annotated[float, Field(gt=0, le=1)] | None = None
    seed: int = 0
    seconds: Annotated[float, Field(ge=0, le=SECONDS_MAX)] = LATE_DEFAULT_S
    on: frozenset[Kind] = frozenset({Kind.AUTH, Kind.PRE_AUTH, Kind.PIN})

    def lie(self) -> Lie:
        """Once, unless told how often; a chance stays until it is cleared."""
        times = self.next if self.next is not None else (None if self.probability is not None else 1)
        return Lie(self.mode, self.on, self.order_id, times, self.probability, self.seed, self.seconds)


class Admin:
    """Routes under /admin."""

    def __init__(self, bank: Bank, lies: LieBook, hurry: Callable[[], Awaitable[int]]) -> None:
        self._bank = bank
        self._lies = lies
        self._hurry = hurry

    def routes(self) -> list[Route]:
        return [
            Route("/admin/ledger", self.read_ledger, methods=["GET"]),
            Route("/admin/lies", self.add_lie, methods=["POST"]),
            Route("/admin/lies", self.clear_lies, methods=["DELETE"]),
            Route("/admin/hurry", self.hurry, methods=["POST"]),
            Route("/admin/settle", self.settle, methods=["POST"]),
            Route("/admin/settlement.csv", self.settlement, methods=["GET"]),
            Route("/admin/reset", self.reset, methods=["POST"]),
        ]

    async def read_ledger(self, http: Request) -> Response:
        """All orders, or ?order_id= one; with what was captured and given back."""
        wanted = http.query_params.get("order_id")
        ledger = self._bank.ledger
        orders = []
        for order_id, rows in ledger.orders():
            if wanted in {None, order_id}:
                paid = ledger.success(order_id)
                orders.append(
                    {
                        "order_id": order_id,
                        "captured_centimes": paid.captured_centimes if paid else 0,
                        "captures": sum(row.charge_type == "S" and row.state in {"C", "S"} for row in rows),
                        "credited_centimes": ledger.credited_centimes(order_id),
                        "voided": paid is not None and paid.state == "V",
                        "settled": paid is not None and paid.state == "S",
                        "transactions": [asdict(row) for row in rows],
                    }
                )
        return JSONResponse({"orders": orders})

    async def add_lie(self, http: Request) -> Response:
        try:
            self._lies.add(LieOrder.model_validate(await http.json()).lie())
        except ValidationError as error:
            return JSONResponse({"errors": error.errors(include_url=False, include_context=False)}, 422)
        except (json.JSONDecodeError, UnicodeDecodeError, ValueError) as error:
            return JSONResponse({"errors": [{"msg": str(error)}]}, 422)
        return JSONResponse({"lies": len(self._lies.lies)}, 201)

    async def clear_lies(self, _: Request) -> Response:
        self._lies.clear()
        return JSONResponse({"lies": 0})

    async def hurry(self, _: Request) -> Response:
        """What is slow or late happens now."""
        return JSONResponse({"landed": await self._hurry()})

    async def settle(self, _: Request) -> Response:
        return JSONResponse({"batch": self._bank.ledger.settle(self._bank.now())})

    async def settlement(self, http: Request) -> Response:
        """CSV of everything settled, or of ?batch=N."""
        batch = http.query_params.get("batch")
        if batch is not None and not (batch.isascii() and batch.isdigit()):
            return JSONResponse({"errors": [{"msg": "a batch is a number"}]}, 422)
        text = self._bank.ledger.settlement_csv(int(batch) if batch else None)
        return PlainTextResponse(text, media_type="text/csv")

    async def reset(self, _: Request) -> Response:
        """Forget orders and lies."""
        self._bank.ledger.reset()
        self._bank.ongoing.clear()
        self._lies.clear()
        return JSONResponse({"orders": []})
