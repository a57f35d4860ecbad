"""Octets of a peer as text: UTF-8, else what it declares, else Latin-1. Pure; refuses nothing.

A dialog ends where its gateway hears 400, and a customer who typed an accent has done nothing wrong.
"""

import re
from collections.abc import Mapping

LATIN1 = "latin-1"  # of any octets a text
_DECLARED = re.compile(r"""charset\s*=\s*["']?([A-Za-z0-9_.:-]{1,32})""", re.IGNORECASE)
# Names in lower case, without signs. Those of two octets a letter read as UTF-8 too: what is declared so is believed.
_WIDE: Mapping[str, str] = {
    "utf16": "utf-16",
    "utf16be": "utf-16-be",
    "utf16le": "utf-16-le",
    "ucs2": "utf-16-be",
    "iso10646ucs2": "utf-16-be",
}
_NARROW: Mapping[str, str] = {
    "iso88591": LATIN1,
    "latin1": LATIN1,
    "iso885915": "iso8859-15",
    "latin9": "iso8859-15",
    "iso88596": "iso8859-6",
    "windows1252": "cp1252",
    "cp1252": "cp1252",
    "windows1256": "cp1256",
    "cp1256": "cp1256",
}
_NO_SIGN = re.compile("[^a-z0-9]")
_MARKS = ((b"\xef\xbb\xbf", "utf-8"), (b"\xff\xfe", "utf-16-le"), (b"\xfe\xff", "utf-16-be"))


def declared_in(content_type: str) -> str:
    """The charset that a Content-Type names, "" for none."""
    match = _DECLARED.search(content_type)
    return match[1] if match else ""


def text_of(octets: bytes, declared: str = "") -> str:
    """The text of octets that are at least ASCII where they are ASCII, marks and all. Raises nothing."""
    for codec in ("utf-8", _NARROW.get(_name(declared))):
        if codec is not None and (text := _decoded(octets, codec)) is not None:
            return text
    return octets.decode(LATIN1)


def body_of(octets: bytes, declared: str = "") -> str:
    """The text of a whole body: a byte order mark outranks everything and is no part of it. Raises nothing."""
    for mark, codec in _MARKS:
        if octets.startswith(mark):
            return octets.removeprefix(mark).decode(codec, "replace")
    wide = _WIDE.get(_name(declared))
    text = None if wide is None else _decoded(octets, wide)
    return text_of(octets, declared) if text is None else text


def _name(declared: str) -> str:
    return _NO_SIGN.sub("", declared.lower())


def _decoded(octets: bytes, codec: str) -> str | None:
    try:
        return octets.decode(codec)
    except UnicodeDecodeError:
        return None
