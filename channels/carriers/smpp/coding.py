"""Bytes on the air <-> text: GSM-7 unpacked, Latin-1, UCS-2, and whatever else a peer calls its coding. Pure.

Nothing is refused: an unknown data_coding is read as its bits suggest (3GPP TS 23.038, 4), a byte that means nothing
becomes a replacement character. Septets lie unpacked, one an octet, as SMPP peers exchange them.
"""

import re
from collections.abc import Mapping
from enum import StrEnum

from core.messaging.gsm7 import Coding, coding_of

ESCAPE = 0x1B
GSM_TABLE = (
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞ\x1bÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
GSM_EXTENSION: Mapping[int, str] = {
    0x0A: "\f",
    0x14: "^",
    0x28: "{",
    0x29: "}",
    0x2F: "\\",
    0x3C: "[",
    0x3D: "~",
    0x3E: "]",
    0x40: "|",
    0x65: "€",
}
_TO_GSM = {char: bytes((code,)) for code, char in enumerate(GSM_TABLE) if code != ESCAPE} | {
    char: bytes((ESCAPE, code)) for code, char in GSM_EXTENSION.items()
}

DEFAULT, LATIN1, UCS2 = 0x00, 0x03, 0x08
_PLAIN: Mapping[int, str] = {
    0x01: "ascii",
    LATIN1: "latin-1",
    0x05: "shift_jis",
    0x06: "iso8859-5",
    0x07: "iso8859-8",
    UCS2: "utf-16-be",
    0x0A: "iso2022_jp",
    0x0D: "euc_jp",
    0x0E: "euc_kr",
}


# Latin, Arabic, Tifinagh, signs and emoji
_LIKELY = re.compile(
    "[\r\n\\x20-\u024f\u0300-\u036f\u0600-\u06ff\u0750-\u077f\u2000-\u2bff\u2d30-\u2d7f\ufb50-\ufeff"
    "\U0001f000-\U0001ffff]*"
)


class Alphabet(StrEnum):
    """The alphabet that an SMSC means by data_coding 0."""

    GSM7 = "gsm7"
    LATIN1 = "latin1"


def encode(text: str, alphabet: Alphabet = Alphabet.GSM7) -> tuple[int, bytes]:
    """The data_coding and the octets of a text: the SMSC's default alphabet where it holds the text, else UCS-2."""
    if coding_of(text) is Coding.GSM7:
        if alphabet is Alphabet.GSM7:
            return DEFAULT, b"".join(_TO_GSM[char] for char in text)
        try:
            return DEFAULT, text.encode("latin-1")
        except UnicodeEncodeError:
            pass
    return UCS2, text.encode("utf-16-be", "surrogatepass")


def decode(data_coding: int, data: bytes, alphabet: Alphabet = Alphabet.GSM7) -> str:
    """The text of some octets. Raises nothing."""
    if data_coding == DEFAULT:
        return _default(data, alphabet)
    codec = _PLAIN.get(data_coding) or _by_bits(data_coding)
    return _default(data, alphabet) if codec is None else _drop_mark(data.decode(codec, "replace"))


def heard(data_coding: int, data: bytes, alphabet: Alphabet = Alphabet.GSM7) -> str:
    """The text of a peer that may not mean what it declares: little-endian UCS-2, or ASCII under UCS-2's number.

    Believed is the first reading whose signs are all of scripts that are written here.
    """
    text = decode(data_coding, data, alphabet)
    if (_PLAIN.get(data_coding) or _by_bits(data_coding)) != "utf-16-be" or not data:
        return text
    if data.startswith(b"\xff\xfe"):
        return data[2:].decode("utf-16-le", "replace")
    others = [data.decode("utf-16-le", "replace")] if len(data) % 2 == 0 else []
    others += [data.decode("ascii")] if all(0x20 <= octet < 0x7F or octet in b"\r\n" for octet in data) else []
    return next((each for each in (text, *others) if _LIKELY.fullmatch(each)), text)


def _by_bits(data_coding: int) -> str | None:
    """The codec a data_coding suggests by its bits; None for the default alphabet."""
    group, kind = data_coding >> 4, data_coding >> 2 & 3
    if group == 0xE or (1 <= group < 8 and kind == 2):
        return "utf-16-be"
    if (group == 0xF and kind & 1) or (group < 8 and kind == 1):
        return "latin-1"  # octets of an unknown kind: letters, where they are letters
    return None


def _default(data: bytes, alphabet: Alphabet) -> str:
    # septets have no eighth bit: a peer that sets it sends something else under the same number
    if any(octet > 0x7F for octet in data):
        try:
            return data.decode("utf-8")
        except UnicodeDecodeError:
            return data.decode("latin-1")
    if alphabet is Alphabet.LATIN1:
        return data.decode("latin-1")
    text: list[str] = []
    escaped = False
    for octet in data:
        if escaped:
            text.append(GSM_EXTENSION.get(octet, GSM_TABLE[octet] if octet != ESCAPE else " "))
            escaped = False
        elif octet == ESCAPE:
            escaped = True
        else:
            text.append(GSM_TABLE[octet])
    return "".join(text)


def _drop_mark(text: str) -> str:
    return text.removeprefix("\ufeff")
