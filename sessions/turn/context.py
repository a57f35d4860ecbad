"""Who is there and on what, as screens are told it: made once a turn, and again when a language is chosen."""

from collections import OrderedDict
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

from core.languages import LanguageCode
from core.ports import Clock
from core.wallets.port import WalletTerms
from sessions.bill_cache import CachedBills
from sessions.screens.menu import Capabilities, ScreenContext
from sessions.turn.inbound import Inbound
from sessions.turn.state import TurnState

LATEST = datetime.max.replace(tzinfo=UTC)
SPOKEN_MAX = 8_192  # customers, at some 200 bytes each
A_MINUTE = timedelta(minutes=1)  # a date is worked out once in that time


@dataclass(frozen=True, slots=True)
class DialledNumbers:
    """The numbers that customers are told to dial."""

    help: str
    voice: str
    short_code: str
    service_code: str = ""  # of USSD, as it is dialled


@dataclass(frozen=True, slots=True)
class ServiceContext:
    """The part of the context that is the same for every customer."""

    zone: ZoneInfo
    check_luhn: bool
    default_language: LanguageCode
    mail_utf8: bool = False  # e-mail addresses may have letters beyond ASCII before the "@"
    wallets: tuple[tuple[str, WalletTerms], ...] = ()  # by name, in the order they are offered


class ScreenContexts:
    """Makes the context of a screen."""

    def __init__(self, clock: Clock, numbers: DialledNumbers, house: ServiceContext, shelf: CachedBills) -> None:
        self._clock = clock
        self._numbers = numbers
        self._house = house
        self._shelf = shelf
        self._date, self._from, self._until = date.min, LATEST, LATEST

    def of(self, draft: TurnState, inbound: Inbound, can: Capabilities) -> ScreenContext:
        """The visit as the turn stands; the same one for as long as nothing of it changes."""
        language, known = draft.language or self._house.default_language, draft.language is not None
        visit = draft.visit
        if (
            visit is not None
            and visit.language is language
            and visit.terms_accepted is draft.terms
            and visit.language_known is known
        ):
            return visit
        draft.visit = visit = ScreenContext(
            msisdn=inbound.msisdn,
            can=can,
            language=language,
            terms_accepted=draft.terms,
            today=self._today(),
            help_number=self._numbers.help,
            voice_number=self._numbers.voice,
            short_code=self._numbers.short_code,
            shelf=self._shelf,
            check_luhn=self._house.check_luhn,
            mail_utf8=self._house.mail_utf8,
            asks_from=inbound.asks_from,
            language_known=known,
            zone=self._house.zone,
            wallets=self._house.wallets,
            placed=inbound.placed,
        )
        return visit

    def _today(self) -> date:
        now = self._clock.now()
        if not self._from <= now < self._until:
            self._date = now.astimezone(self._house.zone).date()
            self._from, self._until = now, now.replace(second=0, microsecond=0) + A_MINUTE
        return self._date


class LanguagesSpoken:
    """Remembers which language this process last spoke to a customer in, for the apology when nothing else can be
    asked.

    The least recent customer is forgotten first.
    """

    def __init__(self) -> None:
        self._languages: OrderedDict[str, LanguageCode] = OrderedDict()

    def find(self, msisdn: str) -> LanguageCode | None:
        return self._languages.get(msisdn)

    def keep(self, msisdn: str, language: LanguageCode | None) -> None:
        """Keeps the language; None, not known, changes nothing."""
        if language is None:
            return
        self._languages[msisdn] = language
        self._languages.move_to_end(msisdn)
        if len(self._languages) > SPOKEN_MAX:
            self._languages.popitem(last=False)
