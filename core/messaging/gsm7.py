"""How much room a text takes on the air: GSM-7 septets or UCS-2 units (3GPP TS 23.038, docs/protocols/sms.md). Pure."""

import re
from enum import StrEnum

BASIC = frozenset(
    "@£$¥èéùìòÇ\nØø\rÅåΔ_ΦΓΛΩΠΨΣΘΞÆæßÉ !\"#¤%&'()*+,-./0123456789:;<=>?"
    "¡ABCDEFGHIJKLMNOPQRSTUVWXYZÄÖÑÜ§¿abcdefghijklmnopqrstuvwxyzäöñüà"
)
EXTENDED = frozenset("\f^{}\\[~]|€")

SEPTETS_ONE, SEPTETS_PART = 160, 153
UNITS_ONE, UNITS_PART = 70, 67


class Coding(StrEnum):
    """The two alphabets a network carries."""

    GSM7 = "gsm7"
    UCS2 = "ucs2"


_ESCAPED = re.compile(f"[{re.escape(''.join(EXTENDED))}]")
_FOREIGN = re.compile(f"[^{re.escape(''.join(BASIC | EXTENDED))}]")


def coding_of(text: str) -> Coding:
    """Chooses a text's alphabet: one character outside GSM-7 turns the whole text into UCS-2."""
    return Coding.GSM7 if _FOREIGN.search(text) is None else Coding.UCS2


def size(text: str, coding: Coding | None = None) -> int:
    """Septets (escape pairs count two) or UTF-16 units, by the text's own coding unless told."""
    if (coding or coding_of(text)) is Coding.GSM7:
        return len(text) + len(_ESCAPED.findall(text))
    return len(text.encode("utf-16-be")) // 2


def parts(text: str, coding: Coding | None = None) -> tuple[str, ...]:
    """The segments an SMS is cut into, by its own coding unless told; an escape or surrogate pair is never split."""
    coding = coding or coding_of(text)
    one, part = (SEPTETS_ONE, SEPTETS_PART) if coding is Coding.GSM7 else (UNITS_ONE, UNITS_PART)
    if size(text, coding) <= one:
        return (text,)
    cut: list[str] = []
    current, room = "", part
    for char in text:
        cost = size(char, coding)
        if cost > room:
            cut.append(current)
            current, room = "", part
        current += char
        room -= cost
    return (*cut, current)


def segments(text: str) -> int:
    """Returns how many SMS a text costs."""
    return len(parts(text))
