"""Arabic for a synthetic voice: the words as they are shown, with the vowels that nobody writes."""

import re
import tomllib
from collections.abc import Iterable, Mapping
from functools import lru_cache
from importlib import resources

MARKS = re.compile("[\u064b-\u0652\u0670]")
_WORD = re.compile("[\u0621-\u0652\u0670]+")
_AND, _AND_SAID = "و", "وَ"


def plain(word: str) -> str:
    """The text without vowel marks, as it is shown."""
    return MARKS.sub("", word)


class Vowels:
    """Words by how they are shown."""

    def __init__(self, words: Iterable[str]) -> None:
        self._said: Mapping[str, str] = {plain(word): word for word in words}

    def of(self, text: str) -> str:
        """The text with its vowels; what is not known stays as it is."""
        return _WORD.sub(lambda word: self._word(word[0]) or word[0], text)

    def unknown(self, text: str) -> list[str]:
        """The words of a text whose vowels are not in the list."""
        return [word for word in _WORD.findall(text) if self._word(word) is None]

    def _word(self, word: str) -> str | None:
        shown = plain(word)
        if shown == _AND:
            return _AND_SAID
        if shown in self._said:
            return self._said[shown]
        rest = self._said.get(shown.removeprefix(_AND)) if shown.startswith(_AND) else None
        return None if rest is None else _AND_SAID + rest


@lru_cache(maxsize=1)
def vowels() -> Vowels:
    """Returns the vowelled words of locales/ar."""
    file = resources.files("locales").joinpath("ar", "voice", "vowelled.toml")
    return Vowels(tomllib.loads(file.read_text(encoding="utf-8"))["words"].split())
