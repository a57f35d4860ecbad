"""How long words take to say, about: a page is cut before it bores. Pure.

Measured on the recordings of `khallas voice build` (docs/speech.md): letters a second, and what a figure of a number
comes to in letters once it is words. A test compares the guess with the sound files.
"""

from functools import lru_cache

from core.languages import LANGUAGES, LanguageCode

PROMPT_MAX_S = 10.0
LINES_KEPT_MAX = 1_024
_LETTERS_A_FIGURE = 5


def seconds(page: str, language: LanguageCode) -> float:
    """A page of a voice, its lines and marks not counted."""
    return sum(map(letters, page.splitlines())) / LANGUAGES[language].letters_a_second


def letters_said(language: LanguageCode) -> float:
    """Letters that are said in PROMPT_MAX_S."""
    return PROMPT_MAX_S * LANGUAGES[language].letters_a_second


@lru_cache(maxsize=LINES_KEPT_MAX)  # of a page's lines most are everybody's, and it is tried at several lengths
def letters(line: str) -> int:
    """Letters that a line takes the time of. Those of a text are those of its parts together."""
    return sum(map(str.isalpha, line)) + line.count(" ") + _LETTERS_A_FIGURE * sum(map(str.isdecimal, line))
