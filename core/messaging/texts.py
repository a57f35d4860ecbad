"""Everything a customer reads or hears, from locales/<language>/<section>.toml: flat keys, {named} values.

Read once, when the server is built; a missing text is a start-up error, never a surprise in a call.
"""

import tomllib
from collections.abc import Mapping
from functools import cache
from importlib import resources
from types import MappingProxyType

from core.languages import LANGUAGES, LanguageCode, Letters, checked
from core.messaging.bidi import SPOKEN, in_order

OFFERING = frozenset({"ussd", "ivr"})  # sections whose first menu offers every language
NAMED = "language."
Tables = Mapping[tuple[LanguageCode, str], Mapping[str, str]]


class MissingText(KeyError):
    """Our fault: locales/ does not have a key that is asked for."""


class Texts:
    """Texts by language, section (ussd, ivr, sms, mail, web) and key."""

    __slots__ = ("_tables",)

    def __init__(self, tables: Tables) -> None:
        self._tables = tables

    def get(self, language: LanguageCode, section: str, key: str) -> str:
        """The template as written. Raises MissingText."""
        try:
            return self._tables[language, section][key]
        except KeyError:
            raise MissingText(f"locales/{language}/{section}.toml has no {key!r}") from None

    def table(self, language: LanguageCode, section: str) -> Mapping[str, str]:
        """Returns all templates of a section, for whoever reads many."""
        return self._tables[language, section]

    def fill(self, language: LanguageCode, section: str, key: str, **values: str) -> str:
        """The text with its values, each in its own order where the text is Arabic and seen. Raises MissingText."""
        template = self.get(language, section, key)
        if LANGUAGES[language].letters is Letters.ARABIC and section not in SPOKEN:
            values = {name: in_order(language, value) for name, value in values.items()}
        return template.format_map(values)

    def has(self, language: LanguageCode, section: str, key: str) -> bool:
        """Returns whether there is such a text: for variants that only some texts have."""
        return key in self._tables[language, section]

    def keys(self, language: LanguageCode, section: str) -> frozenset[str]:
        return frozenset(self._tables[language, section])

    def sections(self) -> frozenset[str]:
        return frozenset(section for _, section in self._tables)


class Section:
    """The texts of one section, filled with what every one of them may name and with values of their own."""

    __slots__ = ("_named", "_section", "_texts")

    def __init__(self, texts: Texts, section: str, named: Mapping[LanguageCode, Mapping[str, str]]) -> None:
        """`named`: the values, by language, that every text may name."""
        self._texts = texts
        self._section = section
        self._named = named

    def say(self, language: LanguageCode, key: str, **values: str) -> str:
        """Words one text. Raises MissingText."""
        return self._texts.fill(language, self._section, key, **self._named[language], **values)


@cache
def load_texts() -> Texts:
    """The texts of locales/, which nobody changes. Raises MissingText as read_texts does."""
    return read_texts()


def read_texts() -> Texts:
    """Reads locales/. Raises MissingText when a language lacks a section or a key that another has."""
    checked()
    tables: dict[tuple[LanguageCode, str], Mapping[str, str]] = {}
    for language in LanguageCode:
        folder = resources.files("locales").joinpath(language.value)
        if not folder.is_dir():
            raise MissingText(f"locales/{language} is missing")
        for file in folder.iterdir():
            if file.name.endswith(".toml"):
                flat = _flat(tomllib.loads(file.read_text(encoding="utf-8")))
                tables[language, file.name.removesuffix(".toml")] = MappingProxyType(flat)
    _require_same(tables)
    return Texts(tables)


def _flat(table: Mapping[str, object], prefix: str = "") -> dict[str, str]:
    flat: dict[str, str] = {}
    for key, value in table.items():
        if isinstance(value, str):
            flat[prefix + key] = value.strip("\n")
        elif isinstance(value, dict):
            flat |= _flat(value, f"{prefix}{key}.")
    return flat


def _require_same(tables: Tables) -> None:
    for language, section in tables:
        for other in LanguageCode:
            missing = set(tables[language, section]) - set(tables.get((other, section), {}))
            if missing:
                raise MissingText(f"locales/{other}/{section}.toml lacks {', '.join(sorted(missing))}")
            named = f"{NAMED}{other}"
            if section in OFFERING and named not in tables[language, section]:
                raise MissingText(f"locales/{language}/{section}.toml lacks {named}")
