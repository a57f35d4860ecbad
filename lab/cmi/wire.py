"""The emulator's side of the wire: CC5Request in, CC5Response out, written apart from the client's on purpose.

Rule of this file: card data is wrapped the moment it is read and never written. Pure.
"""

from dataclasses import dataclass, field
from datetime import datetime
from urllib.parse import parse_qs
from xml.etree import ElementTree  # builds answers; requests are read through defusedxml
from xml.sax.saxutils import escape

from defusedxml.common import DefusedXmlException
from defusedxml.ElementTree import fromstring

from core.cards import Secret
from core.money import parse_centimes
from lab.cmi.ledger import Ledger, Transaction
from lab.cmi.lies import Kind

REQUEST_MAX_BYTES = 65_536
GARBAGE = b"\x00\xff<CC5Response><Response>Appr\xfe\xed"


@dataclass(frozen=True, slots=True)
class Request:
    """A CC5Request."""

    name: str
    password: Secret
    client_id: str
    kind: Kind
    order_id: str
    pan: Secret
    expires: str
    cvv: Secret
    amount_centimes: int | None
    currency_code: str
    history: bool = False
    challenge_id: str = ""
    pin: Secret = field(default_factory=lambda: Secret(""))


@dataclass(frozen=True, slots=True)
class Reply:
    """A CC5Response to be written."""

    fields: dict[str, str]
    extra: dict[str, str]


def read_request(body: bytes, content_type: str) -> Request | None:
    """The form field DATA=<xml> or the raw XML body; None when it is no CC5Request."""
    try:
        if "form-urlencoded" in content_type:
            body = parse_qs(body.decode(), max_num_fields=10).get("DATA", [""])[0].encode()
        root = fromstring(body, forbid_dtd=True)
    except (ElementTree.ParseError, DefusedXmlException, ValueError, LookupError):
        return None
    if root.tag != "CC5Request":
        return None
    text = {child.tag: (child.text or "").strip() for child in root}
    box = root.find("Extra")
    extra = {child.tag: (child.text or "").strip() for child in box} if box is not None else {}
    kind = _kind_of(text.get("Type", ""), extra)
    if kind is None:
        return None
    return Request(
        name=text.get("Name", ""),
        password=Secret(text.get("Password", "")),
        client_id=text.get("ClientId", ""),
        kind=kind,
        order_id=text.get("OrderId", ""),
        pan=Secret(text.get("Number", "")),
        expires=text.get("Expires", ""),
        cvv=Secret(text.get("Cvv2Val", "")),
        amount_centimes=_amount_of(text.get("Total", "")),
        currency_code=text.get("Currency", ""),
        history="ORDERHISTORY" in extra,
        challenge_id=extra.get("CHALLENGEID", ""),
        pin=Secret(extra.get("CHALLENGEPIN", "")),
    )


def _kind_of(kind: str, extra: dict[str, str]) -> Kind | None:
    if kind:
        return Kind(kind) if kind in {"Auth", "PreAuth", "PostAuth", "Void", "Credit"} else None
    if extra.get("CHALLENGEID"):
        return Kind.PIN
    return Kind.QUERY if extra.get("ORDERSTATUS") or extra.get("ORDERHISTORY") else None


def _amount_of(text: str) -> int | None:
    try:
        return parse_centimes(text)
    except ValueError:
        return None


def write_reply(reply: Reply) -> bytes:
    """Every documented element is there, empty ones too."""
    root = ElementTree.Element("CC5Response")
    for tag, text in reply.fields.items():
        ElementTree.SubElement(root, tag).text = text
    box = ElementTree.SubElement(root, "Extra")
    for tag, text in reply.extra.items():
        ElementTree.SubElement(box, tag).text = text
    return b'<?xml version="1.0" encoding="UTF-8"?>' + ElementTree.tostring(root)


def refusal(order_id: str, code: str, message: str, *, error_code: str = "", number: str = "") -> Reply:
    """Declined by the bank (a code), or refused by the gateway itself (99 and an error code)."""
    response = "Error" if error_code else "Declined"
    fields = _fields(order_id, response, code, number=number, message=message)
    numeric = "99" + error_code.removeprefix("CORE-") if error_code else code
    return Reply(fields, {"SETTLEID": "", "TRXDATE": "", "ERRORCODE": error_code, "NUMCODE": numeric})


def busy(order_id: str) -> Reply:
    """The bank's system does not work just now, which says nothing of what became of the request."""
    return refusal(order_id, "96", "System malfunction")


def with_state(reply: Reply, state: str) -> Reply:
    """An inquiry's answer whose states are this one, of the order and of each row of its history."""
    extra = {name: _restated(name, text, state) for name, text in reply.extra.items()}
    if reply.extra.get("ORD_ID"):
        extra |= {"TRANS_STAT": state, "PROC_RET_CD": ""}
    return Reply(reply.fields, extra)


def _restated(name: str, text: str, state: str) -> str:
    if name == "ORDERSTATUS":
        return "\t".join(f"TRANS_STAT:{state}" if part.startswith("TRANS_STAT:") else part for part in text.split("\t"))
    columns = text.split("\t")
    if name.startswith("TRX") and len(columns) > 1:
        columns[1] = state
    return "\t".join(columns)


def approval(row: Transaction) -> Reply:
    """It does not say how much was taken: only the order's status does."""
    fields = _fields(row.order_id, "Approved", "00", number=row.number, auth_code=row.auth_code)
    when = datetime.fromisoformat(row.at).strftime("%Y%m%d %H:%M:%S")
    extra = {"SETTLEID": "", "TRXDATE": when, "ERRORCODE": "", "NUMCODE": "00", "CARDBRAND": row.brand.upper()}
    return Reply(fields, extra)


def _fields(
    order_id: str, response: str, code: str, *, number: str = "", auth_code: str = "", message: str = ""
) -> dict[str, str]:
    return {
        "OrderId": order_id,
        "GroupId": order_id,
        "Response": response,
        "AuthCode": auth_code,
        "HostRefNum": number,
        "ProcReturnCode": code,
        "TransId": number,
        "ErrMsg": message,
    }


def status_reply(ledger: Ledger, order_id: str) -> Reply:
    """ORDERSTATUS: the order's latest transaction; amounts in minor units without a dot."""
    rows = ledger.of_order(order_id)
    if not rows:
        return _absent(order_id)
    row = rows[-1]
    captured = str(row.captured_centimes) if row.captured_centimes else ""
    known = {
        "ORD_ID": order_id,
        "CHARGE_TYPE_CD": row.charge_type,
        "ORIG_TRANS_AMT": str(row.amount_centimes),
        "CAPTURE_AMT": captured,
        "TRANS_STAT": row.state,
        "AUTH_DTTM": row.at,
        "CAPTURE_DTTM": row.at if captured else "",
        "AUTH_CODE": row.auth_code,
        "TRANS_ID": row.number,
    }
    extra = {
        **known,
        "ORDERSTATUS": "\t".join(f"{name}:{text}" for name, text in known.items()),
        "HOST_REF_NUM": row.number,
        "NUMCODE": "0",
        "PAN": f"**** **** **** {row.card}",
        "PROC_RET_CD": row.code,
        "SETTLEID": str(row.batch or ""),
        "CARDBRAND": row.brand.upper(),
        **challenge_fields(row),
    }
    fields = _fields(order_id, "Approved", "00", number=row.number, message=f"Record(s) found for {order_id}")
    return Reply(fields, extra)


def challenge_fields(row: Transaction) -> dict[str, str]:
    """Our dialect's request for the bank's one-time PIN; empty when none is open."""
    if row.challenge is None or row.state != "PN":
        return {}
    return {
        "CHALLENGE": "OTP_NUMERIC",
        "CHALLENGEID": row.challenge.id,
        "CHALLENGELENGTH": "3",
        "CHALLENGEATTEMPTS": str(row.challenge.attempts_left),
        "CHALLENGEEXPIRES": row.challenge.expires_at,
    }


def history_reply(ledger: Ledger, order_id: str) -> Reply:
    """ORDERHISTORY: one tab-joined row for each transaction."""
    rows = ledger.of_order(order_id)
    if not rows:
        return _absent(order_id)
    extra = {"NUMCODE": "0", "TRXCOUNT": str(len(rows))}
    for index, row in enumerate(rows, start=1):
        captured = str(row.captured_centimes) if row.captured_centimes else ""
        times = (row.at, row.at if captured else "", row.at if row.state == "V" else "")
        columns = (row.charge_type, row.state, str(row.amount_centimes), captured, *times)
        extra[f"TRX{index}"] = "\t".join((*columns, row.number, row.auth_code, row.code, row.number))
    return Reply(_fields(order_id, "Approved", "00", message=f"Record(s) found for {order_id}"), extra)


def _absent(order_id: str) -> Reply:
    names = ("ORD_ID", "CHARGE_TYPE_CD", "ORIG_TRANS_AMT", "CAPTURE_AMT", "TRANS_STAT", "AUTH_DTTM", "AUTH_CODE")
    fields = _fields("", "Declined", "99", message=f"No record found for {order_id}")
    return Reply(fields, {"NUMCODE": "0", "ORDERSTATUS": "\t".join(f"{name}:" for name in names)})


def page(title: str, body: str) -> str:
    """A plain HTML page of the emulator; `body` is HTML already."""
    return f"<!doctype html><html lang=fr><meta charset=utf-8><title>{escape(title)}</title>{body}</html>"
