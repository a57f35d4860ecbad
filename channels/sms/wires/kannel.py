"""Kannel (facts/sms.md): texts and delivery reports come as GET, replies go by sendsms (gateways/kannel.py). Pure.

Nothing is refused for its text: bytes that are no UTF-8 are read as their charset says, or as they look.
"""

import re
from collections.abc import Mapping
from urllib.parse import parse_qsl

from channels.door import FIELD_BYTES_MAX, FIELDS_MAX, Incoming, Malformed, Reply, required
from channels.gateways.callbacks import REFERENCE_PARAM, reference_in
from channels.sms.message import ERROR_CHARS_MAX, DeliveryStatus, MoMessage
from core.books import Delivery

TYPE_PARAM, ANSWER_PARAM = "type", "answer"
_ID = re.compile(r"[0-9A-Za-z_.-]{1,128}")
_ERROR = re.compile(r"\berr:\s*([0-9A-Za-z]+)", re.IGNORECASE)
_CHARSETS: Mapping[str, str] = {
    "utf-8": "utf-8",
    "utf8": "utf-8",
    "utf-16be": "utf-16-be",
    "ucs-2": "utf-16-be",
    "iso-8859-1": "latin-1",
    "windows-1252": "cp1252",
}

# The bits of dlr-mask; what is not here means nothing to us.
STATUSES: Mapping[str, Delivery] = {
    "1": Delivery.DELIVERED,
    "2": Delivery.FAILED,
    "4": Delivery.SENT,  # waits at the SMSC
    "8": Delivery.SENT,
    "16": Delivery.FAILED,
}


class Kannel:
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
            sender=required(values, "from").strip(),
            to=values.get("to", "").strip(),
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
            status=STATUSES.get(required(values, TYPE_PARAM)),
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


def _text(raw: str, charset: str) -> str:
    data = raw.encode("latin-1", "replace")
    try:
        return data.decode(_CHARSETS.get(charset.lower(), "utf-8"))
    except UnicodeDecodeError:
        return data.decode("latin-1")
