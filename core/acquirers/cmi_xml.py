"""CC5Request out, CC5Response in (docs/protocols/cmi.md, Server API).

Rule of this file: what the peer sends never raises and is never repeated word for word: an answer that cannot be read
is None, its texts lose their digits, and a request lives only as the string that is posted. Pure.
"""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from xml.etree import ElementTree  # builds our own requests; the peer's XML goes through defusedxml

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from core.acquirers.cmi_codes import clean_code, error_code_of
from core.acquirers.cmi_tidy import spellings
from core.cards import PAN_MAX, PAN_MIN, Card, Secret, luhn
from core.money import decimal_text, parse_centimes
from core.ports import Order

ANSWER_MAX_BYTES = 65_536
ELEMENTS_MAX = 500
ORDER_ID_MAX_CHARS = 64
MESSAGE_MAX_CHARS = 120
IDENTIFIER_MAX_CHARS = 64

_MINOR = re.compile(r"\d{1,12}", re.ASCII)
_IDENTIFIER = re.compile(rf"[A-Za-z0-9._-]{{1,{IDENTIFIER_MAX_CHARS}}}", re.ASCII)
_NOT_XML = re.compile(r"[^\t\n\r\x20-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


@dataclass(frozen=True, slots=True)
class CmiAccount:
    """The merchant account and the numbers that a contract with CMI fixes.

    `cardholder_present_code` marks a telephone order; its value is contract data, empty leaves the element empty.
    """

    url: str
    client_id: str
    name: str
    password: Secret = field(repr=False)
    currency: str = "MAD"
    currency_code: str = "504"
    cardholder_present_code: str = ""
    client_ip: str = ""


def _request(account: CmiAccount, order_id: str, parts: Mapping[str, str], **boxes: Mapping[str, str]) -> str:
    root = ElementTree.Element("CC5Request")
    head = {"Name": account.name, "Password": account.password.reveal(), "ClientId": account.client_id, "Mode": "P"}
    for tag, text in {**head, "OrderId": order_id, **parts}.items():
        ElementTree.SubElement(root, tag).text = _NOT_XML.sub("", text)
    for name, fields in boxes.items():
        box = ElementTree.SubElement(root, name)
        for tag, text in fields.items():
            ElementTree.SubElement(box, tag).text = _NOT_XML.sub("", text)
    return '<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(root, encoding="unicode")


def auth_request(account: CmiAccount, order: Order, card: Card, cvv: Secret) -> str:
    """A sale by telephone: authorised and captured in one step. Expires goes as MM/YY."""
    parts = {
        "Type": "Auth",
        "IPAddress": account.client_ip,
        "Email": order.email or "",
        "Number": card.pan.reveal(),
        "Expires": f"{card.expiry_month:02d}/{card.expiry_year % 100:02d}",
        "Cvv2Val": cvv.reveal(),
        "Total": decimal_text(order.amount_centimes),
        "Currency": account.currency_code,
        "Taksit": "",
        "CardholderPresentCode": account.cardholder_present_code,
    }
    return _request(account, order.id, parts, BillTo={"TelVoice": order.telephone})


def challenge_request(account: CmiAccount, order_id: str, challenge_id: str, pin: Secret) -> str:
    """The bank's one-time PIN, in our own dialect: the published interface has no challenge for telephone orders.

    It names no Type, so that a gateway which does not know it charges nothing.
    """
    return _request(account, order_id, {}, Extra={"CHALLENGEID": challenge_id, "CHALLENGEPIN": pin.reveal()})


def status_request(account: CmiAccount, order_id: str) -> str:
    return _request(account, order_id, {}, Extra={"ORDERSTATUS": "QUERY"})


def history_request(account: CmiAccount, order_id: str) -> str:
    return _request(account, order_id, {}, Extra={"ORDERHISTORY": "QUERY"})


def void_request(account: CmiAccount, order_id: str) -> str:
    return _request(account, order_id, {"Type": "Void"})


def credit_request(account: CmiAccount, order_id: str, amount_centimes: int) -> str:
    return _money_back_or_forth(account, order_id, "Credit", amount_centimes)


def capture_request(account: CmiAccount, order_id: str, amount_centimes: int) -> str:
    """PostAuth: captures what a hosted page only authorised; refused after 15 days."""
    return _money_back_or_forth(account, order_id, "PostAuth", amount_centimes)


def _money_back_or_forth(account: CmiAccount, order_id: str, kind: str, amount_centimes: int) -> str:
    total = decimal_text(amount_centimes)
    return _request(account, order_id, {"Type": kind, "Total": total, "Currency": account.currency_code})


@dataclass(frozen=True, slots=True)
class Cc5Answer:
    """A CC5Response. Every element can be missing; missing is empty. `extra` is raw: keep it out of logs."""

    order_id: str = ""
    response: str = ""
    code: str = ""
    error_code: str = ""
    auth_code: str = ""
    transaction_number: str = ""
    message: str = ""
    total: str = ""
    rrn: str = ""
    extra: Mapping[str, str] = field(default_factory=dict, repr=False)


def parse_answer(body: bytes) -> Cc5Answer | None:
    """Read a reply; None when it is no CC5Response, too long, or says one thing twice."""
    top, extra = _elements(body)
    if top is None:
        return None
    numeric = extra.get("NUMCODE") or top.get("NUMCODE", "")
    return Cc5Answer(
        order_id=top.get("ORDERID", ""),
        response=top.get("RESPONSE", ""),
        code=clean_code(top.get("PROCRETURNCODE", "")),
        error_code=error_code_of(extra.get("ERRORCODE") or top.get("ERRORCODE", ""), numeric),
        auth_code=identifier(top.get("AUTHCODE", "")),
        transaction_number=identifier(top.get("TRANSID", "")),
        message=scrubbed(top.get("ERRMSG", "")),
        total=top.get("TOTAL", ""),
        rrn=identifier(top.get("HOSTREFNUM", "")),
        extra=extra,
    )


def _elements(body: bytes) -> tuple[dict[str, str] | None, dict[str, str]]:
    root = _root(body) if len(body) <= ANSWER_MAX_BYTES else None
    if root is None:
        return None, {}
    top: dict[str, str] = {}
    extra: dict[str, str] = {}
    children = list(root)
    if root.tag != "CC5Response" or len(children) > ELEMENTS_MAX:
        return None, {}
    for child in children:
        if child.tag == "Extra":
            inner = list(child)
            if extra or len(inner) > ELEMENTS_MAX:
                return None, {}
            extra = {item.tag.upper(): (item.text or "").strip(" \r\n") for item in inner}
        elif child.tag.upper() in top:
            return None, {}
        else:
            top[child.tag.upper()] = (child.text or "").strip()
    return top, extra


def _root(body: bytes) -> ElementTree.Element | None:
    for spelled in spellings(body):
        try:
            return fromstring(spelled, forbid_dtd=True)
        except DefusedXmlException:
            return None  # a DTD or an entity of its own: never mended
        except (ElementTree.ParseError, ValueError, LookupError):
            continue
    return None


def identifier(text: str) -> str:
    """A number the peer gave, kept as it is when it looks like one and could not be a card's; else empty."""
    digits = "".join(c for c in text if c.isdigit())
    if not _IDENTIFIER.fullmatch(text) or (PAN_MIN <= len(digits) <= PAN_MAX and luhn(digits)):
        return ""
    return text


def scrubbed(text: str) -> str:
    """The peer's words without their digits, for people who operate this."""
    return "".join("#" if c.isdigit() else c for c in text if c.isprintable())[:MESSAGE_MAX_CHARS]


def amount_of(text: str) -> int | None:
    """Centimes of an inquiry's amount: "76920" is minor units, "769.20" is not; None when it is neither."""
    if _MINOR.fullmatch(text):
        return int(text)
    return decimal_amount_of(text) if "." in text or "," in text else None


def decimal_amount_of(text: str) -> int | None:
    """Centimes of "769.20", "769,2" or "769"; None when it is no amount."""
    try:
        return parse_centimes(text)
    except ValueError:
        return None
