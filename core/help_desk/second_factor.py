"""The desk's second factor: codes of an authenticator (TOTP, RFC 6238) and recovery codes for the day it is lost. Pure.

The shared secret rests sealed (core/sealing.py), under a key that the database does not know and bound to its account's
name; of a recovery code, which is too long to be guessed, a digest rests.
"""

import base64
import hmac
import re
import secrets
import struct
from hashlib import sha256
from urllib.parse import quote

SECRET_BYTES = 20  # RFC 4226 4: 160 bits
STEP_S = 30
DIGITS = 6
STEPS_AROUND = 1  # a telephone's clock is half a minute wrong
RECOVERY_CODES = 8
RECOVERY_CHARS = 24  # of 32: 120 bits, so that a plain digest does (ASVS 6.5.2)
GROUP_CHARS = 4
CODE_CHARS_MAX = 64
ISSUER = "Khallas"
SEALED_FOR = "second factor 1"
_ALPHABET = "ABCDEFGHJKLMNPQRSTUVWXYZ23456789"  # none that is read as another


def fresh_secret() -> bytes:
    """A new secret, which an authenticator and this server share."""
    return secrets.token_bytes(SECRET_BYTES)


def typed_form(secret: bytes) -> str:
    """The secret as it is typed into an authenticator: a multiple of five octets, so that nothing is padded."""
    return base64.b32encode(secret).decode()


def uri(secret: bytes, name: str) -> str:
    """The address that an authenticator reads from a QR code."""
    label = quote(f"{ISSUER}:{name}")
    return f"otpauth://totp/{label}?secret={typed_form(secret)}&issuer={ISSUER}&digits={DIGITS}&period={STEP_S}"


def code_at(secret: bytes, step: int) -> str:
    """The code of one step of 30 seconds (RFC 4226 5.3)."""
    digest = hmac.digest(secret, struct.pack(">Q", step), "sha1")
    at = digest[-1] & 0x0F
    number = struct.unpack(">I", digest[at : at + 4])[0] & 0x7FFFFFFF
    return f"{number % 10**DIGITS:0{DIGITS}}"


def step_of(secret: bytes, typed: str, now_s: float) -> int | None:
    """Returns the time step whose code was typed, of this one and its neighbours; each is compared, whichever fits."""
    digits = re.sub(r"[\s-]", "", typed[:CODE_CHARS_MAX])
    if re.fullmatch(rf"[0-9]{{{DIGITS}}}", digits) is None:
        digits = ""
    fitting = None
    present = int(now_s) // STEP_S
    for step in range(max(0, present - STEPS_AROUND), present + STEPS_AROUND + 1):
        if hmac.compare_digest(code_at(secret, step).encode(), digits.encode()):
            fitting = step
    return fitting


def fresh_recovery_codes() -> tuple[str, ...]:
    """Draws recovery codes: each gets in once, in groups that can be copied by hand."""
    codes = ("".join(secrets.choice(_ALPHABET) for _ in range(RECOVERY_CHARS)) for _ in range(RECOVERY_CODES))
    return tuple(
        "-".join(code[at : at + GROUP_CHARS] for at in range(0, RECOVERY_CHARS, GROUP_CHARS)) for code in codes
    )


def recovery_hash(name: str, typed: str) -> str:
    """The hash that is kept of a recovery code; the same for every way to type it."""
    bare = re.sub(r"[\s-]", "", typed[:CODE_CHARS_MAX]).upper()
    return sha256(f"khallas recovery 1\n{name}\n{bare}".encode(errors="replace")).hexdigest()
