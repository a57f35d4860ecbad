"""A screen's Say in a customer's language: the text of locales/ with its values in a channel's own format. Pure."""

from collections.abc import Callable
from typing import Any, Protocol

from core.languages import LANGUAGES, LanguageCode, Letters
from core.messaging.bidi import SPOKEN, in_order
from core.messaging.texts import Texts
from sessions.screens.menu import Amount, Month, Say, Spelled, Value, Worded


class Formats(Protocol):
    """Tells how a channel shows or says values."""

    def amount(self, amount: Amount, language: LanguageCode) -> str: ...

    def spelled(self, spelled: Spelled, language: LanguageCode) -> str: ...

    def month(self, month: Month, language: LanguageCode) -> str: ...


class Wording:
    """Texts of one section (ussd, ivr, sms) with its formats."""

    __slots__ = ("_section", "_tables", "_texts", "_ways")

    def __init__(self, texts: Texts, section: str, formats: Formats) -> None:
        self._texts = texts
        self._section = section
        self._tables = {language: texts.table(language, section) for language in LanguageCode}
        self._ways: dict[type, Callable[[Any, LanguageCode], str]] = {
            Amount: formats.amount,
            Spelled: formats.spelled,
            Month: formats.month,
            Worded: self._worded,
        }

    def plain(self, language: LanguageCode, key: str, **values: str) -> str:
        """A text whose values are words already. Raises MissingText."""
        return self._texts.fill(language, self._section, key, **values)

    def has(self, language: LanguageCode, key: str) -> bool:
        """Returns whether a text has this variant."""
        return key in self._tables[language]

    def text(self, language: LanguageCode, what: Say, suffix: str = "") -> str:
        """The whole text. Raises MissingText."""
        try:
            template = self._tables[language][what.key + suffix]
        except KeyError:
            return self._texts.get(language, self._section, what.key + suffix)
        if not what.values:
            return template
        ways, plain = self._ways, self._plain
        values = {name: ways.get(type(value), plain)(value, language) for name, value in what.values}
        if LANGUAGES[language].letters is Letters.ARABIC and self._section not in SPOKEN:
            values = {name: in_order(language, value) for name, value in values.items()}
        return template.format_map(values)

    def _worded(self, value: Worded, language: LanguageCode) -> str:
        return self._texts.get(language, self._section, value.key)

    @staticmethod
    def _plain(value: Value, language: LanguageCode) -> str:
        return str(value)
