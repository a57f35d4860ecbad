"""What a caller reads out of a receipt, a mail or a bank's slip, and what it may mean. Pure.

Numbers come behind their names, in quotes, with other dashes, without their zeros, in the order in which a page in
Arabic shows them; cards as CMI prints them, beside a day that stands before or after.
"""

import re
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from core.help_desk.spoken_days import in_figures
from core.names import folded
from core.subscribers.emails import email_of
from core.typed import TYPED_CHARS_MAX, plain
from core.zone import ZONE

CHARS_MAX = 100
PADDED_DIGITS_MIN, PADDED_TO_MAX = 3, 16  # people leave zeros out: authorisations of 6 digits, bills of up to 16
NAME_LETTERS_MIN, NAME_WORDS_MAX = 4, 6
_WORD = re.compile(r"[^\W\d_]+")
_AROUND = " '\"`«»“”.,;:!?()[]{}<>#*-/=•"
_NAMED = re.compile(
    r"(?:n(?:um[eé]ro|um|o|[°ºo.])?|re[cç]u|receipt|facture|bill|invoice|paiement|payment|transaction|trans|auth\w*"
    r"|ref\w*|r[eé]f\w*|code|autorisation|رقم|الوصل|وصل|الفاتورة|فاتورة|الأداء|أداء|العملية|عملية|المعاملة)"
    r"(?:\s*[°ºo]\b|\s*[.:#'°]+|(?=\s)|(?=\d))\s*",
    re.IGNORECASE,
)
NAMES_MAX = 4  # "Reçu N° :"
_RECEIPT = re.compile(
    r"(?:[A-Za-z]{1,3}\s*[-./]?\s*)?(?P<year>20\d\d)(?:\s*[-/_.]\s*|\s+)(?P<sequence>\d{1,18})|(?P<y>20\d\d)(?P<s>\d{8})"
)
_REVERSED = re.compile(r"(?P<sequence>\d{1,18})\s*[-/_.]\s*(?P<year>20\d\d)|(?P<s>\d{8,18})\s+(?P<y>20\d\d)")
_APART = re.compile(r"[\s.\-/]")
_LOOKALIKES = str.maketrans("OoIil", "00111")
LOOKALIKES_DIGITS_MIN = 3  # digits beside them
_DAY = (
    r"(?:(?P<year>\d{4})[-/.](?P<month>\d{1,2})[-/.](?P<day>\d{1,2})"
    r"|(?P<d>\d{1,2})[/.\-](?P<m>\d{1,2})(?:[/.\-](?P<y>\d{4}|\d{2}))?"
    r"|(?P<d2>\d{1,2}) (?P<m2>\d{1,2}) (?P<y2>\d{4}))"
)
# four digits, behind a mask or the first digits and a mask
_CARD = r"(?:(?:\d{4}[ -]?(?:\d{1,4}[ -]?)?)?[*x•·.#…][*x•·.#… -]*)?(?P<last4>\d{4})"
_BETWEEN = r"[\s,;:|()/\-·•]+"
_CARD_AND_DAY = re.compile(rf"{_CARD}{_BETWEEN}{_DAY}")
_DAY_AND_CARD = re.compile(rf"{_DAY}{_BETWEEN}{_CARD}")


@dataclass(frozen=True, slots=True)
class CardAndDay:
    """Four digits of a card and a day on Moroccan clocks, as the moments it begins and ends."""

    last4: str
    begins: datetime
    ends: datetime


def bare(text: str) -> str:
    """The text without names before it and signs around it, in one form of digits and dashes."""
    number = plain(text[:CHARS_MAX]).strip(_AROUND)
    for _ in range(NAMES_MAX):
        match = _NAMED.match(number)
        if match is None or match.end() == len(number):
            break
        number = number[match.end() :].strip(_AROUND)
    words = number.split()
    numbers = [at for at, word in enumerate(words) if any(map(str.isdigit, word))]
    # what is said around it ("mon code est 121306, merci") is no part of a number
    return " ".join(words[numbers[0] : numbers[-1] + 1]).strip(_AROUND) if numbers else number


def spellings(text: str) -> set[str]:
    """Returns how the number may be kept: as it was said, without blanks, in capitals, with the zeros
    that nobody says.
    """
    as_said, number = " ".join(plain(text[:CHARS_MAX]).split()), bare(text)
    together = re.sub(r"\s", "", number)
    found = {as_said, number, together, as_said.upper(), together.upper()}
    apart = _APART.sub("", number)
    alike = apart.translate(_LOOKALIKES)
    if alike.isascii() and alike.isdigit() and sum(map(str.isdigit, apart)) >= LOOKALIKES_DIGITS_MIN:
        together = alike  # in groups, or with letters for digits
        found |= {apart, alike}
    if together.isascii() and together.isdigit() and len(together) >= PADDED_DIGITS_MIN:
        found |= {together.zfill(length) for length in range(PADDED_TO_MAX + 1)}
    return found - {""}


def address_in(text: str) -> str | None:
    """An e-mail address, as it is compared; None for anything else, a longer text than is read among it."""
    if len(text) > TYPED_CHARS_MAX:
        return None
    try:
        return email_of(plain(text).strip(" <>\"'.,;:()"), utf8=True).lower()
    except ValueError:
        return None


def name_in(text: str) -> str:
    """A name's words, without their accents; empty for what has a digit in it, or too few letters to be one."""
    words = _WORD.findall(folded(plain(text[:CHARS_MAX])))
    few = sum(map(len, words)) < NAME_LETTERS_MIN
    return "" if few or any(c.isdigit() or c == "@" for c in text) else " ".join(words[:NAME_WORDS_MAX])


def receipt_read_out(text: str) -> tuple[int, int] | None:
    """Year and number of a receipt, in the order of either script; None for anything else."""
    number = bare(text)
    match = _RECEIPT.fullmatch(number)
    if match is not None:
        return int(match["year"] or match["y"]), int(match["sequence"] or match["s"])
    match = _REVERSED.fullmatch(number)
    return (int(match["year"] or match["y"]), int(match["sequence"] or match["s"])) if match is not None else None


def card_and_day(text: str, today: date | None = None) -> CardAndDay | None:
    """ "0010 23/11/2026", "le 23 novembre 2026, Visa 400000******0010" or, when `today` is told, "0010 23/11": the last
    such day."""
    spelled = in_figures(plain(text[:CHARS_MAX]), today).strip(" '\"`,;:!?()[].")
    match = _CARD_AND_DAY.fullmatch(spelled) or _DAY_AND_CARD.fullmatch(spelled)
    if match is None:
        return None
    try:
        day = _day(match, today)
        begins = datetime(day.year, day.month, day.day, tzinfo=ZONE)
        after = day + timedelta(days=1)
    except (ValueError, OverflowError):
        return None
    return CardAndDay(match["last4"], begins, datetime(after.year, after.month, after.day, tzinfo=ZONE))


def _day(match: re.Match[str], today: date | None) -> date:
    """Raises ValueError."""
    if match["year"]:
        return date(int(match["year"]), int(match["month"]), int(match["day"]))
    day, month = (int(match[name] or match[f"{name}2"]) for name in "dm")
    if year := match["y"] or match["y2"]:
        return date(int(year) if len(year) == 4 else 2000 + int(year), month, day)
    if today is None:
        raise ValueError("a day wants its year")
    this_year = date(today.year, month, day)
    return this_year if this_year <= today else date(today.year - 1, month, day)
