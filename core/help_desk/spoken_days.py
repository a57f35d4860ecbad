"""A day as people say it beside a card's last digits, in figures: "le 29 novembre à 13h05", "hier", "Nov 29, 2026".

Pure. What is no day is left as it is, for whoever reads on (core/help_desk/read_out.py).
"""

import re
import unicodedata
from collections.abc import Mapping
from datetime import date, timedelta

# how months begin, without accents and hamzas, in French, English and the Arabic of Morocco and of the East
MONTHS: Mapping[int, tuple[str, ...]] = {
    1: ("jan", "يناير"),
    2: ("fev", "feb", "فبراير"),
    3: ("mar", "مارس"),
    4: ("avr", "apr", "ابريل"),
    5: ("mai", "may", "ماي"),
    6: ("juin", "jun", "يوني"),
    7: ("juil", "jul", "يولي"),
    8: ("aou", "aug", "غشت", "اغسطس"),
    9: ("sep", "شتنبر", "سبتمبر"),
    10: ("oct", "اكتوبر"),
    11: ("nov", "نونبر", "نوفمبر"),
    12: ("dec", "دجنبر", "ديسمبر"),
}
DAYS_AGO: Mapping[str, int] = {
    **dict.fromkeys(("aujourd'hui", "today", "اليوم", "ce matin", "ce soir", "this morning", "this evening"), 0),
    **dict.fromkeys(("avant-hier", "avant hier", "اول امس"), 2),
    **dict.fromkeys(("hier", "yesterday", "امس", "البارح"), 1),
}
_BY_NAME = {name: number for number, names in MONTHS.items() for name in names}
_NAMES = "|".join(_BY_NAME)  # none begins as another does
_YEAR = r"(?:\s*,?\s+(?P<year>20\d\d)(?!\d))?"
_DAY_FIRST = re.compile(rf"\b(?P<day>\d{{1,2}})(?:er|st|nd|rd|th)?\s+(?:of\s+)?(?P<month>{_NAMES})[^\W\d_]*\.?{_YEAR}")
_MONTH_FIRST = re.compile(rf"\b(?P<month>{_NAMES})[^\W\d_]*\.?\s+(?P<day>\d{{1,2}})(?:st|nd|rd|th)?(?!\d){_YEAR}")
_CLOCK = re.compile(r"(?:\b(?:a|at)\s+|(?<=\d)t|\s)\d{1,2}\s*(?:[:h]\s*\d{2}(?::\d{2})?|h)(?!\d)")
_WORD = re.compile(r"[^\W\d_]+['.]?")


def in_figures(text: str, today: date | None) -> str:
    """Small letters without accents or hamzas; days in figures, the time of day and words left out. Masks stay."""
    decomposed = unicodedata.normalize("NFKD", text.lower())
    said = "".join(char for char in decomposed if not unicodedata.combining(char))
    if today is not None:
        for words, ago in DAYS_AGO.items():
            said = said.replace(words, f"{today - timedelta(days=ago):%d/%m/%Y}")
    said = _CLOCK.sub(" ", said)
    said = _MONTH_FIRST.sub(_figures, _DAY_FIRST.sub(_figures, said))
    return " ".join(_WORD.sub(_left_out, said).split())


def _left_out(match: re.Match[str]) -> str:
    return match[0] if set(match[0]) == {"x"} else " "


def _figures(match: re.Match[str]) -> str:
    day = f"{match['day']}/{_BY_NAME[match['month']]}"
    return f"{day}/{match['year']}" if match["year"] else day
