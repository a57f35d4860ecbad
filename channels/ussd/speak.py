"""A page -> text within a wire's limits, counted in septets or UCS-2 units, never in characters. Pure."""

from collections.abc import Sequence
from dataclasses import dataclass

from channels.wording import Wording
from core.gsm7 import Coding, coding_of, size
from core.money import dh
from core.subscribers import Language
from core.texts import Texts
from sessions.pages import Keys, Layout, Page, Row, pages
from sessions.screen import Amount, Capabilities, Menu, Month, Say, Spelled, Words

SECTION = "ussd"
BRIEF = ".brief"  # a shorter text of the same key, for pages that are full
OPTIONS_MAX = 8  # 9 and 0 move between pages
KEYS = Keys(next="9", back="0")
CAN = Capabilities(channel="ussd", takes_card=False, types_text=True, caller_proven=True)


@dataclass(frozen=True, slots=True)
class Limits:
    """What one page of a wire may hold (facts/ussd.md, Sizes)."""

    septets: int = 160
    units: int = 80

    def fits(self, text: str) -> bool:
        coding = coding_of(text)
        return size(text, coding) <= (self.septets if coding is Coding.GSM7 else self.units)


class UssdFormats:
    """Values as customers read them on a small screen."""

    def amount(self, amount: Amount, language: Language) -> str:
        return dh(amount.centimes)

    def spelled(self, spelled: Spelled, language: Language) -> str:
        return spelled.text

    def month(self, month: Month, language: Language) -> str:
        return f"{month.first_day.month:02d}/{month.first_day.year}"


def compose(text: str, rows: Sequence[Row]) -> str:
    """Title lines, then one option a line."""
    return "\n".join((text, *(f"{row.key}. {row.label}" for row in rows)))


class UssdSpeaker:
    """Speaks USSD within one wire's limits."""

    can = CAN

    def __init__(self, texts: Texts, limits: Limits) -> None:
        self._wording = Wording(texts, SECTION, UssdFormats())
        self._limits = limits

    def pages(self, words: Words, notice: Say | None, language: Language) -> tuple[Page, ...]:
        """The fullest text that fits. Raises ValueError when none does: texts are linted against that."""
        say = self._wording.text
        labels: tuple[str, ...] = ()
        if isinstance(words, Menu):
            labels = tuple(say(language, o.label, _tick(o.ticked)) for o in words.options)
        layout = Layout(
            compose=compose,
            fits=self._limits.fits,
            keys=KEYS,
            options_max=OPTIONS_MAX,
            next_label=self._wording.plain(language, "next"),
            back_label=self._wording.plain(language, "back"),
        )
        *fuller, shortest = self._texts(words, notice, language)
        for text in fuller:
            try:
                return self._fitting(pages(words, text, labels, layout))
            except ValueError:
                continue
        return self._fitting(pages(words, shortest, labels, layout))

    def _texts(self, words: Words, notice: Say | None, language: Language) -> list[str]:
        """What may stand above the options, the fullest first. Tick boxes speak for themselves below a notice."""
        say = self._wording.text
        texts = [say(language, words.text)]
        if self._wording.has(language, words.text.key + BRIEF):
            texts.append(say(language, words.text, BRIEF))
        if notice is None:
            return texts
        why = say(language, notice)
        noted = [f"{why}\n{text}" for text in texts]
        if isinstance(words, Menu) and any(option.ticked is not None for option in words.options):
            noted.append(why)
        return noted + texts

    def _fitting(self, made: tuple[Page, ...]) -> tuple[Page, ...]:
        if not all(self._limits.fits(page.text) for page in made):
            raise ValueError("a text does not fit its page")
        return made

    def apology(self, language: Language) -> str:
        """What is said when the server cannot go on."""
        return self._wording.plain(language, "apology")


def _tick(ticked: bool | None) -> str:
    return "" if ticked is None else ".ticked" if ticked else ".unticked"
