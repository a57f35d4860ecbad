"""Whatever a phone sends, as plain words: the first step before keywords are looked for (protocols/sms.md). Pure."""

import re
import unicodedata

# Arabic letters that keyboards and people use for one another, after NFKD took hamza and madda off their carriers.
_ARABIC = str.maketrans({"ٱ": "ا", "ى": "ي", "ی": "ي", "ې": "ي", "ک": "ك", "ڪ": "ك", "ة": "ه", "ہ": "ه", "ھ": "ه"})

# Letters that look like Latin ones: Cyrillic, Greek (capitals first: phones send capitals), digits, barred letters.
_LOOKALIKES = str.maketrans(
    {
        **dict(zip("авекмнорстухіѕјԁёӏԛԝһ", "abekmhopctyxisjdelqwh", strict=True)),
        **dict(zip("αβεηικμνορστυχζγ", "abehikmnopotyxzy", strict=True)),
        **dict(zip("øđłıɡɑʟ", "odligal", strict=True)),
        **dict(zip("01345", "oleas", strict=True)),
    }
)

_SIGNATURE_RULE = re.compile(r"\s*[-_–—=*~]{2,}\s*")
_SIGNATURE_STARTS = ("envoye de ", "envoye depuis ", "envoye a partir ", "sent from ", "sent via ", "ارسل من ")


def fold(text: str) -> str:
    """Lower case, no accents, marks or tatweel, one form of each letter and digit; anything else is one space.

    Idempotent: folding twice gives what folding once gives.
    """
    words = text
    for _ in range(2):  # casefolding can bring back what normalisation took apart, once
        words = unicodedata.normalize("NFKC", words).casefold()
    chars = unicodedata.normalize("NFKD", words).translate(_ARABIC)
    return " ".join("".join(_plain(char) for char in chars).split())


def _plain(char: str) -> str:
    if char == "ـ":  # tatweel, a letter only by name
        return ""
    category = unicodedata.category(char)
    if category[0] == "L":
        return char
    if category == "Nd":
        return str(unicodedata.decimal(char))
    # accents and vowel marks, bidi and zero-width marks vanish; punctuation, symbols and breaks part words
    return "" if category in {"Mn", "Me", "Cf"} else " "


def without_signature(text: str) -> str:
    """The lines before a rule of dashes or a "sent from my phone"; the whole text when that would leave nothing."""
    lines: list[str] = []
    for line in text.splitlines():
        if _SIGNATURE_RULE.fullmatch(line) or f"{fold(line)} ".startswith(_SIGNATURE_STARTS):
            break
        lines.append(line)
    above = "\n".join(lines)
    return above if above.strip() else text


def latin_lookalikes(word: str) -> str:
    """Letters and digits that look Latin as the Latin letters they look like; a word of digits alone stays."""
    return word if word.isdecimal() else word.translate(_LOOKALIKES)


def has_arabic(text: str) -> bool:
    """Returns whether Arabic letters were written, or, without a letter, Arabic digits: the customer reads Arabic."""
    written = unicodedata.normalize("NFKC", text)
    sign = "ARABIC LETTER" if any(char.isalpha() for char in written) else "ARABIC-INDIC DIGIT"
    return any(sign in unicodedata.name(char, "") for char in written)
