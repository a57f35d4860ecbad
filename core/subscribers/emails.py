"""E-mail addresses: the mailbox of RFC 5321 that people have, on hosts of RFC 5890. Pure.

Letters beyond ASCII before the "@" are legal where the mail server says SMTPUTF8 alone; hosts in any script are sent in
their ASCII form (IDNA 2008), which every mail server takes.
"""

import re
import unicodedata

import idna

from core import card_numbers

ADDRESS_OCTETS_MAX, LOCAL_OCTETS_MAX = 254, 64
_ATOM = r"[A-Za-z0-9!#$%&'*+/=?^_`{|}~-]+"
_LOCAL = re.compile(rf"{_ATOM}(?:\.{_ATOM})*")
_LABEL = re.compile(r"[a-z0-9](?:[a-z0-9-]{0,61}[a-z0-9])?")
_DOTS = re.compile("[.\u3002\uff0e\uff61]")  # IDNA's full stops
UNSEEN = frozenset({"Cc", "Cf", "Cs", "Co", "Cn", "Zs", "Zl", "Zp"})  # marks, controls, blanks of any width
_WRITTEN = frozenset("LMN")  # categories of letters, marks and digits


class NotAnAddress(ValueError):
    """The text is no address: nobody has such a one, or no mail server of ours could reach it."""


def email_of(typed: str, *, utf8: bool = False) -> str:
    """An address as it is kept: trimmed, its host in ASCII small letters. Raises NotAnAddress.

    `utf8`: the mail server takes letters beyond ASCII before the "@". A card's number is no address either.
    """
    address = typed.strip(" \t\r\n")
    local, at, host = address.rpartition("@")
    if not at or any(unicodedata.category(c) in UNSEEN for c in address) or card_numbers.holds(address):
        raise NotAnAddress("not an e-mail address")
    kept = f"{_local(local, utf8=utf8)}@{_host(host)}"
    if len(kept.encode()) > ADDRESS_OCTETS_MAX:
        raise NotAnAddress("not an e-mail address")
    return kept


def _local(local: str, *, utf8: bool) -> str:
    # letters beyond ASCII stand where an ASCII letter may
    plain = "".join("x" if utf8 and _is_written(char) else char for char in local)
    if _LOCAL.fullmatch(plain) is None or len(local.encode()) > LOCAL_OCTETS_MAX:
        raise NotAnAddress("not an e-mail address")
    return unicodedata.normalize("NFC", local)


def _is_written(char: str) -> bool:
    return not char.isascii() and unicodedata.category(char)[0] in _WRITTEN


def _host(host: str) -> str:
    labels = [_label(label) for label in _DOTS.split(host)]
    told = ".".join(labels)
    if len(labels) < 2 or labels[-1].isdigit() or len(labels[-1]) < 2:
        raise NotAnAddress("not an e-mail address")
    return told


def _label(label: str) -> str:
    """In ASCII small letters; one in another script, or that says it is, is held to IDNA 2008."""
    lower = label.lower()
    try:
        if not lower.isascii() or lower.startswith("xn--"):
            lower = idna.encode(lower, uts46=True).decode("ascii")
    except (idna.IDNAError, UnicodeError):
        raise NotAnAddress("not an e-mail address") from None
    if _LABEL.fullmatch(lower) is None:
        raise NotAnAddress("not an e-mail address")
    return lower
