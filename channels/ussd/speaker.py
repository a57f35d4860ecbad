"""A page -> text within a wire's limits, counted in septets or UCS-2 units, never in characters. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial

from channels.wording import Wording
from core.messaging.gsm7 import Coding, coding_of, size
from core.messaging.texts import Texts
from core.money import dh
from core.subscribers.lines import LanguageCode
from sessions.pages import Keys, Layout, Page, PagePosition, PageRow, find, page_at
from sessions.screens.menu import Amount, Capabilities, Menu, Month, Option, Say, Spelled, Words

SECTION = "ussd"
BRIEF = ".brief"  # a shorter text of the same key, for pages that are full
MONTHS_KEPT_MAX = 1_000
LABELS_KEPT_MAX = 1_024  # an option stands on nearly every page of its dialog, in the same words
OPTIONS_MAX = 8  # 9 and 0 move between pages
KEYS = Keys(next="9", back="0")
CAN = Capabilities(channel="ussd", takes_card=False, types_text=True, caller_proven=True)


@dataclass(frozen=True, slots=True)
class PageLimits:
    """What one page of a wire may hold (docs/protocols/ussd.md, Sizes)."""

    septets: int = 160
    units: int = 80

    def fits(self, text: str) -> bool:
        coding = coding_of(text)
        return size(text, coding) <= (self.septets if coding is Coding.GSM7 else self.units)


class UssdFormats:
    """Values as customers read them on a small screen."""

    def amount(self, amount: Amount, language: LanguageCode) -> str:
        return dh(amount.centimes)

    def spelled(self, spelled: Spelled, language: LanguageCode) -> str:
        return spelled.text

    def month(self, month: Month, language: LanguageCode) -> str:
        return _month(month.first_day)


@lru_cache(maxsize=MONTHS_KEPT_MAX)
def _month(first_day: date) -> str:
    return f"{first_day.month:02d}/{first_day.year}"


def compose(text: str, rows: Sequence[PageRow]) -> str:
    """Title lines, then one option a line."""
    return "\n".join([text, *[f"{row.key}. {row.label}" for row in rows]])


class UssdSpeaker:
    """Speaks USSD within one wire's limits."""

    can = CAN

    def __init__(self, texts: Texts, limits: PageLimits) -> None:
        self._wording = Wording(texts, SECTION, UssdFormats())
        self._worded = lru_cache(LABELS_KEPT_MAX)(self._wording.text)
        self._limits = limits
        self._layouts = {language: self._layout(language) for language in LanguageCode}
        self._labels = {language: partial(self._label, language) for language in LanguageCode}

    def page(self, words: Words, notice: Say | None, language: LanguageCode, spot: PagePosition) -> Page:
        """The page of that spot, each with the fullest text that leaves room for an option.

        Raises ValueError when none does: texts are linted against that.
        """
        layout, label = self._layouts[language], self._labels[language]

        def at(begin: int) -> Page:
            for text in self._texts(words, notice, language):
                page = page_at(words, text, label, layout, begin)
                if page is not None and (isinstance(words, Menu) or layout.fits(page.text)):
                    return page
            raise ValueError("a text does not fit its page")

        return find(spot, at)

    def _layout(self, language: LanguageCode) -> Layout:
        return Layout(
            compose=compose,
            fits=self._limits.fits,
            room=self._limits.units if language is LanguageCode.AR else self._limits.septets,
            beside=len("\n1. "),
            keys=KEYS,
            options_max=OPTIONS_MAX,
            next=PageRow(KEYS.next, self._wording.plain(language, "next")),
            back=PageRow(KEYS.back, self._wording.plain(language, "back")),
        )

    def _label(self, language: LanguageCode, option: Option) -> str:
        return self._worded(language, option.label, _tick(option.ticked))

    def _texts(self, words: Words, notice: Say | None, language: LanguageCode) -> Iterator[str]:
        """What may stand above the options, the fullest first. Tick boxes speak for themselves below a notice."""
        say, has, key = self._worded, self._wording.has, words.text.key + BRIEF
        if notice is not None:
            why = say(language, notice)
            yield f"{why}\n{say(language, words.text)}"
            if has(language, key):
                yield f"{why}\n{say(language, words.text, BRIEF)}"
            if isinstance(words, Menu) and words.options and words.options[-1].ticked is not None:
                yield why
        yield say(language, words.text)
        if has(language, key):
            yield say(language, words.text, BRIEF)

    def apology(self, language: LanguageCode) -> str:
        """What is said when the server cannot go on."""
        return self._wording.plain(language, "apology")


def _tick(ticked: bool | None) -> str:
    return "" if ticked is None else ".ticked" if ticked else ".unticked"
