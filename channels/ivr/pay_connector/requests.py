"""What is posted to the Pay connector (protocols/ivr.md), in both dialects: a card to be charged or kept, or a token.
Pure.

Unknown fields are ignored; nothing of what comes in is ever quoted.
"""

from typing import Annotated, Any, Literal, TypeVar

from pydantic import BaseModel, ConfigDict, Field, SecretStr, TypeAdapter, ValidationError

from channels.wire import Incoming, Malformed

AMOUNT_CHARS_MAX = 16
PARAMETERS_MAX = 16

Number = Annotated[str, Field(max_length=AMOUNT_CHARS_MAX)] | int | float
Word = Annotated[str, Field(max_length=256)]

M = TypeVar("M", bound=BaseModel)
_OBJECT: TypeAdapter[dict[str, Any]] = TypeAdapter(dict[str, Any])


class ConnectorRequest(BaseModel):
    """The fields that both dialects have in common: which transaction, for how much, and the parameters that our TwiML
    gave.
    """

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)

    transaction_id: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.:-]{1,128}$")]
    cvv: SecretStr = SecretStr("")
    amount: Number = ""
    currency_code: Word = ""
    parameters: dict[Word, Word] = Field({}, max_length=PARAMETERS_MAX)


class WithCard(ConnectorRequest):
    """A card, as Twilio posts it: to be charged, or kept for one charge in the same call."""

    method: Literal["charge", "tokenize"] = "charge"
    cardnumber: SecretStr
    expiry_month: Number
    expiry_year: Number


class WithToken(ConnectorRequest):
    """A charge of a card that was kept. `token_id` is what `tokenize` answered."""

    method: Literal["charge"] = "charge"
    token_id: Annotated[str, Field(min_length=1, max_length=64)]


class Told(BaseModel):
    """The answer, with one of the two ids: empty where the error's code tells why."""

    model_config = ConfigDict(hide_input_in_errors=True)

    charge_id: str = ""
    token_id: str = ""
    error_code: str | None
    error_message: str | None
    parameters: dict[str, str] = {}


def parsed(arrived: Incoming) -> WithCard | WithToken:
    """Reads a request. Raises Malformed, naming a field and no value."""
    try:
        fields = _OBJECT.validate_json(arrived.body)
    except ValidationError:
        raise Malformed("the body is no JSON object") from None
    card = _read(WithCard, fields)
    if isinstance(card, WithCard):
        return card
    token = _read(WithToken, fields)
    if isinstance(token, WithToken):
        return token
    error = token if "token_id" in fields else card
    where = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
    named = where[0] if where and where[0] in {*WithCard.model_fields, *WithToken.model_fields} else ""
    raise Malformed(f"the field {named} is missing or wrong" if named else "the body is no JSON object")


def _read(model: type[M], fields: object) -> M | ValidationError:
    try:
        return model.model_validate(fields)
    except ValidationError as error:
        return error
