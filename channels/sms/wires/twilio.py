"""Twilio's SMS webhooks (protocols/sms.md): a signed form in, TwiML out; delivery reports as another form. Pure."""

import re
from collections.abc import Mapping

from channels.sms.message import ERROR_CHARS_MAX, PROVIDER_ID_CHARS_MAX, DeliveryStatus, MoMessage, OptOut
from channels.wire import REFERENCE_PARAM, Incoming, Malformed, Reply, reference_in, required
from core.repositories import Delivery

TWIML = "text/xml; charset=utf-8"
SILENCE = b"<?xml version='1.0' encoding='utf-8'?>\n<Response />"
MESSAGE = (
    "<?xml version='1.0' encoding='utf-8'?>\n"
    '<Response><Message action="{action}" method="POST">{text}</Message></Response>'
)
_NOT_IN_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")

OPT_OUTS: Mapping[str, OptOut] = {"STOP": OptOut.STOP, "HELP": OptOut.HELP, "START": OptOut.START}

# They come in any order; what is not here (an inbound status, one that is new) is taken and means nothing to us.
STATUSES: Mapping[str, Delivery] = {
    "accepted": Delivery.QUEUED,
    "scheduled": Delivery.QUEUED,
    "queued": Delivery.QUEUED,
    "sending": Delivery.QUEUED,
    "sent": Delivery.SENT,
    "partially_delivered": Delivery.SENT,
    "delivered": Delivery.DELIVERED,
    "read": Delivery.DELIVERED,
    "undelivered": Delivery.FAILED,
    "failed": Delivery.FAILED,
    "canceled": Delivery.FAILED,
}


class TwilioSmsWire:
    """POST form MessageSid, From, To, Body, OptOutType -> TwiML."""

    name = "twilio"
    replies_later = False
    method = "POST"
    path = "/sms/twilio"
    status_path = "/sms/twilio/status"

    def decode(self, incoming: Incoming) -> MoMessage:
        form = incoming.form()
        return MoMessage(
            provider=self.name,
            provider_id=_sid(form),
            sender=required(form, "From"),
            to=form.get("To", ""),
            text=form.get("Body", ""),
            opt_out=OPT_OUTS.get(form.get("OptOutType", "").upper()),
        )

    def encode(self, text: str | None, status_url: str) -> Reply:
        if text is None:
            return Reply(SILENCE, TWIML)
        action, words = _escaped(status_url).replace('"', "&quot;"), _escaped(_NOT_IN_XML.sub("", text))
        return Reply(MESSAGE.format(action=action, text=words).encode(), TWIML)

    def decode_status(self, incoming: Incoming) -> DeliveryStatus:
        form = incoming.form()
        reference = incoming.params().get(REFERENCE_PARAM, "")
        return DeliveryStatus(
            provider_id=_sid(form),
            status=STATUSES.get(
                (form.get("MessageStatus") or form.get("SmsStatus") or required(form, "MessageStatus")).lower()
            ),
            reference=reference_in(reference) if reference else None,
            error="".join(c for c in form.get("ErrorCode", "") if c.isprintable())[:ERROR_CHARS_MAX] or None,
        )


def _escaped(text: str) -> str:
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _sid(form: Mapping[str, str]) -> str:
    # requests of the older API and of some resellers hold the second name alone
    sid = form.get("SmsSid") if "MessageSid" not in form else None
    sid = sid or required(form, "MessageSid")
    if len(sid) > PROVIDER_ID_CHARS_MAX or not sid.isascii() or not sid.isalnum():
        raise Malformed("MessageSid is no identifier")
    return sid
