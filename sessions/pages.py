"""A menu cut into pages, and what a key on a page means: keys never reach the journey. Pure.

How a page reads, how much fits and which keys move between pages are the channel's (its Layout); that no label is cut,
that pinned options stay on every page and that next and back lead somewhere is decided here, once for all channels.
"""

from collections.abc import Callable, Sequence

import msgspec

from core.cards import Secret
from core.subscribers import digits_of
from sessions.screen import (
    Back,
    CardTaken,
    Charge,
    Chose,
    Digits,
    Event,
    HelpMe,
    Menu,
    Option,
    Restart,
    Silence,
    Taken,
    Tell,
    Text,
    Typed,
    TypedSecret,
    Unclear,
    Words,
)

PAGES_MAX = 600  # more bills than any line has, at one a page
INPUT_MAX = 200  # characters of one answer that are looked at


class Row(msgspec.Struct, frozen=True):
    """One key and its label, in the customer's language."""

    key: str
    label: str


class Keys(msgspec.Struct, frozen=True):
    """The keys a channel gives to what is not an option."""

    next: str
    back: str
    help: str | None = None
    restart: str | None = None


class Layout(msgspec.Struct, frozen=True):
    """A channel's way of making a page. `compose` may be called often: it is pure and cheap."""

    compose: Callable[[str, Sequence[Row]], str]
    fits: Callable[[str], bool]
    keys: Keys
    options_max: int
    next_label: str
    back_label: str


class Turned(msgspec.Struct, frozen=True):
    """Another page of the same menu, told by an option on it: not the journey's business.

    By an option and not by a page's number: a notice or a longer total cuts the same menu elsewhere, and nothing may
    be skipped by that.
    """

    option: int


Heard = Event | Turned


class Page(msgspec.Struct, frozen=True):
    """What is sent, and what each key on it means. `begin`: the first option on it that is not pinned."""

    text: str
    words: Words
    keys: Keys
    meaning: dict[str, Heard] = msgspec.field(default_factory=dict)
    begin: int = 0

    def read(self, typed: str | None) -> Heard:
        """The event that an answer is; anything not offered is Unclear, no answer at all is Silence."""
        if typed is None:
            return Silence()
        answer = typed.strip()[:INPUT_MAX]
        if isinstance(self.words, Menu):
            return self._choice(answer)
        if isinstance(self.words, Charge):
            return CardTaken(Taken(answer)) if answer in set(Taken) else Unclear()
        if answer == self.keys.help:
            return HelpMe()
        if self.keys.restart is not None and self.keys.restart in answer:
            answer = answer.rpartition(self.keys.restart)[2]
            if not answer:
                return Restart()
        if isinstance(self.words, Tell):
            return Silence()
        if answer == self.keys.back and self.words.back:
            return Back()
        return _text(self.words, answer) if isinstance(self.words, Text) else _digits(self.words, answer)

    def place_of(self, event: Event, otherwise: int) -> int:
        """Where among the options that are not pinned the chosen one stands."""
        loose = [o.id for o in self.words.options if not o.pinned] if isinstance(self.words, Menu) else []
        return loose.index(event.id) if isinstance(event, Chose) and event.id in loose else otherwise

    def _choice(self, answer: str) -> Heard:
        key = digits_of(answer) if answer and all(c.isdecimal() for c in answer) else answer
        if key in self.meaning:
            return self.meaning[key]
        if key == self.keys.help:
            return HelpMe()
        return Restart() if key == self.keys.restart else Unclear()


def _digits(field_: Digits, answer: str) -> Event:
    digits = digits_of(answer)
    spaced = "".join(c for c in answer if not c.isspace() and c not in "-.+")
    if len(spaced) != len(digits) or not field_.least <= len(digits) <= field_.most:
        return Unclear()
    return TypedSecret(Secret(digits)) if field_.secret else Typed(digits)


def _text(field_: Text, answer: str) -> Event:
    return Typed(answer) if answer and len(answer) <= field_.most else Unclear()


def pages(words: Words, text: str, labels: Sequence[str], layout: Layout) -> tuple[Page, ...]:
    """All pages of what a screen asks. `text` and `labels` are already in the customer's words.

    Raises ValueError when one option alone does not fit: texts are linted so that this cannot happen in service.
    """
    if not isinstance(words, Menu):
        return (Page(layout.compose(text, ()), words, layout.keys),)
    named = list(zip(words.options, labels, strict=True))
    pinned = [pair for pair in named if pair[0].pinned]
    loose = [pair for pair in named if not pair[0].pinned]
    made: list[Page] = []
    begin = 0
    while not made or begin < len(loose):
        if len(made) >= PAGES_MAX:
            raise ValueError("a menu of too many pages")
        page, begin = _page(words, text, loose, begin, pinned, layout)
        made.append(page)
    return tuple(made)


def holding(made: Sequence[Page], option: int) -> Page:
    """The page that an option is on; the last one when there is no such option any more."""
    return next(page for page in reversed(made) if page.begin <= option)


def _page(
    words: Menu,
    text: str,
    loose: list[tuple[Option, str]],
    begin: int,
    pinned: list[tuple[Option, str]],
    layout: Layout,
) -> tuple[Page, int]:
    """The longest page that fits from `begin`, and where the next one begins."""
    most = min(len(loose), begin + layout.options_max - len(pinned))
    if most == len(loose):  # the last page needs no way on, so it may hold what one more row would not let in
        page = _filled(words, text, pinned, loose, begin, most, layout)
        if layout.fits(page.text):
            return page, most
    longest: tuple[Page, int] | None = None
    for end in range(begin + 1, most + 1):
        page = _filled(words, text, pinned, loose, begin, end, layout)
        if not layout.fits(page.text):
            break
        longest = page, end
    if longest is None:
        raise ValueError("one option alone does not fit a page")
    return longest


def _filled(
    words: Menu,
    text: str,
    pinned: list[tuple[Option, str]],
    loose: list[tuple[Option, str]],
    begin: int,
    end: int,
    layout: Layout,
) -> Page:
    """The page of these options; pinned ones first, so that their keys are the same on every page."""
    shown = pinned + loose[begin:end]
    rows = [Row(str(n), label) for n, (_, label) in enumerate(shown, 1)]
    meaning: dict[str, Heard] = {str(n): Chose(option.id) for n, (option, _) in enumerate(shown, 1)}
    if end < len(loose):
        rows.append(Row(layout.keys.next, layout.next_label))
        meaning[layout.keys.next] = Turned(end)
    if begin > 0 or words.back:
        rows.append(Row(layout.keys.back, layout.back_label))
        meaning[layout.keys.back] = Turned(begin - 1) if begin > 0 else Back()
    return Page(layout.compose(text, rows), words, layout.keys, meaning, begin)
