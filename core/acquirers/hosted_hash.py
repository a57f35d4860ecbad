"""The hash of CMI's hosted page, hashAlgorithm ver3, in every reading that gateways are known to sign by.

Each reading is a whole SHA-512 with the store key at its end, over values that nobody without that key can alter; what
a reading leaves out of the hash is left out of what is believed too. Pure.
"""

import base64
import hashlib
import hmac
import re
from collections.abc import Callable, Iterator, Mapping, Sequence
from functools import cmp_to_key
from html.entities import name2codepoint

from core.acquirers.hosted_names import GATEWAY_NAMES, GATEWAY_PREFIXES, UNSIGNED_NAMES
from core.cards import Secret

UTF_8, LATIN_1 = "utf-8", "iso-8859-1"
CHARSETS: Mapping[str, str] = {
    UTF_8: UTF_8,
    "utf8": UTF_8,
    LATIN_1: LATIN_1,
    "latin1": LATIN_1,
    "iso-8859-9": "iso-8859-9",
    "iso-8859-15": "iso-8859-15",
    "windows-1252": "cp1252",
    "windows-1254": "cp1254",
    "windows-1256": "cp1256",
}
CHARSET_FIELDS = ("encoding", "_charset_")
_UNHASHED = frozenset({"hash", "encoding"})
_OPTIONAL = frozenset({"nationalidno"})  # one bank leaves it out of its own hash
_RUNS = re.compile(r"\d+|\D", re.ASCII)
_ENTITY = re.compile(r"&(?:#(\d{1,7})|#[xX]([0-9a-fA-F]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}));")

Fields = Mapping[str, str]
Order = Callable[[Sequence[str]], list[str]]
Spelling = Callable[[str], str]


def ver3_hash(fields: Fields, store_key: Secret) -> str:
    """Hashes by our own reading, as the form is signed: trimmed values in the case-insensitive order of their names."""
    return _digest(_joined(fields, _by_letters, str.strip, store_key).encode())


def charset_of(fields: Fields) -> str | None:
    """The codec that a post names for itself; None where it names none, or one that no gateway is known to use."""
    lowered = {name.lower(): text for name, text in fields.items()}
    named = (lowered.get(name, "").strip().lower() for name in CHARSET_FIELDS)
    return next((CHARSETS[name] for name in named if name in CHARSETS), None)


def signed_part(fields: Fields, signature: str, store_key: Secret) -> Fields | None:
    """The fields that the hash covers in the first reading that agrees with it; None is a forgery.

    Every reading is compared in constant time, and all of them whatever the first one says.
    """
    signature = signature.strip().replace(" ", "+")  # an unescaped + of a form is read as a space
    encodings = dict.fromkeys((UTF_8, charset_of(fields) or LATIN_1, LATIN_1))
    agreed: Fields | None = None
    for part in _parts(fields):
        texts = {_joined(part, order, spelling, store_key) for order in _ORDERS for spelling in _SPELLINGS}
        raw = {encoded for text in texts for name in encodings if (encoded := _encoded(text, name)) is not None}
        agrees = [hmac.compare_digest(_digest(one).encode(), signature.encode()) for one in raw]
        if any(agrees) and agreed is None:
            agreed = part
    return agreed


def _parts(fields: Fields) -> Iterator[Fields]:
    """What may stand below the hash: all; without what is never signed; and so on. Each set once."""
    seen: set[frozenset[str]] = set()
    for left_out in (_nothing, _unsigned, _optional, _unknown):
        part = {name: text for name, text in fields.items() if not left_out(name.lower())}
        names = frozenset(part)
        if names not in seen:
            seen.add(names)
            yield part


def _nothing(name: str) -> bool:
    return name in _UNHASHED


def _unsigned(name: str) -> bool:
    return name in _UNHASHED or name in UNSIGNED_NAMES


def _optional(name: str) -> bool:
    return _unsigned(name) or name in _OPTIONAL


def _unknown(name: str) -> bool:
    return _unsigned(name) or not (name in GATEWAY_NAMES or name.startswith(GATEWAY_PREFIXES))


def _joined(fields: Fields, order: Order, spelling: Spelling, store_key: Secret) -> str:
    values = [_escaped(spelling(fields[name])) for name in order(list(fields)) if name.lower() not in _UNHASHED]
    return "|".join([*values, _escaped(store_key.reveal().strip())])


def _escaped(text: str) -> str:
    return text.replace("\\", "\\\\").replace("|", "\\|")


def _digest(joined: bytes) -> str:
    return base64.b64encode(hashlib.sha512(joined).digest()).decode()


def _encoded(text: str, codec: str) -> bytes | None:
    try:
        return text.encode(codec)
    except UnicodeEncodeError:
        return None


def _by_letters(names: Sequence[str]) -> list[str]:
    return sorted(names, key=str.lower)


def _natural(names: Sequence[str]) -> list[str]:
    """The kit's order: letters without their case, and numbers by their size (…1, …2, …10)."""
    return sorted(names, key=cmp_to_key(_compare))


def _compare(one: str, other: str) -> int:
    left, right = _RUNS.findall(one.upper()), _RUNS.findall(other.upper())
    for a, b in zip(left, right, strict=False):
        if a != b and not (a.isdigit() and b.isdigit() and int(a) == int(b)):
            numbers = a.isdigit() and b.isdigit()
            return -1 if (int(a) < int(b) if numbers else a < b) else 1
    return len(left) - len(right)


def kit_text(text: str) -> str:
    """A value as the kit signs it: one newline off its end, HTML's entities decoded, nothing trimmed."""
    return _ENTITY.sub(_character, text.removesuffix("\n"))


def _character(match: re.Match[str]) -> str:
    decimal, hexadecimal, name = match.groups()
    if name is not None:
        return chr(name2codepoint[name]) if name in name2codepoint else match[0]
    code = int(decimal) if decimal is not None else int(hexadecimal, 16)
    sound = code in {9, 10, 13} or 0x20 <= code < 0x7F or 0xA0 <= code < 0xD800 or 0xE000 <= code <= 0x10FFFD
    return chr(code) if sound else match[0]


_ORDERS: tuple[Order, ...] = (_by_letters, _natural)
_SPELLINGS: tuple[Spelling, ...] = (str.strip, kit_text)
