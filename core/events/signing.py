"""Standard Webhooks: secrets, and the signature over id, timestamp and body (docs/guides/events.md). Pure."""

import base64
import hashlib
import hmac
import os
from collections.abc import Sequence

PREFIX = "whsec_"
BYTES_MIN, BYTES_MAX, BYTES_OURS = 24, 64, 32


def new_secret() -> str:
    """Draws a secret, spelled as both sides write it."""
    return PREFIX + base64.b64encode(os.urandom(BYTES_OURS)).decode()


def key_of(secret: str) -> bytes:
    """Reads the key out of a secret. Raises ValueError, in words that hold no secret."""
    try:
        key = base64.b64decode(secret.removeprefix(PREFIX), validate=True)
    except ValueError:
        raise ValueError("a webhook's secret is whsec_ and base64") from None
    if not secret.startswith(PREFIX) or not BYTES_MIN <= len(key) <= BYTES_MAX:
        raise ValueError(f"a webhook's secret is whsec_ and base64 of {BYTES_MIN} to {BYTES_MAX} bytes")
    return key


def signatures(secrets: Sequence[str], event_id: str, timestamp_s: int, body: bytes) -> str:
    """The header webhook-signature: one signature a secret that is valid, the newest first."""
    signed = f"{event_id}.{timestamp_s}.".encode() + body
    digests = (hmac.new(key_of(secret), signed, hashlib.sha256).digest() for secret in secrets)
    return " ".join(f"v1,{base64.b64encode(each).decode()}" for each in digests)
