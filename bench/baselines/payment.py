"""The bare payment: the very statements a payment of ours runs, by psycopg 3, in one commit."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from psycopg import AsyncConnection
from psycopg.types.json import Json, Jsonb

from bench import people
from core.ids import CROCKFORD
from core.payments.table import Payment


@dataclass(frozen=True, slots=True)
class Statement:
    """A query and its parameters."""

    query: Any
    params: Any


def again(statements: Sequence[Statement], model: Payment, n: int) -> list[Statement]:
    """The model payment's statements for customer `n`: every name that must be another one is another one.

    The model is customer 0's.
    """
    assert model.receipt_token is not None
    swaps = {
        model.id: ulid(n),
        model.receipt_token: f"{n:022d}",
        f"ivr:CA{0:032x}:7": f"ivr:CA{n:032x}:7",
        people.msisdn(0): people.msisdn(n),
        people.reference(0): people.reference(n),
        f"{0:08d}": f"{n:08d}",  # of the bills' numbers, last
        model.reference: f"{100_000 + n}",
    }
    return [Statement(one.query, _renewed(one.params, swaps)) for one in statements]


def ulid(n: int) -> str:
    """A payment's id, made of a number."""
    return "01BENCH" + "".join(CROCKFORD[(n >> shift) & 31] for shift in range(90, -1, -5))


def _renewed(value: Any, swaps: Mapping[str, str]) -> Any:
    match value:
        case str():
            return _text(value, swaps)
        case dict():
            return {name: _renewed(each, swaps) for name, each in value.items()}
        case list() | tuple():
            return type(value)(_renewed(each, swaps) for each in value)
        case Jsonb() | Json():
            return type(value)(_renewed(value.obj, swaps))
        case _:
            return value


def _text(value: str, swaps: Mapping[str, str]) -> str:
    zeros = f"{0:08d}"
    for old, new in swaps.items():
        if old == zeros:
            if len(value) == 2 * len(zeros) and value.startswith(zeros):  # a bill's number: its customer comes first
                return new + value[len(zeros) :]
        elif old in value:
            value = value.replace(old, new)
    return value


async def pay_bare(connection: AsyncConnection[Any], statements: Sequence[Statement]) -> None:
    """All of them, in one commit."""
    for one in statements:
        cursor = await connection.execute(one.query, one.params)
        if cursor.description is not None:
            await cursor.fetchall()
    await connection.commit()
