"""A menu turned from its first page to its last."""

from collections.abc import Callable

from core.languages import LanguageCode
from sessions.pages import Page, PagePosition
from sessions.screens.menu import Menu, Say, Words
from sessions.turn.turns import Speaker

PAGES_MAX = 600  # more bills than any line has, at one a page


def pages(at: Callable[[int], Page]) -> tuple[Page, ...]:
    """All pages in turn; `at` makes the one that begins with an option."""
    made = [at(0)]
    while isinstance(words := made[-1].words, Menu) and made[-1].end < len(words.options):
        assert len(made) < PAGES_MAX
        assert made[-1].end > made[-1].begin, "a page that shows nothing leads nowhere"
        made.append(at(made[-1].end))
    return tuple(made)


def spoken_pages(speaker: Speaker, words: Words, notice: Say | None, language: LanguageCode) -> tuple[Page, ...]:
    """All pages of a channel."""
    return pages(lambda begin: speaker.page(words, notice, language, PagePosition(begin)))
