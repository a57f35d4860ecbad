"""A screen's Say in a customer's language: the text of locales/ with its values in a channel's own format. Pure."""

from typing import Protocol

from core.subscribers import Language
from core.texts import Texts
from sessions.screen import Amount, Month, Say, Spelled, Value, Worded


class Formats(Protocol):
    """How a channel shows or says values."""

    def amount(self, amount: Amount, language: Language) -> str: ...

    def spelled(self, spelled: Spelled, language: Language) -> str: ...

    def month(self, month: Month, language: Language) -> str: ...


class Wording:
    """Texts of one section (ussd, ivr, sms) with its formats."""

    __slots__ = ("_formats", "_section", "_texts")

    def __init__(self, texts: Texts, section: str, formats: Formats) -> None:
        self._texts = texts
        self._section = section
        self._formats = formats

    def plain(self, language: Language, key: str, **values: str) -> str:
        """A text whose values are words already. Raises MissingText."""
        return self._texts.fill(language, self._section, key, **values)

    def has(self, language: Language, key: str) -> bool:
        """Whether a text has this variant."""
        return self._texts.has(language, self._section, key)

    def text(self, language: Language, what: Say, suffix: str = "") -> str:
        """The whole text. Raises MissingText."""
        template = self._texts.get(language, self._section, what.key + suffix)
        if not what.values:
            return template
        return template.format_map({name: self._value(language, value) for name, value in what.values})

    def _value(self, language: Language, value: Value) -> str:
        match value:
            case Amount():
                return self._formats.amount(value, language)
            case Spelled():
                return self._formats.spelled(value, language)
            case Month():
                return self._formats.month(value, language)
            case Worded(key):
                return self._texts.get(language, self._section, key)
            case _:
                return str(value)
