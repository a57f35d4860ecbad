"""How long words take to say, about: a page is cut before it bores. Pure.

Measured on the recordings of `khallas voice build` (docs/speech.md): letters a second, and what a figure of a number
comes to in letters once it is words. A test compares the guess with the sound files.
"""

from core.languages import LANGUAGES
from core.subscribers.lines import LanguageCode

PROMPT_MAX_S = 10.0
_LETTERS_A_FIGURE = 5


def seconds(page: str, language: LanguageCode) -> float:
    """A page of a voice, its lines and marks not counted."""
    letters = sum(map(str.isalpha, page)) + page.count(" ") + _LETTERS_A_FIGURE * sum(map(str.isdecimal, page))
    return letters / LANGUAGES[language].letters_a_second
