"""The vault's cryptography: a card number between two steps of a call is AES-GCM under a key of that call alone.

The master keys come from the settings and never reach Redis; a server's memory key (vault_key.py) never reaches a
disk. The security code and the bank's PIN are never sealed: they are used in the request that brings them
(docs/protocols/security.md 2-3). Pure.
"""

import hmac
import os
from collections.abc import Mapping

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from core.cards import Card, Secret, expiry_of

NUMBER, EXPIRY = "number", "expiry"
MASTER_KEY_BYTES = 32
_NONCE_BYTES = 12
_MARK_BYTES = 4


class Seals:
    """Seals with the first master key, opens with any: rotation by key id."""

    def __init__(self, master_keys: Mapping[str, bytes], memory: bytes = b"") -> None:
        """`memory`: without it nothing that is sealed opens, whoever has the settings; marks and keys need none."""
        if not master_keys:
            raise ValueError("the vault needs at least one key")
        for key_id, key in master_keys.items():
            if len(key) != MASTER_KEY_BYTES or not 1 <= len(key_id) <= 32 or ":" in key_id:
                raise ValueError("a vault key is id:base64 of 32 bytes")
        self._keys = dict(master_keys)
        self._memory = memory
        self._first = next(iter(master_keys))
        # begun once: a copy goes on in half the time of a key put in anew
        self._marking = hmac.new(_derived(self._keys[self._first], b"khallas marks"), digestmod="sha256")

    def seal(self, call: str, field: str, secret: Secret) -> bytes:
        """The key's id, nonce and ciphertext of a secret, bound to the call and the field."""
        nonce = os.urandom(_NONCE_BYTES)
        sealed = self._cipher(self._first, call).encrypt(nonce, secret.reveal().encode(), _bound(call, field))
        return self._first.encode() + b":" + nonce + sealed

    def open(self, call: str, field: str, blob: bytes) -> Secret | None:
        """The secret; None when it was not sealed for this call and field by a key still known."""
        key_id, _, rest = blob.partition(b":")
        name = key_id.decode("ascii", "replace")
        if name not in self._keys:
            return None
        try:
            clear = self._cipher(name, call).decrypt(rest[:_NONCE_BYTES], rest[_NONCE_BYTES:], _bound(call, field))
        except (InvalidTag, ValueError):  # too short to hold even a nonce
            return None
        return Secret(clear.decode())

    def card(self, call: str, sealed: Mapping[str, bytes]) -> Card | None:
        """The whole card, when both its fields are still there."""
        if NUMBER not in sealed or EXPIRY not in sealed:
            return None
        number = self.open(call, NUMBER, sealed[NUMBER])
        expiry = self.open(call, EXPIRY, sealed[EXPIRY])
        if number is None or expiry is None:
            return None
        month, year = expiry_of(expiry.reveal())
        return Card(number, month, year)

    def mark(self, dialog: str, typed: str | None) -> int:
        """A mark that tells an answer from another in one dialog without holding it. Never 0, which marks nothing."""
        message = f"{dialog}\n{'' if typed is None else '=' + typed}".encode(errors="replace")
        marking = self._marking.copy()
        marking.update(message)
        return mark_of(marking.digest())

    def key(self, purpose: str) -> bytes:
        """A key for something else that must not be told without the first master key, such as a fingerprint."""
        return _derived(self._keys[self._first], b"khallas for " + purpose.encode())

    def _cipher(self, key_id: str, call: str) -> AESGCM:
        return AESGCM(_derived(self._keys[key_id] + self._memory, b"khallas vault " + call.encode()))


def mark_of(digest: bytes) -> int:
    """The number in the first bytes of a digest. Never 0."""
    return int.from_bytes(digest[:_MARK_BYTES], "big") or 1


def _derived(master_key: bytes, info: bytes) -> bytes:
    return HKDF(algorithm=SHA256(), length=MASTER_KEY_BYTES, salt=None, info=info).derive(master_key)


def _bound(call: str, field: str) -> bytes:
    return f"{call}\n{field}".encode()
