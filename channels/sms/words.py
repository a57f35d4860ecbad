"""SMS in a customer's language: the texts of locales/ with what every message may name. Pure.

French and English fit one segment, Arabic two; receipts two (protocols/sms.md, Texts). Tests count every text with its
longest plausible values; a list of lines is shortened here until it fits.
"""

from collections.abc import Sequence
from dataclasses import dataclass

from core.languages import LANGUAGES, LanguageCode
from core.messaging.gsm7 import segments
from core.messaging.texts import Section, Texts
from core.subscribers.lines import SubscribedLine, mask_reference, national

SECTION = "sms"
SEGMENTS_MAX = {code: row.sms_segments_max for code, row in LANGUAGES.items()}
RECEIPT_SEGMENTS_MAX = 2
CHOICES_MAX = 6  # what one SMS holds


@dataclass(frozen=True, slots=True)
class SmsNumbers:
    """The numbers that customers dial. `voice` is empty where there is no voice line."""

    service_code: str
    help: str
    voice: str = ""


class Words(Section):
    """The texts of SMS; {help}, {where} are known to all of them."""

    __slots__ = ("_numbers",)

    def __init__(self, texts: Texts, numbers: SmsNumbers) -> None:
        self._numbers = numbers
        named = {code: {"help": numbers.help, "where": _where(texts, numbers, code)} for code in LanguageCode}
        super().__init__(texts, SECTION, named)

    def missed(self, language: LanguageCode, text: str = "call_missed", **values: str) -> str:
        """The words after a call of ours that nobody answered: where to call, or to dial where there is no voice
        line.
        """
        key = "call.voice" if self._numbers.voice else "call.ussd"
        call = self.say(language, key, ussd=self._numbers.service_code, voice=national(self._numbers.voice))
        return self.say(language, text, call=call, **values)

    def pay(self, language: LanguageCode, wallets: Sequence[str]) -> str:
        """The answer to how a bill is paid. So many wallets are named, of those that may be the sender's, as have
        room."""
        for count in range(len(wallets), 0, -1):
            named = ", ".join(wallets[:count])
            text = self.say(language, "pay_wallet", wallet=named, ussd=self._numbers.service_code)
            if segments(text) <= SEGMENTS_MAX[language]:
                return text
        return self.say(language, "pay")

    def lines(self, language: LanguageCode, lines: Sequence[SubscribedLine]) -> str:
        """A numbered list of at most CHOICES_MAX lines; without the services' names where those do not fit."""
        full, short = (self._listed(language, lines, row) for row in ("row", "row_short"))
        return full if segments(full) <= SEGMENTS_MAX[language] else short

    def _listed(self, language: LanguageCode, lines: Sequence[SubscribedLine], row: str) -> str:
        rows = [
            self.say(
                language,
                row,
                digit=str(number),
                service=self.say(language, f"service.{line.service}"),
                line=mask_reference(line.reference),
            )
            for number, line in enumerate(lines[:CHOICES_MAX], start=1)
        ]
        more = [self.say(language, "more_lines")] if len(lines) > CHOICES_MAX else []
        return "\n".join([self.say(language, "lines"), *rows, *more])


def _where(texts: Texts, numbers: SmsNumbers, language: LanguageCode) -> str:
    key = "where.both" if numbers.voice else "where.ussd"
    return texts.fill(language, SECTION, key, ussd=numbers.service_code, voice=national(numbers.voice))
