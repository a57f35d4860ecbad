"""Whether a webhook was signed by the gateway, and which order it speaks of (protocols/payment-intents.md, Webhooks).

Rule of this file: the signature is over the raw bytes and checked before anything is read of them; a signed event says
which order to ask about, and nothing else that is believed. Pure.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass, field
from hashlib import sha256

from pydantic import ValidationError

from core.acquirers.payment_intents.wire import ORDER_KEY, ReadObject, Text
from core.cards import Secret

TOLERANCE_S = 300
SIGNATURES_MAX = 10  # of one header: while a secret is changed there are two
HEADER_MAX_CHARS = 2_000


class EventSubject(ReadObject):
    """The object that an event is about: an intent or a checkout session bears our order's name."""

    metadata: dict[str, str] | None = None


class EventData(ReadObject):
    object: EventSubject


class EventObject(ReadObject):
    """A signed event. Its id repeats, events come in any order, and its words are old when they come."""

    id: Text
    type: Text
    data: EventData


@dataclass(frozen=True, slots=True)
class SignedNotices:
    """Webhooks of one endpoint. `secrets`: any may have signed, so that one can be changed."""

    secrets: Sequence[Secret] = field(repr=False)
    tolerance_s: int = TOLERANCE_S

    def genuine(self, body: bytes, signature: str, now_s: float) -> bool:
        """Signed by one of the secrets, and not long ago. Every signature is compared, in constant time."""
        signed_at, signatures = _parts(signature)
        if signed_at is None or abs(now_s - signed_at) > self.tolerance_s:
            return False
        agrees = False
        for secret in self.secrets:
            key = secret.reveal().strip().encode()
            if not key:
                continue  # anybody can sign with nothing
            right = hmac.new(key, b"%d." % signed_at + body, sha256).hexdigest().encode()
            for one in signatures:
                agrees |= hmac.compare_digest(right, one)
        return agrees

    def order_of(self, body: bytes) -> str | None:
        """The order that a genuine event is about; None for one that is about nothing of ours."""
        try:
            event = EventObject.model_validate_json(body)
        except (ValidationError, RecursionError):
            return None
        return (event.data.object.metadata or {}).get(ORDER_KEY)


def _parts(signature: str) -> tuple[int | None, list[bytes]]:
    """`t=…,v1=…,v1=…`: when it was signed, and the signatures of the scheme that is not a test's."""
    signed_at: int | None = None
    signatures: list[bytes] = []
    for piece in signature[:HEADER_MAX_CHARS].split(","):
        name, _, value = piece.strip().partition("=")
        if name == "t":
            if signed_at is not None or not (value.isascii() and value.isdigit() and len(value) <= 12):
                return None, []
            signed_at = int(value)
        elif name == "v1" and len(signatures) < SIGNATURES_MAX:
            signatures.append(value.encode())
    return signed_at, signatures
