"""A CC5Response that is nearly XML, made XML where its meaning is certain (docs/guides/cmi.md, What answers mean).

Rule of this file: only characters are mended, never the tree: nothing is closed, renamed or chosen between. What stays
unreadable is for the caller to call unknown. Pure.
"""

import codecs
import re
from collections.abc import Iterator
from html.entities import name2codepoint

_ROOT_END = b"</CC5Response>"
_ROOT = b"<CC5Response"
_BLANK = b" \t\r\n\x00"
_DECLARED = re.compile(rb"""^<\?xml[^>]{0,80}?encoding\s*=\s*["']([A-Za-z0-9._-]{1,40})["']""")
_CODECS = frozenset({"utf-8", "iso8859-1", "iso8859-9", "iso8859-15", "cp1252", "cp1254", "cp1256", "ascii"})
_XML_NAMES = frozenset({"amp", "lt", "gt", "quot", "apos"})
# a section that takes ampersands as they are, or an ampersand with what makes it an entity
_AMPERSAND = re.compile(
    r"(<!\[CDATA\[.*?\]\]>)|&(?:(#\d{1,7}|#x[0-9A-Fa-f]{1,6})|([A-Za-z][A-Za-z0-9]{1,31}))?(;)?", re.DOTALL
)


def spellings(body: bytes) -> Iterator[bytes | str]:
    """The body without what surrounds it, then with its characters mended; none when it holds more than one answer."""
    trimmed = _cut(body)
    if trimmed is None:
        return
    yield trimmed
    text = _text(trimmed)
    if text is not None:
        yield _AMPERSAND.sub(_mended, text)


def _cut(body: bytes) -> bytes | None:
    """From the declaration to the root's end; white space and NUL around it, and junk behind it, say nothing."""
    if body.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        return body  # its zeros are letters
    body = body.strip(_BLANK).removeprefix(codecs.BOM_UTF8).strip(_BLANK)
    end = body.find(_ROOT_END)
    if end < 0:
        return body  # another alphabet, or no answer: as it is
    rest = body[end + len(_ROOT_END) :]
    return None if _ROOT in rest or _ROOT_END in rest else body[: end + len(_ROOT_END)]


def _text(body: bytes) -> str | None:
    """In the alphabet that it declares, else UTF-8; bytes that are none of it are ISO-8859-1, as bank hosts write.

    None where it declares an alphabet that no host is known to use.
    """
    declared = _DECLARED.match(body)
    try:
        codec = codecs.lookup(declared[1].decode()).name if declared is not None else "utf-8"
    except LookupError:
        return None
    if codec not in _CODECS:
        return None
    text = body.decode("utf-8" if codec == "ascii" else codec, "surrogateescape")
    return "".join(chr(ord(char) - 0xDC00) if "\udc80" <= char <= "\udcff" else char for char in text)


def _mended(match: re.Match[str]) -> str:
    section, number, name, end = match.groups()
    if section is not None or (end and (number or name in _XML_NAMES)):
        return match[0]
    if end and name in name2codepoint:
        return chr(name2codepoint[name])
    return "&amp;" + match[0][1:]
