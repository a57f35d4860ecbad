"""What the page asks for, read strictly: JSON only (a form of another site cannot carry that), bounded, by model."""

from enum import StrEnum
from typing import Annotated, TypeVar

from pydantic import BaseModel, ConfigDict, Field, ValidationError
from starlette.requests import Request

from lab.phone.troubles import Trouble
from lab.twilio.server import Refused

ORDER_MAX_BYTES = 4_000


class Act(StrEnum):
    """What a handset does in USSD."""

    DIAL = "dial"
    SEND = "send"
    REPEAT = "repeat"
    DROP = "drop"


class StrictOrder(BaseModel):
    """What is not in it is refused, and what was sent stands in no error."""

    model_config = ConfigDict(extra="forbid", frozen=True, hide_input_in_errors=True)


class Order(StrictOrder):
    """`keys`: the code dialled, or what was typed."""

    act: Act
    wire: Annotated[str, Field(max_length=40)]
    keys: Annotated[str, Field(max_length=182)] = ""


class TroubleOrder(StrictOrder):
    """Arm or take back."""

    trouble: Trouble
    on: bool


M = TypeVar("M", bound=BaseModel)


async def read_order(request: Request, model: type[M]) -> M:
    """Raises Refused."""
    if request.headers.get("content-type", "").partition(";")[0] != "application/json":
        raise Refused(415, 0, "send application/json")
    body = b""
    async for chunk in request.stream():
        body += chunk
        if len(body) > ORDER_MAX_BYTES:
            raise Refused(413, 0, f"at most {ORDER_MAX_BYTES} bytes")
    try:
        return model.model_validate_json(body)
    except ValidationError as error:
        raise Refused(422, 0, str(error)) from None
