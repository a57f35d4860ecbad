"""A page -> text within a wire's limits, counted in septets or UCS-2 units, never in characters. Pure."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from functools import lru_cache, partial

from channels.wording import Wording
from core.languages import LANGUAGES, LanguageCode, Letters
from core.messaging.bidi import in_order
from core.messaging.gsm7 import Coding, coding_of, size
from core.messaging.texts import Texts
from core.money import dh
from sessions.pages import Keys, Layout, Page, PagePosition, PageRow, find, page_at
from sessions.screens.menu import Amount, Capabilities, Menu, Month, Option, Say, Spelled, Words

SECTION = "ussd"
CURRENCY = " DH"
BRIEF = ".brief"  # a shorter text of the same key, for pages that are full
MONTHS_KEPT_MAX = 1_000
LABELS_KEPT_MAX = 1_024  # an option stands on nearly every page of its dialog, in the same words
OPTIONS_MAX = 8  # 9 and 0 move between pages
BILLS_WANTED = 2  # a page: a briefer text is taken where the fullest leaves room for fewer
KEYS = Keys(next="9", back="0")
CAN = Capabilities(channel="ussd", takes_card=False, types_text=True, caller_proven=True)


@dataclass(frozen=True, slots=True)
class PageLimits:
    """The bounds of one page of a wire (docs/protocols/ussd.md, Sizes)."""

    septets: int = 160
    units: int = 80

    def fits(self, text: str) -> bool:
        coding = coding_of(text)
        return size(text, coding) <= (self.septets if coding is Coding.GSM7 else self.units)


class UssdFormats:
    """Values as customers read them on a small screen."""

    def amount(self, amount: Amount, language: LanguageCode) -> str:
        shown = dh(amount.centimes)
        return shown.removesuffix(CURRENCY) if amount.listed and _half_the_room(language) else shown

    def spelled(self, spelled: Spelled, language: LanguageCode) -> str:
        return spelled.text

    def month(self, month: Month, language: LanguageCode) -> str:
        return _short_month(month.first_day) if _half_the_room(language) else _month(month.first_day)


@lru_cache(maxsize=MONTHS_KEPT_MAX)
def _month(first_day: date) -> str:
    return f"{first_day.month:02d}/{first_day.year}"


@lru_cache(maxsize=MONTHS_KEPT_MAX)
def _short_month(first_day: date) -> str:
    """Where there is half the room."""
    return f"{first_day:%m/%y}"


def _half_the_room(language: LanguageCode) -> bool:
    """Letters outside of GSM-7 take two octets each."""
    return LANGUAGES[language].letters is not Letters.LATIN


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
        label = lru_cache(LABELS_KEPT_MAX)(self._label)
        self._labels = {language: partial(label, language) for language in LanguageCode}

    def page(self, words: Words, notice: Say | None, language: LanguageCode, spot: PagePosition) -> Page:
        """The page of that spot, each with the fullest text that leaves room for an option.

        Raises ValueError when none does: texts are linted against that.
        """
        layout, label = self._layouts[language], self._labels[language]
        is_list, is_menu = _is_list(words), isinstance(words, Menu)

        def at(begin: int) -> Page:
            for texts in self._texts(words, notice, language, is_list=is_list):
                best: Page | None = None
                for text in texts:
                    page = page_at(words, text, label, layout, begin)
                    if page is None or page.text.startswith("\n"):
                        continue
                    if not (is_menu or self._limits.fits(page.text)):  # a menu was cut so that it fits
                        continue
                    if best is None or page.end > best.end:
                        best = page
                    if not is_list or page.end - page.begin >= BILLS_WANTED:
                        break
                if best is not None:
                    return best
            raise ValueError("a text does not fit its page")

        return find(spot, at)

    def _layout(self, language: LanguageCode) -> Layout:
        return Layout(
            compose=compose,
            fits=self._limits.fits,
            room=self._limits.units if _half_the_room(language) else self._limits.septets,
            beside=len("\n1. "),
            keys=KEYS,
            options_max=OPTIONS_MAX,
            next=PageRow(KEYS.next, self._wording.plain(language, "next")),
            back=PageRow(KEYS.back, self._wording.plain(language, "back")),
            where=partial(in_order, language),
        )

    def _label(self, language: LanguageCode, option: Option) -> str:
        return self._worded(language, option.label, _tick(option.ticked))

    def _texts(
        self, words: Words, notice: Say | None, language: LanguageCode, *, is_list: bool
    ) -> Iterator[tuple[str, ...]]:
        """What may stand above the options, the fullest first; with a notice, and where it does not fit, without.
        Tick boxes speak for themselves below a notice, and below their place in a list of many pages."""
        say, has, key = self._worded, self._wording.has, words.text.key + BRIEF
        plain = [say(language, words.text)]
        if has(language, key):
            plain.append(say(language, words.text, BRIEF))
        if notice is not None:
            why = say(language, notice)
            yield (*(f"{why}\n{text}" for text in plain), *((why,) if is_list else ()))
        yield (*plain, "") if is_list else tuple(plain)

    def apology(self, language: LanguageCode) -> str:
        """The apology that is shown when the server cannot go on."""
        return self._wording.plain(language, "apology")


def _is_list(words: Words) -> bool:
    """Whether tick boxes are asked for."""
    return isinstance(words, Menu) and bool(words.options) and words.options[-1].ticked is not None


def _tick(ticked: bool | None) -> str:
    return "" if ticked is None else ".ticked" if ticked else ".unticked"
