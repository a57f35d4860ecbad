"""What customers were shown, on its way to the help desk: nothing typed that may be secret, and in nobody's way."""

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from channels.observer import unrecorded
from core.database.help_desk.transcripts import PgTranscripts
from core.database.pool import open_database
from core.help_desk.transcripts import Pseudonymiser, Shown
from core.languages import LanguageCode
from core.messaging.texts import load_texts
from core.repositories import DatabaseUnavailable
from khallas.telemetry.transcripts import AT_ONCE, BUFFER_MAX, SOON_FROM, Transcripts
from lab.clocks import StillClock
from sessions import shown_texts as said
from sessions.pages import Keys, Page
from sessions.screens.menu import Amount, Digits, Menu, Month, Say, Spelled, Tell, Worded, say
from sessions.turn.turns import Inbound, TurnAnswer
from tests.support.waiting import until

NUMBER = "+212600000001"
BLIND = Pseudonymiser(("today", "yesterday"))
DAY = timedelta(days=1)
TEXTS = load_texts()
TOTAL = Menu(say("confirm-total", total=Amount(76920), count=2, email="s***@example.com"), ())


def answer(screen: str, came_from: str = "", words: Menu | Digits | Tell = TOTAL, *, ends: bool = False) -> TurnAnswer:
    return TurnAnswer(Page("", words, Keys("9", "0")), screen, LanguageCode.FR, 1, ends=ends, came_from=came_from)


def heard(typed: str | None, dialog: str = "ATUid_1", order: int = 1) -> Inbound:
    return Inbound(dialog, NUMBER, order, typed)


@dataclass
class Away:
    """A database that can be told to be away."""

    away: bool = True
    rows: list[list[str]] = field(default_factory=list)

    async def write(self, lines: Sequence[str]) -> None:
        if self.away:
            raise DatabaseUnavailable("away")
        self.rows += [line.split("\t") for line in lines]


async def test_a_dialog_is_read_as_it_was_shown(database_url: str) -> None:
    clock = StillClock()
    async with open_database(database_url) as database:
        books = PgTranscripts(database, BLIND)
        transcripts = Transcripts(books, BLIND, clock)
        tell = transcripts.door("ussd", "africastalking", keys=True)
        async with transcripts.running():
            tell(heard(None), answer("Service"))
            clock.forward(4)
            tell(heard("1"), answer("PickInvoices", "Service"))
            tell(heard("1", "another"), None)
            clock.forward(3)
            tell(heard("2"), answer("ConfirmTotal", "PickInvoices", ends=True))
            transcripts.text(NUMBER, "twilio-SM1", "twilio", "code_sms")
        dialogs = await books.of(NUMBER, clock.now() - DAY, clock.now() + DAY)
        assert await books.of("+212600000002", clock.now() - DAY, clock.now() + DAY) == ()
        assert await books.of(NUMBER, clock.now() + DAY, clock.now() + 2 * DAY) == ()
        assert (
            await PgTranscripts(database, Pseudonymiser(("tomorrow", "today"))).of(
                NUMBER, clock.now() - DAY, clock.now() + DAY
            )
            == dialogs
        )
        (kept,) = await database.all("SELECT string_agg(t::text, ' ') AS rows FROM transcript_turns t")
    first, broken, text = dialogs
    assert [(s.screen, s.came_from, s.keys, s.outcome) for s in first.shown] == [
        ("Service", "", "", "answered"),
        ("PickInvoices", "Service", "1", "answered"),
        ("ConfirmTotal", "PickInvoices", "2", "ended"),
    ]
    assert (first.channel, first.wire, first.language) == ("ussd", "africastalking", "fr")
    assert [(s.screen, s.keys, s.outcome) for s in broken.shown] == [("Apology", "•", "failed")]
    assert [(text.channel, s.screen, s.keys) for s in text.shown] == [("sms", "code_sms", "•")]
    for hidden in ("600000001", "ATUid_1", "example.com"):
        assert hidden not in kept["rows"]


async def test_what_is_typed_is_kept_on_no_field_and_in_no_call() -> None:
    books, clock = Away(away=False), StillClock()
    transcripts = Transcripts(books, BLIND, clock)
    ussd, ivr = transcripts.door("ussd", "infobip", keys=True), transcripts.door("ivr", "twilio")
    for before in ("PaymentCode", "CardNumber", "CardCvv", "CardExpiry", "BankPin", "Reference", "Email", ""):
        ussd(heard("7"), answer("Service", before))
    ussd(heard("4000000000000010"), answer("Service", "Service"))
    ussd(heard("1\t2"), answer("Service", "Service"))
    for before in ("Service", "ConfirmTotal", "CardNumber", "BankPin"):
        ivr(heard("7"), answer("Service", before))
    assert await transcripts.flush()
    assert {row[9] for row in books.rows} == {"•"}
    assert len(books.rows) == 14


async def test_a_database_that_is_away_loses_only_the_oldest_past_the_bound() -> None:
    books = Away()
    transcripts = Transcripts(books, BLIND, StillClock())
    tell = transcripts.door("ussd", "infobip", keys=True)
    for number in range(BUFFER_MAX + 5):
        tell(heard("1"), answer(f"Screen{number}", "Service"))
    assert not await transcripts.flush()
    tell(heard("1"), answer("Last", "Service"))
    assert not await transcripts.flush()
    books.away = False
    assert await transcripts.flush()
    assert [books.rows[0][6], books.rows[-1][6], len(books.rows)] == ["Screen6", "Last", BUFFER_MAX]


async def test_a_batch_that_cannot_be_written_keeps_no_server_from_stopping(caplog: pytest.LogCaptureFixture) -> None:
    class Broken:
        async def write(self, lines: Sequence[str]) -> None:
            raise RuntimeError("no such table")

    transcripts = Transcripts(Broken(), BLIND, StillClock())
    async with transcripts.running():
        transcripts.door("ussd", "africastalking")(heard("1"), answer("Service"))
    assert "transcripts failed this time" in caplog.text


async def test_what_cannot_be_written_out_is_no_customers_trouble(caplog: pytest.LogCaptureFixture) -> None:
    books = Away(away=False)
    transcripts = Transcripts(books, BLIND, StillClock())
    tell = transcripts.door("ussd", "infobip", keys=True)
    tell(heard("1", dialog="\ud800"), answer("Service", "Service"))  # no UTF-8 says this
    for _ in range(AT_ONCE):
        tell(heard("1"), answer("Service", "Service"))
    assert caplog.text.count("a screen could not be written out") == 1
    assert await transcripts.flush()
    assert len(books.rows) == AT_ONCE  # what others were shown is kept


async def test_a_server_that_is_away_is_away_and_not_broken(database_url: str) -> None:
    async with open_database(database_url) as database:
        books = PgTranscripts(database, BLIND)
        transcripts = Transcripts(books, BLIND, StillClock())
        transcripts.door("ivr", "twilio")(heard(None), answer("Service"))
        await database.pool.close()
        assert not await transcripts.flush()


def test_nothing_is_collected_where_nothing_is_kept() -> None:
    assert Transcripts(None, BLIND, StillClock()).door("ussd", "infobip", keys=True) is unrecorded


VALUES = st.one_of(
    st.builds(Amount, st.integers(0, 10**9)),
    st.builds(Month, st.dates(datetime(2000, 1, 1, tzinfo=UTC).date())),
    st.integers(0, 10**6),
    st.just(Worded("service.mobile")),
    st.builds(Spelled, st.just("SECRET")),
    st.just("SECRET"),
)


@given(st.dictionaries(st.sampled_from(("total", "count", "email")), VALUES))
def test_a_text_keeps_amounts_months_and_counts_alone(
    values: dict[str, Amount | Month | Spelled | Worded | int | str],
) -> None:
    kept = said.keep(Say("confirm-total", tuple(values.items())))
    assert "SECRET" not in kept
    assert not set(kept) & set("\t\n\\")
    for language in LanguageCode:
        words = said.read(kept, TEXTS, "ussd", language)
        assert bool(words) == (set(values) == {"total", "count", "email"})
        assert isinstance(values.get("total"), Amount) <= ("DH" in words or not words)


def test_a_text_that_this_release_does_not_know_is_left_out() -> None:
    for odd in ("", "{}", '["gone",{}]', '["confirm-total",{}]', '["confirm-total",{"total":{"no":"month"}}]'):
        assert said.read(odd, TEXTS, "ussd", LanguageCode.FR) == ""
    shown = Shown(StillClock().now(), "X", "", "answered", "", '["goodbye",{}]')
    assert said.read(shown.said, TEXTS, "ussd", LanguageCode.FR) == "Merci, au revoir."


async def test_many_turns_are_written_before_their_time_and_in_one_statement() -> None:
    books = Away(away=False)
    transcripts = Transcripts(books, BLIND, StillClock())
    tell = transcripts.door("ussd", "africastalking")
    async with transcripts.running(3_600):
        await asyncio.sleep(0)  # its first look is over
        for n in range(SOON_FROM + AT_ONCE - 1):
            tell(heard("1", f"d{n}"), answer("Service"))
        await until(lambda: bool(books.rows))
        assert len(books.rows) == SOON_FROM + AT_ONCE - 1


async def test_a_database_that_is_away_is_not_asked_sooner() -> None:
    books = Away()
    transcripts = Transcripts(books, BLIND, StillClock())
    tell = transcripts.door("ussd", "africastalking")
    for n in range(2 * SOON_FROM):
        tell(heard("1", f"d{n}"), answer("Service"))
    transcripts._soon.clear()
    for n in range(SOON_FROM):
        tell(heard("1", f"d{n}"), answer("Service"))
    assert not transcripts._soon.is_set()
