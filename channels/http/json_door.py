"""A door that takes JSON, as GET /openapi.json describes it."""

from dataclasses import dataclass
from typing import Literal

from pydantic import BaseModel


@dataclass(frozen=True, slots=True)
class JsonDoor:
    """`asked`: one of these goes in. `guard`: a gateway's shared secret or its networks, or Basic auth."""

    name: str
    path: str
    asked: tuple[type[BaseModel], ...]
    answered: type[BaseModel]
    told: str  # what the answer is
    guard: Literal["secret", "basic"]
    status: int = 200
