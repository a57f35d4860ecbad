"""How much room a text takes on the air: GSM-7 septets or UCS-2 units (3GPP TS 23.038, facts/sms.md). Pure."""

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


def coding_of(text: str) -> Coding:
    """One character outside GSM-7 turns the whole text into UCS-2."""
    return Coding.GSM7 if all(c in BASIC or c in EXTENDED for c in text) else Coding.UCS2


def size(text: str, coding: Coding | None = None) -> int:
    """Septets (escape pairs count two) or UTF-16 units, by the text's own coding unless told."""
    if (coding or coding_of(text)) is Coding.GSM7:
        return sum(2 if c in EXTENDED else 1 for c in text)
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
    """How many SMS a text costs."""
    return len(parts(text))
