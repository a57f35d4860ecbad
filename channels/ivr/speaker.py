"""A page -> what a voice says: short sentences, one option each, the action before its key (protocols/ivr.md). Pure.

A page's text is lines, one sentence group a line. A line may begin with a language's tag, "[ar] ": it is said by that
language's voice; an untagged line is in the customer's language. `spoken` reads them back for a wire.
"""

import re
from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import lru_cache, partial

import msgspec

from channels.ivr.formats import SECTION, VoiceFormats
from channels.ivr.pace import PROMPT_MAX_S, letters, letters_said, seconds
from channels.wording import Wording
from core.languages import LanguageCode
from core.messaging.texts import Texts
from sessions.pages import Keys, Layout, Page, PagePosition, PageRow, find, page_at
from sessions.screens.menu import Capabilities, Digits, Menu, Option, Say, Shows, Text, Words

CHOICES_MAX = 5  # sentences with a key on one page, those that turn pages included
LONG_FROM = 4  # options: that menu is cut where its time is over; what is shorter stays on one page
ROOM = 2_000  # characters; a page is bounded by its choices and by how long it takes to say
KEPT_MAX = 1_024  # labels and rows: an option stands on nearly every page of its call, in the same words
NO_MISTAKE = frozenset({"bills-changed", "call-back"})  # notices after which nobody needs help
KEYS = Keys(next="8", back="9", help="0", restart="*", by_tone=True)
CAN = Capabilities(
    channel="ivr",
    takes_card=True,
    types_text=False,
    caller_proven=False,
    challenges=frozenset({Shows.OTP_NUMERIC}),
)
_TAGGED = re.compile(rf"\[({'|'.join(LanguageCode)})\] (.+)")


@dataclass(frozen=True, slots=True)
class Spoken:
    """Words, and whose voice says them."""

    language: LanguageCode
    text: str


def spoken(text: str, language: LanguageCode) -> tuple[Spoken, ...]:
    """A page's lines; neighbours in one language are one utterance."""
    if "[" not in text and text:  # nearly every page: the customer's language alone
        return (Spoken(language, " ".join(text.splitlines())),)
    parts: list[Spoken] = []
    for line in text.splitlines():
        tongue, words = _untagged(line)
        tongue = tongue or language
        if parts and parts[-1].language is tongue:
            words = f"{parts.pop().text} {words}"
        parts.append(Spoken(tongue, words))
    return tuple(parts)


class IvrSpeaker:
    """Implements sessions.turn.turns.Speaker for voice."""

    def __init__(self, texts: Texts, *, connector: bool = False) -> None:
        """`connector`: the telephone company takes the card's digits and has us charge it."""
        self.can = replace(CAN, pays_by_connector=connector)
        self._wording = Wording(texts, SECTION, VoiceFormats(texts))
        # what options and rows say, never what a screen does: nothing of a card is kept
        label, self._row = lru_cache(KEPT_MAX)(self._label), lru_cache(KEPT_MAX)(self._sentence)
        self._labels = {language: partial(label, language) for language in LanguageCode}
        self._compose = {language: partial(self._composed, language) for language in LanguageCode}
        self._next = {language: PageRow(KEYS.next, self._wording.plain(language, "next")) for language in LanguageCode}
        self._back = {language: PageRow(KEYS.back, self._wording.plain(language, "back")) for language in LanguageCode}

    def page(self, words: Words, notice: Say | None, language: LanguageCode, spot: PagePosition) -> Page:
        """The page of a screen: first what was wrong, then the question, then the keys. Raises MissingText."""
        text = self._wording.text(language, words.text)
        if isinstance(words, Digits | Text):
            again = notice is not None and notice.key not in NO_MISTAKE
            text = f"{text}\n{self._hint(words, language, again=again)}"
        why = "" if notice is None else f"{self._notice(notice, words, text, language)}\n"
        asked, text = text, f"{why}{text}"
        listing = words.options if isinstance(words, Menu) and not isinstance(words.options, tuple) else None
        listed = listing is not None  # its total was said at its head
        long = listed or (isinstance(words, Menu) and len(words.options) >= LONG_FROM)

        def fits(page: str) -> bool:
            told = page.removeprefix(why)
            if len(told.removeprefix(asked).strip().splitlines()) > CHOICES_MAX:
                return False
            return not long or seconds(told, language) <= PROMPT_MAX_S

        pinned = len(words.pinned) if isinstance(words, Menu) else 0
        label = self._labels[language]

        def at(begin: int) -> Page:
            said, compose = text, self._compose[language]
            if listing is not None:
                said = why.strip() if begin else text
                heads = pinned + (0 if begin else listing.uncounted)
                compose = partial(self._listed, language, begin, pinned, heads)
            timed = long and not begin  # further on rows are left out that a page has
            layout = Layout(
                compose=compose,
                fits=fits,
                room=letters_said(language) + letters(why) if timed else ROOM,
                weight=letters if timed else len,
                beside=0,
                keys=KEYS,
                options_max=CHOICES_MAX,
                next=self._next[language],
                back=self._back[language],
                tells_back=notice is not None,
            )
            page = page_at(words, said, label, layout, begin)
            if page is None:
                # an amount may be so long that one option alone takes more than its time
                least = msgspec.structs.replace(layout, options_max=pinned + 1, fits=bool)
                page = page_at(words, said, label, least, begin)
            if page is None:
                raise ValueError("one option alone does not fit a page")
            return page

        return find(spot, at)

    def apology(self, language: LanguageCode | None) -> tuple[Spoken, ...]:
        """The apology when the server cannot go on; in every language when the caller's is not known."""
        languages = (language,) if language is not None else tuple(LanguageCode)
        return tuple(Spoken(each, self._wording.plain(each, "apology")) for each in languages)

    def _composed(self, language: LanguageCode, said: str, rows: Sequence[PageRow]) -> str:
        return "\n".join(filter(None, (said, *(self._row(row, language) for row in rows))))

    def _listed(
        self, language: LanguageCode, begin: int, pinned: int, heads: int, said: str, rows: Sequence[PageRow]
    ) -> str:
        """A list's page: what is no item of it in few words, and its pinned keys only where it begins and ends."""
        inner = begin > 0 and any(row.key == KEYS.next for row in rows)
        lines = [said]
        for place, row in enumerate(rows):
            # where it ends its pinned keys are said, and nine, which leads back everywhere, is not
            if (inner and place < pinned) or (begin and pinned and not inner and row.key == KEYS.back):
                continue
            brief = place < heads or row.key in {KEYS.next, KEYS.back}
            lines.append(self._row(row, language, "row.brief" if brief else "row"))
        return "\n".join(filter(None, lines))

    def _sentence(self, row: PageRow, language: LanguageCode, key: str = "row") -> str:
        tongue, label = _untagged(row.label)
        sentence = self._wording.plain(tongue or language, key, label=label, digit=row.key)
        return sentence if tongue is None else f"[{tongue}] {sentence}"

    def _hint(self, words: Digits | Text, language: LanguageCode, *, again: bool) -> str:
        """How a field ends; the ways out are told only to those who stumbled, for a prompt has ten seconds."""
        if not again:
            return self._wording.plain(language, "field")
        ways = ("field.again", "field.back") if words.back else ("field.again",)
        return " ".join(self._wording.plain(language, way) for way in ways)

    def _notice(self, notice: Say, words: Words, text: str, language: LanguageCode) -> str:
        """A page in several languages is corrected in all of them."""
        options = words.options if isinstance(words, Menu) and isinstance(words.options, tuple) else ()
        page = (text, *(self._label(language, option) for option in options))
        tags = [tag for said in page for line in said.splitlines() if (tag := _untagged(line)[0]) is not None]
        if not tags:
            return self._wording.text(language, notice)
        return "\n".join(f"[{tag}] {self._wording.text(tag, notice)}" for tag in dict.fromkeys(tags))

    def _label(self, language: LanguageCode, option: Option) -> str:
        return self._wording.text(language, option.label, _tick(option.ticked))


def _untagged(line: str) -> tuple[LanguageCode | None, str]:
    if not line.startswith("["):  # nearly every line
        return None, line
    match = _TAGGED.fullmatch(line)
    return (None, line) if match is None else (LanguageCode(match[1]), match[2])


def _tick(ticked: bool | None) -> str:
    return "" if ticked is None else ".ticked" if ticked else ".unticked"
