"""A menu cut into pages, and what a key on a page means: keys never reach the journey. Pure.

How a page reads, how much fits and which keys move between pages are the channel's (its Layout); that no label is cut,
that pinned options stay on every page and that next and back lead somewhere is decided here, once for all channels.

A page is known by the option it begins with and made alone: a step on a list of five hundred costs what one on a list
of two costs.
"""

from collections.abc import Callable, Sequence

import msgspec

from core.cards import Secret
from core.typed import TYPED_CHARS_MAX, choice_of, digits_typed, heard_once, key_of, maybe_twice, tidy
from sessions.screens.menu import (
    Back,
    CardTaken,
    Charge,
    Chose,
    Digits,
    Event,
    HeardTwice,
    HelpMe,
    Listing,
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

DIGITS = tuple(str(n) for n in range(1, 100))


class PageRow(msgspec.Struct, frozen=True):
    """A key and its label, in the customer's language."""

    key: str
    label: str


class Keys(msgspec.Struct, frozen=True):
    """The keys a channel gives to what is not an option."""

    next: str
    back: str
    help: str | None = None
    restart: str | None = None
    by_tone: bool = False  # of a telephone: a key may be heard twice


class Layout(msgspec.Struct, frozen=True):
    """A channel's way of making a page. Nothing fits beyond `room`, as `weight` counts: of a label no more than its row
    takes, and `beside` for the row's key.
    """

    compose: Callable[[str, Sequence[PageRow]], str]
    fits: Callable[[str], bool]
    room: float
    beside: int
    keys: Keys
    options_max: int
    next: PageRow
    back: PageRow
    tells_back: bool = True  # on every page; otherwise only on the last of several
    weight: Callable[[str], int] = len
    where: Callable[[str], str] | None = None  # how "4-6", the place of a page in a long list, is shown


class Turned(msgspec.Struct, frozen=True):
    """Another page of the same menu, not the journey's business: from an option on, or the one before that.

    Told by an option and not by a page's number: a notice or a longer total cuts the same menu elsewhere, and nothing
    may be skipped by that.
    """

    option: int
    before: bool = False


class PagePosition(msgspec.Struct, frozen=True):
    """The place in a menu of several pages: from an option on, and on from there until one holds another; or what comes
    before.
    """

    begin: int = 0
    holds: int = 0
    before: bool = False


Heard = Event | Turned


class Page(msgspec.Struct, frozen=True):
    """What is sent, and what each key on it means. Of what is not pinned it shows `begin` up to, not with, `end`."""

    text: str
    words: Words
    keys: Keys
    meaning: dict[str, Heard] = msgspec.field(default_factory=dict)
    begin: int = 0
    end: int = 0

    def read(self, typed: str | None) -> Heard:
        """The event that an answer is; anything not offered is Unclear, no answer at all is Silence."""
        if typed is None:
            return Silence()
        answer = typed.strip()[: TYPED_CHARS_MAX + 1]
        if isinstance(self.words, Menu):
            return self._choice(answer)
        if isinstance(self.words, Charge):
            return CardTaken(Taken(answer)) if answer in set(Taken) else Unclear()
        if key_of(answer) == self.keys.help:
            return HelpMe()
        if self.keys.restart is not None and self.keys.restart in answer:
            answer = answer.rpartition(self.keys.restart)[2]
            if not answer:
                return Restart()
        if isinstance(self.words, Tell):
            return Silence()
        if key_of(answer) == self.keys.back and self.words.back:
            return Back()
        if isinstance(self.words, Text):
            return _text(self.words, answer)
        chosen = dict(self.words.keys).get(key_of(answer))
        return Chose(chosen) if chosen else _digits(self.words, answer, by_tone=self.keys.by_tone)

    def place_of(self, event: Event) -> int:
        """The place of the chosen option among those that are not pinned; 0 for all else."""
        return (self.words.place(event.id) or 0) if isinstance(event, Chose) and isinstance(self.words, Menu) else 0

    def _choice(self, answer: str) -> Heard:
        chosen = self.meaning.get(answer)
        if chosen is not None:
            return chosen
        key = choice_of(answer)
        if key in self.meaning:
            return self.meaning[key]
        if key == self.keys.help:
            return HelpMe()
        return Restart() if key == self.keys.restart else Unclear()


def _digits(field_: Digits, answer: str, *, by_tone: bool) -> Event:
    typed = digits_typed(answer)
    digits = None if typed is None else heard_once(typed, field_.most)
    if digits is None or not field_.least <= len(digits) <= field_.most:
        return Unclear()
    event = TypedSecret(Secret(digits)) if field_.secret else Typed(digits)
    return HeardTwice(event) if by_tone and maybe_twice(digits, field_.least) else event


def _text(field_: Text, answer: str) -> Event:
    text = tidy(answer)
    return Typed(text) if text and len(text) <= field_.most else Unclear()


def page_at(words: Words, text: str, label: Callable[[Option], str], layout: Layout, begin: int = 0) -> Page | None:
    """The longest page that fits from an option on; None when that one option alone does not fit.

    `text` and labels are in the customer's words. What is no menu is one page, whether it fits or not.
    """
    if not isinstance(words, Menu):
        return Page(layout.compose(text, ()), words, layout.keys)
    options, pinned = words.options, words.pinned
    length, at = len(options), options.__getitem__ if isinstance(options, tuple) else options.at
    begin = max(0, min(begin, length - 1))
    most = min(length, begin + layout.options_max - len(pinned))
    # pinned ones first, so that their keys are the same on every page
    rows = [PageRow(DIGITS[n], label(option)) for n, option in enumerate(pinned)]
    back = [layout.back] if begin > 0 or (words.back and layout.tells_back) else []
    on = [layout.next, *back] if layout.tells_back else [layout.next]
    ways = back if most == length else on
    shown: list[Option] = []
    beside, weight = layout.beside, layout.weight
    room = layout.room - weight(text)
    for row in (*rows, *ways):
        room -= weight(row.label) + beside
    for place in range(begin, most):
        option = at(place)
        row = PageRow(DIGITS[len(rows)], label(option))
        room -= weight(row.label) + beside
        if room < 0 and shown:
            break
        rows.append(row)
        shown.append(option)
    while True:  # bounded: one row is taken off each time
        # the last page needs no way on, so it may hold what one more row would not let in
        ways = back if begin + len(shown) == length else on
        head = _headed(text, options, layout, begin, begin + len(shown))
        composed = layout.compose(head, [*rows, *ways])
        if layout.fits(composed):
            return _page(composed, words, layout, shown, begin, length)
        # its place in the list is left out sooner than a whole page is
        if len(shown) <= 1 and head != text and layout.fits(composed := layout.compose(text, [*rows, *ways])):
            return _page(composed, words, layout, shown, begin, length)
        if len(shown) <= 1:
            return None
        shown.pop()
        rows.pop()


def _headed(text: str, options: tuple[Option, ...] | Listing, layout: Layout, begin: int, end: int) -> str:
    """The text above the options, with the place in the list where it takes several pages."""
    if layout.where is None or isinstance(options, tuple) or (begin == 0 and end == len(options)):
        return text
    first, last = max(begin - options.uncounted, 0) + 1, end - options.uncounted
    if last < first:
        return text
    where = f"{first}-{last}"
    of = len(options) - options.uncounted
    return f"{text} ({layout.where(where)})" if text else layout.where(f"{where}/{of}")


def _page(text: str, words: Menu, layout: Layout, shown: Sequence[Option], begin: int, length: int) -> Page:
    """What is shown, and what its keys mean."""
    end = begin + len(shown)
    meaning: dict[str, Heard] = {}
    for key, option in zip(DIGITS, (*words.pinned, *shown), strict=False):
        meaning[key] = Chose(option.id)
    if end < length:
        meaning[layout.keys.next] = Turned(end)
    if begin > 0:
        meaning[layout.keys.back] = Turned(begin, before=True)
    elif words.back:
        meaning[layout.keys.back] = Back()
    return Page(text, words, layout.keys, meaning, begin, end)


def find(spot: PagePosition, at: Callable[[int], Page]) -> Page:
    """The page of a spot; `at` makes the one that begins with an option."""
    if spot.before:
        return _before(spot.begin, at)
    page = at(spot.begin)
    while page.end <= spot.holds < _length(page.words):  # bounded: each page is further on
        page = at(page.end)
    return page


def _before(end: int, at: Callable[[int], Page]) -> Page:
    """The longest page that leads on to `end`: no option between the two is skipped."""
    best = at(end - 1)
    for begin in range(end - 2, -1, -1):  # ends with the first page that is too full to reach
        page = at(begin)
        if page.end < end:
            break
        best = page
    return best


def _length(words: Words) -> int:
    return len(words.options) if isinstance(words, Menu) else 0
