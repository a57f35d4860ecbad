"""What people type on handsets and keypads, as they meant it: one reading for every wire and every door. Pure.

Digits of any script count, marks that nobody sees do not, and the signs people put between, before and after digits
say nothing. A text of 7 or 15 letters comes with an eighth that nobody typed: the septet that fills its last octet
reads as `@`, CR or NUL (3GPP TS 23.038, 6.1.2.3).
"""

import re
import unicodedata

PADDING = "@\r\x00"
TYPED_CHARS_MAX = 200  # of one answer that are looked at
CHOICE_DIGITS_MAX = 3

# marks that are written over or around a sign (combining ones: accents, keycaps), and what shows nothing at all
_UNSEEN = frozenset({"Mn", "Me", "Cf", "Cc", "Cs", "Co", "Cn"})
_DIGITS = frozenset("0123456789")
_BLANK = frozenset({"Zs", "Zl", "Zp"})
_BETWEEN = frozenset("-.+/()[]{}\\_:;,|'\"`·•~=<>#°")
_AROUND = "".join(sorted(_BETWEEN)) + "!?& "
_URI = re.compile(r"(?:(?:sips?|tel):)?\s*(?P<number>[^@;:a-z]+?)\s*(?:[@;:].*)?", re.IGNORECASE | re.DOTALL)
_WRAPS = " \"'<>[],.;#"
_NAMED = re.compile(
    r"\s*(?:t[eé]l(?:[eé]phone)?|phone|sms|num[eé]ro|num|n[°ºo]|رقم)\s*[.:]?\s*(?=[+(\[\d])", re.IGNORECASE
)


def tidy(text: str) -> str:
    """A typed text without padding at its end and without blanks and unseen marks around it; what is within stays."""
    head = text[: TYPED_CHARS_MAX + 1]
    start, end = 0, len(head)
    while end > start and (head[end - 1] in PADDING or _is_nothing(head[end - 1])):
        end -= 1
    while start < end and _is_nothing(head[start]):
        start += 1
    return head[start:end]


def plain(text: str) -> str:
    """Writes each sign in its one form: digits of any script as ASCII, blanks as spaces, dashes as "-",
    nothing unseen.
    """
    return "".join(map(_plain, text[: TYPED_CHARS_MAX + 1]))


def key_of(text: str) -> str:
    """The key that was meant: "1#", "1.", "(1)", " 1 " and "١" are 1. What is no number stays as it is."""
    if text.isascii() and text.isdigit():
        return text
    typed = plain(tidy(text)).strip()
    meant = typed.strip(_AROUND)
    return meant if meant.isascii() and meant.isdigit() else typed


def choice_of(text: str) -> str:
    """The key that was meant on a menu, where zeros before a key say nothing: "01" is 1."""
    key = key_of(text)
    return key.lstrip("0") or "0" if key.isascii() and key.isdigit() and len(key) <= CHOICE_DIGITS_MAX else key


def digits_typed(text: str) -> str | None:
    """The digits of a number that was typed in groups, brackets or behind its name; None where letters stand."""
    if text.isascii() and text.isdigit():
        return text
    if len(text) > TYPED_CHARS_MAX:
        return None
    spelled = _NAMED.sub("", plain(tidy(text)), count=1).strip(" !?&")
    digits = "".join(sign for sign in spelled if sign in _DIGITS)
    rest = (sign for sign in spelled if sign not in _DIGITS and sign != " ")
    return digits if digits and all(sign in _BETWEEN for sign in rest) else None


def number_typed(text: str) -> str | None:
    """A telephone number as networks, SIP and phone books write it: its digits, behind a plus where it has one.

    Of a URI only the user's part counts, of a name-addr what stands in its brackets; None where letters stand.
    """
    bare = text.removeprefix("+")
    if bare.isascii() and bare.isdigit():
        return text
    spelled = plain(tidy(text)).strip()
    if spelled.endswith(">") and "<" in spelled:
        spelled = spelled.rpartition("<")[2]
    match = _URI.fullmatch(spelled.strip(_WRAPS))
    number = "" if match is None else _NAMED.sub("", match["number"], count=1)
    plus = "+" if number.lstrip(" (").startswith("+") else ""
    signs = number.removeprefix(number[: number.find("+") + 1]) if plus else number
    digits = "".join(sign for sign in signs if sign in _DIGITS)
    rest = {sign for sign in signs if sign not in _DIGITS and sign != " "}
    return plus + digits if digits and rest <= _BETWEEN - {"+"} else None


def heard_once(digits: str, most: int) -> str:
    """More digits than there can be, each of them twice, are keys that were heard as sound and as event."""
    once = digits[::2]
    return once if len(digits) > most and digits[1::2] == once else digits


def maybe_twice(digits: str, least: int) -> bool:
    """Returns whether a field that has room for both may hold digits as they were typed, or each of them
    heard twice.
    """
    once = digits[::2]
    return len(once) >= least and len(digits) % 2 == 0 and digits[1::2] == once


def _is_nothing(sign: str) -> bool:
    return sign.isspace() or unicodedata.category(sign) in {"Cf", "Cc"}


def _plain(sign: str) -> str:
    if " " <= sign <= "~":
        return sign
    category = unicodedata.category(sign)
    if category == "Nd":
        return str(unicodedata.decimal(sign))
    if category in _BLANK or sign in "\t\r\n":
        return " "
    if category in _UNSEEN:
        return ""
    if category == "Pd" or sign == "\N{MINUS SIGN}":
        return "-"
    if category in {"Pi", "Pf"} or sign == "\N{ACUTE ACCENT}":
        return "'"
    # wide brackets and letters as narrow ones; "²" and "①" are no digits that a keypad types
    return sign if category == "No" else unicodedata.normalize("NFKC", sign)
