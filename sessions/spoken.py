"""Which language a customer was last spoken to in, by this process: for the apology when nothing else can be asked."""

from collections import OrderedDict

from core.subscribers.lines import LanguageCode

SPOKEN_MAX = 8_192  # customers, at some 200 bytes each


class LanguagesSpoken:
    """The latest customers' languages, the least recent forgotten first."""

    def __init__(self) -> None:
        self._languages: OrderedDict[str, LanguageCode] = OrderedDict()

    def find(self, msisdn: str) -> LanguageCode | None:
        return self._languages.get(msisdn)

    def keep(self, msisdn: str, language: LanguageCode | None) -> None:
        """None: not known, which changes nothing."""
        if language is None:
            return
        self._languages[msisdn] = language
        self._languages.move_to_end(msisdn)
        if len(self._languages) > SPOKEN_MAX:
            self._languages.popitem(last=False)
