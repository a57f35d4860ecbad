"""Signed receipt links: {public_url}/receipts/{token}, the same in every SMS, mail and retry of a payment. Pure.

A link carries the receipt's opaque 128-bit id, the day it ends and an 88-bit tag (protocols/security.md 16). The tag
keeps guesses and altered days away from the database's answer; the row behind the id decides whether it was revoked. 39
letters and digits: a receipt's SMS stays within two segments, and no phone cuts a link that ends in a letter or digit.
"""

import hmac
import re
import string
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from enum import StrEnum
from hashlib import sha256

from core.ids import CROCKFORD
from core.messaging.receipts import token_plausible
from core.payments.table import Payment

ALPHABET = string.digits + string.ascii_uppercase + string.ascii_lowercase
ID_BYTES, DAY_BYTES, TAG_BYTES = 16, 2, 11
TOKEN_CHARS = 39  # 62**39 > 2**(8 * 29) > 62**38
TTL_DAYS = 400  # a tax year and what follows it
KEYS_MAX = 8
PASTED_MAX = 8
PASTED = " \t\r\n.,;:!?)]}>\"'»”’…<([{«“‘\u00a0\u200b\u200e\u200f\u2066\u2067\u2068\u2069\ufeff،؛؟"
_PURPOSE = b"khallas receipt link 1\0"  # the same secret signs other things elsewhere
_PAY_PURPOSE = b"khallas pay link 1\0"
ULID_CHARS = 26
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DAY = timedelta(days=1)
_VALUES = {char: value for value, char in enumerate(ALPHABET)}

_PASTED = re.compile(r"[^A-Za-z0-9]+$")


def pasted(token: str) -> str:
    """A token as a link ends with it, without the full stop, bracket, star or mark of direction pasted along."""
    return _PASTED.sub("", token)


class BadLink(StrEnum):
    """A link does not open; the words say why, for logs only: people are told the same words in every case."""

    FORGED = "forged"
    EXPIRED = "expired"


class ReceiptLinks:
    """Makes and reads links. The first key signs, all verify."""

    __slots__ = ("_keys", "_public_url", "_ttl")

    def __init__(self, keys: Sequence[str], public_url: str, ttl_days: int = TTL_DAYS) -> None:
        """Takes the keys, the newest first. Raises ValueError for no key, too many keys or a time that is
        not positive.
        """
        if not 1 <= len(keys) <= KEYS_MAX or not all(keys):
            raise ValueError(f"links need 1 to {KEYS_MAX} secret keys")
        if ttl_days < 1:
            raise ValueError("a link lives at least one day")
        self._keys = tuple(key.encode() for key in keys)
        self._public_url = public_url.rstrip("/")
        self._ttl = timedelta(days=ttl_days)

    def make(self, receipt_token: str, paid_at: datetime) -> str:
        """The link's last part. Raises ValueError when the receipt's id is not 32 hexadecimal digits."""
        if not token_plausible(receipt_token):
            raise ValueError("a receipt's id has 32 hexadecimal digits")
        last_day = -((_EPOCH - paid_at - self._ttl) // _DAY)  # rounded up to a whole day
        body = bytes.fromhex(receipt_token) + last_day.to_bytes(DAY_BYTES, "big")
        return _text(body + _tag(self._keys[0], body))

    def verify(self, token: str, now: datetime) -> str | BadLink:
        """The receipt's id, 32 hexadecimal digits; every key is tried whatever the first one says."""
        packed = _bytes(token)
        if packed is None:
            return BadLink.FORGED
        body, tag = packed[:-TAG_BYTES], packed[-TAG_BYTES:]
        matches = [hmac.compare_digest(_tag(key, body), tag) for key in self._keys]
        if not any(matches):
            return BadLink.FORGED
        if now >= _EPOCH + int.from_bytes(body[ID_BYTES:], "big") * _DAY:
            return BadLink.EXPIRED
        return body[:ID_BYTES].hex()

    def address(self, token: str) -> str:
        """The whole link of a token."""
        return f"{self._public_url}/receipts/{token}"

    def of(self, payment: Payment) -> str | None:
        """The whole link of a payment's receipt; None while it has none."""
        if payment.receipt_token is None or payment.paid_at is None:
            return None
        return self.address(self.make(payment.receipt_token, payment.paid_at))


class PayLinks:
    """Links to pay a basket in a browser: {public_url}/pay/{token}. The basket's own time ends them, no day does."""

    __slots__ = ("_keys", "_public_url")

    def __init__(self, keys: Sequence[str], public_url: str) -> None:
        """Takes the keys, the newest first. Raises ValueError for no key or too many keys."""
        if not 1 <= len(keys) <= KEYS_MAX or not all(keys):
            raise ValueError(f"links need 1 to {KEYS_MAX} secret keys")
        self._keys = tuple(key.encode() for key in keys)
        self._public_url = public_url.rstrip("/")

    def make(self, payment_id: str) -> str:
        """The link's last part. Raises ValueError when the payment's id is no ULID."""
        body = bytes(DAY_BYTES) + _ulid_bytes(payment_id)
        return _text(body + _tag(self._keys[0], body, _PAY_PURPOSE))

    def verify(self, token: str) -> str | None:
        """The payment's id, None for a forgery; every key is tried whatever the first one says."""
        packed = _bytes(token)
        if packed is None:
            return None
        body, tag = packed[:-TAG_BYTES], packed[-TAG_BYTES:]
        matches = [hmac.compare_digest(_tag(key, body, _PAY_PURPOSE), tag) for key in self._keys]
        return _ulid_text(body[DAY_BYTES:]) if any(matches) else None

    def of(self, payment_id: str) -> str:
        """Makes the whole link to a payment's page."""
        return f"{self._public_url}/pay/{self.make(payment_id)}"


def _ulid_bytes(ulid: str) -> bytes:
    if len(ulid) != ULID_CHARS or any(char not in CROCKFORD for char in ulid):
        raise ValueError("a payment's id is a ULID")
    number = 0
    for char in ulid:
        number = number * len(CROCKFORD) + CROCKFORD.index(char)
    return number.to_bytes(ID_BYTES + 1, "big")[1:]


def _ulid_text(packed: bytes) -> str:
    number = int.from_bytes(packed, "big")
    return "".join(CROCKFORD[(number >> shift) & 31] for shift in range(5 * (ULID_CHARS - 1), -1, -5))


def _tag(key: bytes, body: bytes, purpose: bytes = _PURPOSE) -> bytes:
    return hmac.digest(key, purpose + body, sha256)[:TAG_BYTES]


def _text(packed: bytes) -> str:
    number = int.from_bytes(packed, "big")
    chars: list[str] = []
    for _ in range(TOKEN_CHARS):
        number, value = divmod(number, len(ALPHABET))
        chars.append(ALPHABET[value])
    return "".join(reversed(chars))


def _bytes(token: str) -> bytes | None:
    """One spelling for each link: exactly TOKEN_CHARS of ALPHABET, and no number above what the bytes can hold.

    What people paste with it (a full stop, a bracket, a mark of direction) is no part of it.
    """
    if len(token) <= TOKEN_CHARS + PASTED_MAX:
        token = token.strip(PASTED)
    if len(token) != TOKEN_CHARS:
        return None
    number = 0
    for char in token:
        value = _VALUES.get(char)
        if value is None:
            return None
        number = number * len(ALPHABET) + value
    try:
        return number.to_bytes(ID_BYTES + DAY_BYTES + TAG_BYTES, "big")
    except OverflowError:
        return None
