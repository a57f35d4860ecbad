"""How values are said aloud: money in words and numbers, digits one by one, months by name. Pure.

The words are in locales/<language>/ivr.toml; here is only which of them a number takes (CLDR's plural categories).
"""

from functools import lru_cache

from core.languages import LanguageCode, plural
from core.messaging.texts import Texts
from sessions.screens.menu import Amount, Month, Spelled

SECTION = "ivr"
PAIRS_FROM = 8  # telephone numbers are read in pairs, shorter ones in groups of three, card endings as they are
GROUP = 3
COUNTED_KEPT_MAX = 2_048  # so many dirhams, so many centimes: customers' amounts have them in common


class VoiceFormats:
    """Implements channels.wording.Formats for speech."""

    def __init__(self, texts: Texts) -> None:
        self._texts = texts
        self._counted = lru_cache(COUNTED_KEPT_MAX)(self._count)

    def amount(self, amount: Amount, language: LanguageCode) -> str:
        """76920 -> "769 dirhams et 20 centimes"; no centimes are not said."""
        dirhams, centimes = divmod(amount.centimes, 100)
        parts = [self._counted(language, "dirham", dirhams)] if dirhams or not centimes else []
        if centimes:
            parts.append(self._counted(language, "centime", centimes))
        return self._texts.get(language, SECTION, "amount.and").join(parts)

    def spelled(self, spelled: Spelled, language: LanguageCode) -> str:
        """ "0600000001" -> "0 6, 0 0, 0 0, 0 0, 0 1": digits rather than numbers, with room to breathe."""
        size = 2 if len(spelled.text) >= PAIRS_FROM else GROUP if len(spelled.text) > GROUP + 1 else GROUP + 1
        groups = (spelled.text[at : at + size] for at in range(0, len(spelled.text), size))
        return self._texts.get(language, SECTION, "spelled.and").join(" ".join(group) for group in groups)

    def month(self, month: Month, language: LanguageCode) -> str:
        """The month's name and year, with its preposition where a language bends it ("d'avril 2019")."""
        day = month.first_day
        return self._texts.fill(language, SECTION, f"month.{day.month}", year=str(day.year))

    def _count(self, language: LanguageCode, unit: str, number: int) -> str:
        return self._texts.fill(language, SECTION, f"{unit}.{plural(language, number)}", n=str(number))
