"""Whose dialog an aggregator brings: its other customers' applications reach us from the same addresses. Pure.

Each names the code that was dialled in a field of its own; a request for a code that is not ours is refused. A field
that is missing says nothing: the aggregator leaves it out, never its customer.
"""

import json
from collections.abc import Callable

from channels.http.charset import body_of, declared_in
from channels.wire import Incoming, Malformed, SenderRefused

Check = Callable[[Incoming], None]
FIELDS = {"africastalking": "serviceCode", "hubtel": "ServiceCode", "infobip": "shortCode"}


def ours(check: Check, wire: str, service_code: str) -> Check:
    """A guard that lets in whom `check` does, for our code alone."""
    field, code = FIELDS[wire], _plain(service_code)

    def checked(incoming: Incoming) -> None:
        check(incoming)
        told = _told(incoming, field)
        if told and _plain(told) != code:
            raise SenderRefused("the dialog is of another service code")

    return checked


def _told(incoming: Incoming, field: str) -> str:
    """What stands in the field; nothing where the body cannot be read, which the wire says better."""
    try:
        if incoming.body[:1].isalnum():  # in every charset: no JSON, and no mark or blank before it
            return incoming.form().get(field, "")
        text = body_of(incoming.body, declared_in(incoming.headers.get("content-type", ""))).lstrip()
        if not text.startswith("{"):
            return incoming.form().get(field, "")
        body = json.loads(text, strict=False)
    except (Malformed, ValueError, RecursionError):
        return ""
    value = body.get(field) if isinstance(body, dict) else None
    return str(value) if isinstance(value, str | int) else ""


def _plain(code: str) -> str:
    return code.strip().strip("*#")
