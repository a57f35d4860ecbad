"""CMI's hosted page (est3Dgate): what the browser posts there and what its callback may be believed (protocols/cmi.md).

Rule of this file: hash first, then anything else. Pure: who stores and who answers is elsewhere
(core/payments/hosted_page.py).
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

from core.acquirers.cmi_codes import clean_code
from core.acquirers.cmi_xml import decimal_amount_of, identifier
from core.acquirers.hosted_hash import signed_part, ver3_hash
from core.cards import Secret
from core.chargebacks.model import NO_FACTS, DisputeFacts, facts_of
from core.languages import LanguageCode
from core.money import decimal_text

__all__ = ["Callback", "HostedShop", "page_fields", "trusted", "ver3_hash"]

SESSION_MIN_S, SESSION_MAX_S = 30, 2700
FIELDS_MAX = 200

ANSWER_CAPTURE = "ACTION=POSTAUTH"
ANSWER_SEEN = "APPROVED"
ANSWER_TROUBLE = "FAILURE"

# read below; a name of these may be there twice (in two cases) only with one value
_READ = frozenset(
    {
        "oid",
        "clientid",
        "amount",
        "currency",
        "procreturncode",
        "response",
        "mdstatus",
        "authcode",
        "transid",
        "hash",
    }
)


@dataclass(frozen=True, slots=True)
class HostedShop:
    """The merchant as the hosted page knows it."""

    client_id: str
    store_key: Secret = field(repr=False)
    ok_url: str
    fail_url: str
    shop_url: str
    callback_url: str
    currency_code: str = "504"


def page_fields(
    shop: HostedShop,
    order_id: str,
    amount_centimes: int,
    *,
    language: LanguageCode,
    email: str,
    holder: str,
    telephone: str,
    nonce: str,
    session_s: int = 600,
) -> dict[str, str]:
    """The form that a browser posts to est3Dgate. `nonce` is fresh randomness. Raises ValueError on a bad session_s."""
    if not SESSION_MIN_S <= session_s <= SESSION_MAX_S:
        raise ValueError(f"the page lives {SESSION_MIN_S} to {SESSION_MAX_S} seconds")
    fields = {
        "clientid": shop.client_id,
        "storetype": "3D_PAY_HOSTING",
        "TranType": "PreAuth",
        "amount": decimal_text(amount_centimes),
        "currency": shop.currency_code,
        "oid": order_id,
        "okUrl": shop.ok_url,
        "failUrl": shop.fail_url,
        "shopurl": shop.shop_url,
        "callbackUrl": shop.callback_url,
        "CallbackResponse": "true",
        "lang": language.value,
        "email": email,
        "BillToName": holder,
        "tel": telephone,
        "rnd": nonce,
        "hashAlgorithm": "ver3",
        "encoding": "UTF-8",
        "refreshtime": "5",
        "sessiontimeout": str(session_s),
    }
    return {**fields, "HASH": ver3_hash(fields, shop.store_key)}


@dataclass(frozen=True, slots=True)
class Callback:
    """A callback whose hash is right: CMI said this, whatever it is worth."""

    order_id: str
    client_id: str
    amount_centimes: int | None
    currency_code: str
    code: str
    response: str
    md_status: str
    auth_code: str
    transaction_number: str
    facts: DisputeFacts = NO_FACTS


def trusted(shop: HostedShop, fields: Mapping[str, str]) -> Callback | None:
    """A callback with the right hash, compared in constant time; None is a forgery and a security event.

    Without a store key anybody can make that hash: then nothing is believed.
    """
    lowered = _lowered(fields)
    if lowered is None or not shop.store_key.reveal().strip():
        return None
    signed = signed_part(fields, lowered.get("hash", ""), shop.store_key)
    answer = None if signed is None else _lowered(signed)
    if answer is None:
        return None
    return Callback(
        order_id=answer.get("oid", ""),
        client_id=answer.get("clientid", ""),
        amount_centimes=decimal_amount_of(answer.get("amount", "")),
        currency_code=answer.get("currency", ""),
        code=clean_code(answer.get("procreturncode", "")),
        response=answer.get("response", ""),
        md_status=clean_code(answer.get("mdstatus", "")),
        auth_code=identifier(answer.get("authcode", "")),
        transaction_number=identifier(answer.get("transid", "")),
        facts=facts_of(answer),
    )


def _lowered(fields: Mapping[str, str]) -> Mapping[str, str] | None:
    """By names in lower case; None when there are too many, or when what is read here is said in two ways."""
    if len(fields) > FIELDS_MAX:
        return None
    lowered: dict[str, str] = {}
    for name, text in fields.items():
        if lowered.setdefault(name.lower(), text) != text and name.lower() in _READ:
            return None
    return lowered
