"""What is posted to the stand-in, read as strictly as the gateway does: an unknown name is refused. Pure."""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from lab.payment_intents.books import Session, Trouble
from lab.payment_intents.cards import Card, card_of

FIELDS_MAX = 100
AMOUNT_MAX = 99_999_999
_METADATA = re.compile(r"metadata\[([A-Za-z0-9_]{1,40})\]", re.ASCII)
_INTENT_METADATA = re.compile(r"payment_intent_data\[metadata\]\[([A-Za-z0-9_]{1,40})\]", re.ASCII)
_LISTED = re.compile(r"(expand|payment_method_types)\[\d*\]", re.ASCII)
_SEARCH = re.compile(r"metadata\['([A-Za-z0-9_]{1,40})'\]:'((?:[^'\\]|\\.)*)'", re.ASCII)

CREATE = frozenset({"amount", "currency", "capture_method", "payment_method_options[card][moto]"})
METHOD = frozenset({"type", "card[number]", "card[exp_month]", "card[exp_year]", "card[cvc]"})
CONFIRM = frozenset({"payment_method", "error_on_requires_action", "off_session", "return_url"})
CAPTURE = frozenset({"amount_to_capture"})
CANCEL = frozenset({"cancellation_reason"})
REFUND = frozenset({"payment_intent", "amount", "reason"})
SESSION = frozenset(
    {
        *("mode", "client_reference_id", "success_url", "cancel_url", "locale", "expires_at"),
        *("payment_intent_data[capture_method]", "line_items[0][quantity]", "line_items[0][price_data][currency]"),
        *("line_items[0][price_data][unit_amount]", "line_items[0][price_data][product_data][name]"),
    }
)
LOOK = frozenset({"limit", "starting_after", "created[gte]", "query", "payment_intent", "page"})
LOCALES = frozenset({"auto", "ar", "en", "fr"})


def form_of(body: bytes, known: frozenset[str]) -> dict[str, str]:
    """An urlencoded form of known names. Raises Trouble."""
    try:
        pairs = parse_qsl(body.decode("ascii"), keep_blank_values=True, max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Trouble(400, "invalid_request_error") from None
    for name, _ in pairs:
        if name not in known and not any(each.fullmatch(name) for each in (_METADATA, _INTENT_METADATA, _LISTED)):
            raise Trouble(400, "invalid_request_error", "parameter_unknown", param=name)
    return dict(pairs)


def whole(form: Mapping[str, str]) -> bool:
    """Whether the latest charge is asked for whole."""
    return any(name.startswith("expand[") and text.endswith("latest_charge") for name, text in form.items())


def metadata_of(form: Mapping[str, str], *, of_intent: bool = False) -> dict[str, str]:
    pattern = _INTENT_METADATA if of_intent else _METADATA
    return {match[1]: text for name, text in form.items() if (match := pattern.fullmatch(name))}


def needed(form: Mapping[str, str], name: str) -> str:
    """Raises Trouble."""
    text = form.get(name, "")
    if not text:
        raise Trouble(400, "invalid_request_error", "parameter_missing", param=name)
    return text


def number(form: Mapping[str, str], name: str) -> int:
    """Raises Trouble."""
    text = needed(form, name)
    if not (text.isascii() and text.isdigit()) or not 0 < int(text) <= AMOUNT_MAX * 1_000:
        raise Trouble(400, "invalid_request_error", "parameter_invalid_integer", param=name)
    return int(text)


def method_of(form: Mapping[str, str]) -> Card:
    """The card. Raises Trouble: a wrong number is told before anything is charged."""
    if needed(form, "type") != "card":
        raise Trouble(400, "invalid_request_error", "parameter_invalid", param="type")
    card = card_of(needed(form, "card[number]"))
    if card is None:
        raise Trouble(402, "card_error", "incorrect_number", param="number")
    if not 1 <= number(form, "card[exp_month]") <= 12:
        raise Trouble(402, "card_error", "invalid_expiry_month", param="exp_month")
    if number(form, "card[exp_year]") < 2026:
        raise Trouble(402, "card_error", "invalid_expiry_year", param="exp_year")
    if not re.fullmatch(r"\d{3,4}", form.get("card[cvc]", ""), re.ASCII):
        raise Trouble(402, "card_error", "invalid_cvc", param="cvc")
    return card


def session_of(form: Mapping[str, str], created: int) -> Session:
    """A session as it is asked for, not opened yet. Raises Trouble."""
    if needed(form, "mode") != "payment" or form.get("locale", "auto") not in LOCALES:
        raise Trouble(400, "invalid_request_error", "parameter_invalid", param="mode")
    return Session(
        id="",
        amount=number(form, "line_items[0][price_data][unit_amount]") * number(form, "line_items[0][quantity]"),
        currency=needed(form, "line_items[0][price_data][currency]"),
        capture_method=form.get("payment_intent_data[capture_method]", "automatic"),
        metadata=metadata_of(form),
        intent_metadata=metadata_of(form, of_intent=True),
        reference=form.get("client_reference_id", ""),
        success_url=needed(form, "success_url"),
        cancel_url=form.get("cancel_url", ""),
        expires_at=number(form, "expires_at") if "expires_at" in form else created + 86_400,
        created=created,
    )


def searched(query: str) -> tuple[str, str]:
    """The name and the text that a search asks for. Raises Trouble."""
    match = _SEARCH.fullmatch(query)
    if match is None:
        raise Trouble(400, "invalid_request_error", "", param="query")
    return match[1], re.sub(r"\\(.)", r"\1", match[2])
