"""What must rest, and must be told by no copy of a store: sealed under the settings' secret keys. Pure.

Each purpose has keys of its own; what is sealed is bound to what it is about, so that it opens nowhere else. A card is
none of these: sessions/vault.py's keys die with the server.
"""

import os
from collections.abc import Sequence

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_NONCE_BYTES = 12
_KEY_BYTES = 32


class Sealer:
    """Seals under the first key of the settings, opens under any: rotation."""

    def __init__(self, keys: Sequence[str], purpose: str) -> None:
        self._ciphers = [AESGCM(_derived(key, purpose)) for key in keys]

    def seal(self, about: str, clear: bytes) -> bytes:
        """Seals a value under the newest key. Raises IndexError where there is no key."""
        nonce = os.urandom(_NONCE_BYTES)
        return nonce + self._ciphers[0].encrypt(nonce, clear, about.encode(errors="replace"))

    def open(self, about: str, sealed: bytes) -> tuple[bytes, bool] | None:
        """(clear, sealed under a former key); None when no key that is known sealed it for this."""
        for place, cipher in enumerate(self._ciphers):
            try:
                opened = cipher.decrypt(sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:], about.encode(errors="replace"))
            except (InvalidTag, ValueError):
                continue
            return opened, place > 0
        return None


def _derived(key: str, purpose: str) -> bytes:
    info = f"khallas {purpose}".encode()
    return HKDF(algorithm=SHA256(), length=_KEY_BYTES, salt=None, info=info).derive(key.encode())
