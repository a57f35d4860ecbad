"""CMI's hosted page (est3Dgate): what the browser posts there and what its callback may be believed (facts/cmi.md).

Rule of this file: hash first, then anything else. Pure: who stores and who answers is elsewhere (core/hosting.py).
"""

import base64
import hashlib
import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field

from core.acquirers.cmi_codes import clean_code
from core.acquirers.cmi_xml import decimal_amount_of, identifier
from core.cards import Secret
from core.money import decimal_text
from core.subscribers import Language

SESSION_MIN_S, SESSION_MAX_S = 30, 2700
FIELDS_MAX = 200

ANSWER_CAPTURE = "ACTION=POSTAUTH"
ANSWER_SEEN = "APPROVED"
ANSWER_TROUBLE = "FAILURE"

_UNHASHED = frozenset({"hash", "encoding"})


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


def ver3_hash(fields: Mapping[str, str], store_key: Secret) -> str:
    """The hash of hashAlgorithm ver3: values in the case-insensitive order of their names, then the store key."""
    ordered = sorted(fields.items(), key=lambda item: item[0].lower())
    values = [_escaped(text) for name, text in ordered if name.lower() not in _UNHASHED]
    joined = "|".join([*values, _escaped(store_key.reveal())])
    return base64.b64encode(hashlib.sha512(joined.encode()).digest()).decode()


def _escaped(text: str) -> str:
    return text.strip().replace("\\", "\\\\").replace("|", "\\|")


def page_fields(
    shop: HostedShop,
    order_id: str,
    amount_centimes: int,
    *,
    language: Language,
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


def trusted(shop: HostedShop, fields: Mapping[str, str]) -> Callback | None:
    """A callback with the right hash, compared in constant time; None is a forgery and a security event.

    Without a store key anybody can make that hash: then nothing is believed.
    """
    lowered = {name.lower(): text for name, text in fields.items()}
    if not shop.store_key.reveal().strip() or len(fields) > FIELDS_MAX or len(lowered) != len(fields):
        return None
    expected = ver3_hash(fields, shop.store_key)
    if not hmac.compare_digest(expected.encode(), lowered.get("hash", "").encode()):
        return None
    return Callback(
        order_id=lowered.get("oid", ""),
        client_id=lowered.get("clientid", ""),
        amount_centimes=decimal_amount_of(lowered.get("amount", "")),
        currency_code=lowered.get("currency", ""),
        code=clean_code(lowered.get("procreturncode", "")),
        response=lowered.get("response", ""),
        md_status=clean_code(lowered.get("mdstatus", "")),
        auth_code=identifier(lowered.get("authcode", "")),
        transaction_number=identifier(lowered.get("transid", "")),
    )
