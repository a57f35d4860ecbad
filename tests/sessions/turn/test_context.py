"""What screens are told of the visit: the date of the operator's zone to the minute, and what was chosen last."""

from dataclasses import replace
from datetime import UTC, date, datetime

import pytest

from core.languages import LanguageCode
from core.wallets.port import WalletTerms
from lab.clocks import StillClock
from sessions.bill_cache import BillCache
from sessions.screens.menu import ScreenContext
from sessions.screens.opening import Language
from sessions.turn.context import DialledNumbers, ScreenContexts, ServiceContext
from sessions.turn.inbound import Inbound
from sessions.turn.state import TurnState
from tests.sessions.fakes import CALLER, CASABLANCA, NUMBERS
from tests.sessions.samples import USSD

HEARD = Inbound("d1", CALLER, 1, "1", asks_from="203.0.113.7", placed=True)
HOUSE = ServiceContext(CASABLANCA, check_luhn=True, default_language=LanguageCode.AR)
SHELF = BillCache()


def contexts(clock: StillClock | None = None, house: ServiceContext = HOUSE) -> ScreenContexts:
    return ScreenContexts(clock or StillClock(), NUMBERS, house, SHELF)


def draft(language: LanguageCode | None = LanguageCode.FR, *, terms: bool = True) -> TurnState:
    return TurnState(Language(), language, terms)


@pytest.mark.parametrize(
    "house",
    [HOUSE, replace(HOUSE, check_luhn=False, mail_utf8=True, wallets=(("neqdi", WalletTerms("Neqdi", "MAD")),))],
)
def test_a_screen_is_told_all_that_is_known(house: ServiceContext) -> None:
    visit = contexts(house=house).of(draft(), HEARD, USSD)
    assert visit == ScreenContext(
        msisdn=CALLER,
        can=USSD,
        language=LanguageCode.FR,
        terms_accepted=True,
        today=date(2026, 11, 23),
        help_number="777",
        voice_number="0522000000",
        short_code="1117",
        shelf=SHELF,
        check_luhn=house.check_luhn,
        mail_utf8=house.mail_utf8,
        asks_from="203.0.113.7",
        language_known=True,
        zone=CASABLANCA,
        wallets=house.wallets,
        placed=True,
    )


def test_numbers_have_no_code_of_ussd_unless_it_is_set() -> None:
    assert DialledNumbers("777", "0522000000", "1117").service_code == ""
    assert (HOUSE.mail_utf8, HOUSE.wallets) == (False, ())


def test_a_visit_is_the_same_until_something_of_it_changes() -> None:
    turns, of = contexts(), draft(None, terms=False)
    first = turns.of(of, HEARD, USSD)
    assert (first.language, first.language_known, first.terms_accepted) == (LanguageCode.AR, False, False)
    assert turns.of(of, HEARD, USSD) is first is of.visit
    of.language = LanguageCode.AR  # chosen, and what was spoken anyway
    known = turns.of(of, HEARD, USSD)
    assert (known.language, known.language_known) == (LanguageCode.AR, True)
    assert turns.of(of, HEARD, USSD) is known
    of.terms = True
    accepted = turns.of(of, HEARD, USSD)
    assert accepted.terms_accepted
    assert turns.of(of, HEARD, USSD) is accepted
    of.language = LanguageCode.FR
    assert turns.of(of, HEARD, USSD).language is LanguageCode.FR


def at(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=CASABLANCA).astimezone(UTC)


@pytest.mark.parametrize("asked_first", ["23:58:00", "23:59:00", "23:59:00.000001", "23:59:30", "23:59:59.999999"])
def test_the_date_is_another_from_midnight_on(asked_first: str) -> None:
    clock = StillClock(at(f"2026-11-23T{asked_first}"))
    turns = contexts(clock)
    assert [turns.of(draft(), HEARD, USSD).today for _ in range(2)] == [date(2026, 11, 23)] * 2
    for moment, day in (("24T00:00:00", 24), ("23T23:59:59", 23), ("25T12:00:00", 25)):  # a clock may be set back
        clock.time = at(f"2026-11-{moment}")
        assert [turns.of(draft(), HEARD, USSD).today for _ in range(2)] == [date(2026, 11, day)] * 2
