"""Kannel (protocols/sms.md): texts and delivery reports come as GET, replies go by sendsms (gateways/kannel.py). Pure.

Nothing is refused for its text: bytes that are no UTF-8 are read as their charset says, or as they look.
"""

import re
from collections.abc import Sequence
from urllib.parse import parse_qsl

from channels.http.charset import body_of
from channels.sms.message import ERROR_CHARS_MAX, DeliveryStatus, MoMessage
from channels.wire import (
    FIELD_BYTES_MAX,
    FIELDS_MAX,
    REFERENCE_PARAM,
    Incoming,
    Malformed,
    Reply,
    reference_in,
    required,
)
from core.repositories import Delivery

TYPE_PARAM, ANSWER_PARAM = "type", "answer"
_ID = re.compile(r"[0-9A-Za-z_.-]{1,128}")
_ERROR = re.compile(r"\berr:\s*([0-9A-Za-z]+)", re.IGNORECASE)

# The bits of a report's type, the gravest first: 34 is 2 and 32 (expired), 66 is 2 and 64 (unknown).
BITS: Sequence[tuple[int, Delivery]] = (
    (2, Delivery.FAILED),
    (16, Delivery.FAILED),
    (1, Delivery.DELIVERED),
    (4, Delivery.SENT),  # waits at the SMSC
    (8, Delivery.SENT),
)
TYPE_DIGITS_MAX = 6


class KannelSmsWire:
    """GET from, to, text, id, charset … -> 200 and an empty body."""

    name = "kannel"
    replies_later = True
    method = "GET"
    path = "/sms/kannel"
    status_path = "/sms/kannel/dlr"

    def decode(self, incoming: Incoming) -> MoMessage:
        values = _values(incoming.query)
        identity = required(values, "id")
        if not _ID.fullmatch(identity):
            raise Malformed("id is no identifier")
        return MoMessage(
            provider=self.name,
            provider_id=identity,
            sender=_text(required(values, "from"), "").strip(),
            to=_text(values.get("to", ""), "").strip(),
            text=_text(values.get("text", ""), values.get("charset", "")),
        )

    def encode(self, text: str | None, status_url: str) -> Reply:
        """Always empty: what stands here Kannel would send by itself, without telling what became of it."""
        return Reply(b"")

    def decode_status(self, incoming: Incoming) -> DeliveryStatus:
        values = _values(incoming.query)
        reference = reference_in(required(values, REFERENCE_PARAM))
        error = _ERROR.search(values.get(ANSWER_PARAM, ""))
        return DeliveryStatus(
            provider_id=f"{self.name}:{reference}",
            status=_status(required(values, TYPE_PARAM).strip()),
            reference=reference,
            error=error[1][:ERROR_CHARS_MAX] if error and error[1].strip("0") else None,
        )


def _values(query: str) -> dict[str, str]:
    """The query's fields, each character one byte of what was sent. Raises Malformed past the bounds."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, encoding="latin-1", max_num_fields=FIELDS_MAX)
    except ValueError:
        raise Malformed("too many fields") from None
    if any(len(value) > FIELD_BYTES_MAX for _, value in pairs):
        raise Malformed("a field is too long")
    return dict(pairs)


def _status(kind: str) -> Delivery | None:
    """None for what means nothing to us."""
    if not (kind.isascii() and kind.isdigit()) or len(kind) > TYPE_DIGITS_MAX:
        return None
    return next((delivery for bit, delivery in BITS if int(kind) & bit), None)


def _text(raw: str, charset: str) -> str:
    return body_of(raw.encode("latin-1", "replace"), charset)
