"""What every USSD dialect reads alike: callers, dialogs, typed answers, JSON bodies. Pure; raises Malformed only."""

import re
from contextlib import suppress
from functools import lru_cache
from typing import Annotated, TypeVar

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError

from channels.http.charset import body_of, declared_in
from channels.wire import Incoming, Malformed
from core.subscribers.lines import msisdn
from core.typed import number_typed

TYPED_CHARS_MAX = (
    4_096  # a handset sends 182 at most; what is longer than a page reads is no choice (sessions/pages.py)
)
DIALOG_CHARS_MAX = 100
CALLERS_KEPT_MAX = 1_024  # who is in a dialog now
NUMBER_MAX = 10**20
INTERNATIONAL_DIGITS_MIN = 11  # shorter ones are national numbers without their zero

_E164 = re.compile(r"(?:\+|00)?([1-9][0-9]{7,14})")
_DIALOG = re.compile(rf"[!-~]{{1,{DIALOG_CHARS_MAX}}}")


def _whole(value: object) -> object:
    """2.0 is an integer in JSON; where a strict integer stands, pydantic's own leniency would take true as well."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def _worded(value: object) -> object:
    """A number as it was written, nothing as no words; whether true is one is the model's to say."""
    whole = _whole(value)
    if value is None:
        return ""
    is_number = isinstance(whole, int) and not isinstance(whole, bool) and abs(whole) <= NUMBER_MAX
    return str(whole) if is_number else value


def _number(value: object) -> object:
    """A number in groups, as a URI or with unseen marks around it, as its digits."""
    return number_typed(value) or value if isinstance(value, str) else value


# Fields of JSON dialects. Numbers come as strings from some gateways and as numbers from others, and null for nothing.
MSISDN_PATTERN = r"^((\+|00)?[1-9][0-9]{7,14}|0[1-9][0-9]{8})$"
WHOLE = BeforeValidator(_whole)
_MSISDN = Annotated[str, Field(pattern=MSISDN_PATTERN)] | Annotated[int, Field(ge=10**7, lt=10**15), WHOLE]
Msisdn = Annotated[_MSISDN, BeforeValidator(_number, json_schema_input_type=_MSISDN)]
_DIALOG_ID = Annotated[str, Field(pattern=rf"^[!-~]{{1,{DIALOG_CHARS_MAX}}}$", description="the gateway's dialog")]
_TYPED = Annotated[str, Field(max_length=TYPED_CHARS_MAX)]
_WORD = Annotated[str, Field(max_length=256)]
_NUMBER = Annotated[int, Field(ge=-NUMBER_MAX, le=NUMBER_MAX)]
DialogId = Annotated[_DIALOG_ID, BeforeValidator(_worded, json_schema_input_type=_DIALOG_ID | _NUMBER)]
Typed = Annotated[_TYPED, BeforeValidator(_worded, json_schema_input_type=_TYPED | _NUMBER | None)]
Word = Annotated[_WORD, BeforeValidator(_worded, json_schema_input_type=_WORD | _NUMBER | None)]


class Body(BaseModel):
    """A JSON body: unknown fields are ignored, known ones are never guessed at."""

    model_config = ConfigDict(frozen=True, strict=True, extra="ignore", hide_input_in_errors=True)


B = TypeVar("B", bound=Body)


# what no JSON may hold, and gateways that fill in templates send all the same: signs of control, halves of an emoji
_CONTROL = re.compile("[\x00-\x1f]")
_HALF = re.compile(
    r"(?<!\\)\\u[dD][89abAB][0-9a-fA-F]{2}(?!\\u[dD][c-fC-F])"
    r"|(?<!\\u[dD][89abAB][0-9a-fA-F]{2})(?<!\\)\\u[dD][c-fC-F][0-9a-fA-F]{2}"
)


def parsed(model: type[B], incoming: Incoming) -> B:
    """A JSON body as its model, in any encoding; the words name a field and never its value."""
    text = body_of(incoming.body, declared_in(incoming.headers.get("content-type", "")))
    try:
        return model.model_validate_json(_HALF.sub("?", _CONTROL.sub(" ", text)))
    except ValidationError as error:
        where = error.errors(include_url=False, include_context=False, include_input=False)[0]["loc"]
        if not where:
            raise Malformed("the body is no JSON object") from None
        raise Malformed(f"the field {where[0]} is missing or wrong") from None


@lru_cache(maxsize=CALLERS_KEPT_MAX)  # a dialog's requests all name the same number
def caller(number: str | int, name: str) -> str:
    """E.164. Gateways write international numbers with a plus, with 00, or bare.

    The network itself says who is calling: a number that no plan knows (a test range, a new one) is taken too.
    """
    text = number_typed(str(number)) or ""
    if text.startswith("+"):
        with suppress(ValueError):
            return msisdn(text)
    match = _E164.fullmatch(text)
    bare = match is not None and len(text) >= INTERNATIONAL_DIGITS_MIN and not text.startswith("0")
    try:
        return msisdn(f"+{match[1]}" if match and bare else text)
    except ValueError:
        if match is None:
            raise Malformed(f"{name} is no telephone number") from None
        return f"+{match[1]}"


def dialog(text: str, name: str) -> str:
    """A gateway's dialog id: it becomes part of a key, so it is short and plain."""
    if _DIALOG.fullmatch(text) is None:
        raise Malformed(f"{name} is no identifier")
    return text
