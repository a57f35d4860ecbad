"""The help desk's use cases: logged first, found by anything, sent again for real, nothing of a card kept."""

from collections.abc import Awaitable, Callable
from dataclasses import replace
from datetime import UTC, date, datetime, timedelta

import psycopg
import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.help_desk.access_log import Action
from core.help_desk.lookup import card_and_day
from core.help_desk.service import WholeCard, plain, resendable
from core.help_desk.timeline import Source
from core.payments.janitor import NoSuchPayment
from core.payments.table import Payment, PaymentState
from core.refunds.requests import Reason
from core.repositories import DatabaseUnavailable, MessageKind
from tests.core.card_spellings import spellings
from tests.support.bank import silent_after_charging
from tests.support.desks import AGENT, BLIND, SUPERVISOR, DeskShop, desk_of
from tests.support.paid import paid
from tests.support.shop import PAYER, Shop


@pytest.fixture
async def at(shop: Shop) -> DeskShop:
    return await desk_of(shop)


async def test_a_payment_is_found_by_whatever_the_caller_holds(at: DeskShop) -> None:
    payment = await at.shop.paid()
    held = (
        payment.auth_code,
        payment.transaction_number,
        payment.receipt_number,
        payment.reference,
        payment.id.lower(),
        "0600000001",
        "06 00 00 00 01",
        "+212600000001",
        "٠٦٠٠٠٠٠٠٠١",
        "0000171682062019",
        "0010 23/11/2026",
        "**** 0010, 23.11.26",
        "0010 2026-11-23",
        "0010 23/11",
        "0010 le 23/11",
    )
    for text in held:
        assert text is not None
        assert [found.id for found in await at.desk.search(AGENT, text)] == [payment.id], text
    for text in (
        "",
        "0010",
        "0010 22/11/2026",
        "0010 31/02/2026",
        "9999 23/11/2026",
        "nothing",
        "\x00",
        "%",
        "0010 1/1/0000",
    ):
        assert await at.desk.search(AGENT, text) == (), text


@given(st.text(max_size=40))
def test_a_day_of_a_card_is_read_or_not_and_never_fails(text: str) -> None:
    found = card_and_day(text, date(2026, 11, 23))
    assert found is None or found.begins < found.ends


def test_a_day_without_its_year_is_the_last_one() -> None:
    today = date(2026, 11, 23)
    begins = [card_and_day(text, today) for text in ("0010 23/11", "0010 24/11", "0010 29/2")]
    assert [None if one is None else one.begins.date() for one in begins] == [today, date(2025, 11, 24), None]
    assert card_and_day("0010 23/11") is None


def test_a_day_is_morocco_s() -> None:
    found = card_and_day("0010 23/05/2024")  # an hour ahead of UTC on that day
    assert found is not None
    assert found.begins.astimezone(UTC) == datetime(2024, 5, 22, 23, tzinfo=UTC)
    assert found.ends - found.begins == timedelta(days=1)


async def test_everything_is_logged_with_who_and_which_payment(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await at.desk.search(AGENT, "0600000001")
    await at.desk.open(AGENT, payment.id)
    await at.desk.open(AGENT, payment.id, contact=True)
    await at.desk.inquire(AGENT, payment.id)
    await at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS)
    await at.desk.note(AGENT, payment.id, "appellera demain")
    await at.desk.propose_undo(AGENT, payment.id, Reason.PAID_TWICE, "")
    await at.desk.queue(SUPERVISOR)
    assert await at.log() == [
        ("amal", "search", None, "+2126*****001"),
        ("amal", "view", payment.id, None),
        ("amal", "contact", payment.id, None),
        ("amal", "inquire", payment.id, None),
        ("amal", "resend", payment.id, "receipt_sms"),
        ("amal", "note", payment.id, None),
        ("amal", "undo_propose", payment.id, "paid_twice"),
        ("sami", "queue", None, None),
    ]


async def test_what_cannot_be_logged_is_not_shown_and_not_done(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await at.shop.work()
    await at.shop.database.do("ALTER TABLE access_log RENAME TO gone")
    acts: list[Callable[[], Awaitable[object]]] = [
        lambda: at.desk.search(AGENT, "0600000001"),
        lambda: at.desk.open(AGENT, payment.id),
        lambda: at.desk.inquire(AGENT, payment.id),
        lambda: at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS),
        lambda: at.desk.note(AGENT, payment.id, "x"),
        lambda: at.desk.propose_undo(SUPERVISOR, payment.id, Reason.PAID_TWICE, ""),
        lambda: at.desk.queue(SUPERVISOR),
    ]
    for act in acts:
        with pytest.raises((psycopg.errors.UndefinedTable, DatabaseUnavailable)):
            await act()
    assert await at.shop.state(payment) is PaymentState.CAPTURED
    rows = await at.shop.database.all("SELECT FROM messages WHERE reference LIKE '%%again%%'")
    notes = await at.shop.database.all("SELECT FROM desk_notes")
    assert (rows, notes, at.shop.bank.asked) == ([], [], 0)


async def test_only_supervisors_see_who_looked(at: DeskShop) -> None:
    payment = await at.shop.paid()
    assert (await at.desk.open(AGENT, payment.id)).accesses == ()
    seen = (await at.desk.open(SUPERVISOR, payment.id)).accesses
    assert [(access.who, access.action) for access in seen] == [("sami", Action.VIEW), ("amal", Action.VIEW)]


async def test_a_receipt_is_sent_once_more_and_a_double_click_sends_one(at: DeskShop) -> None:
    payment = await at.shop.paid()
    assert not await at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS)  # the first one is still on its way
    await at.shop.work()
    assert (len(at.shop.gateways.sms), len(at.shop.gateways.mails)) == (1, 1)
    assert await at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS)
    assert not await at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS)
    assert await at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_MAIL)
    await at.shop.work()
    first, second = at.shop.gateways.sms
    assert (second.to_msisdn, second.text) == (PAYER, first.text)
    assert second.reference != first.reference
    assert len(at.shop.gateways.mails) == 2
    assert at.shop.gateways.copies == [0, 1]


async def test_receipts_are_sent_again_a_few_times_a_day(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await at.shop.work()
    for expected in [True] * 5 + [False]:
        assert await at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS) is expected
        await at.shop.work()
        at.shop.clock.forward(1)
    assert len(at.shop.gateways.sms) == 6
    at.shop.clock.forward(86_400 - 7)  # a second less than a day after the first
    assert not await at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS)
    at.shop.clock.forward(1)
    assert await at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS)


async def test_what_is_not_true_is_not_sent_again(at: DeskShop) -> None:
    payment = await at.shop.started()
    assert resendable(payment) == frozenset()
    assert not await at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS)
    paid = await at.shop.paid(await at.shop.internet_order())
    assert resendable(paid) == {MessageKind.RECEIPT_SMS}  # no address was given
    assert not await at.desk.resend(AGENT, paid.id, MessageKind.RECEIPT_MAIL)
    await at.shop.work()
    await at.shop.till.undo(paid.id, "test")
    await at.shop.work()
    undone = await at.shop.till.payment(paid.id)
    assert undone is not None
    assert resendable(undone) == {MessageKind.UNDONE_SMS}
    assert not await at.desk.resend(AGENT, paid.id, MessageKind.RECEIPT_SMS)
    assert await at.desk.resend(AGENT, paid.id, MessageKind.UNDONE_SMS)


async def test_an_inquiry_finds_what_the_bank_did(at: DeskShop) -> None:
    at.shop.bank.scripts.append(silent_after_charging)
    payment = await at.shop.paid()
    assert payment.state is PaymentState.UNKNOWN
    assert (await at.desk.inquire(AGENT, payment.id)).state is PaymentState.CAPTURED


async def test_a_story_tells_states_messages_notes_and_the_desk_in_order(at: DeskShop) -> None:
    payment = await at.shop.paid()
    await at.shop.work()
    for act in (
        lambda: at.desk.note(AGENT, payment.id, "a appelé"),
        lambda: at.desk.resend(AGENT, payment.id, MessageKind.RECEIPT_SMS),
        lambda: at.desk.propose_undo(AGENT, payment.id, Reason.WRONG_LINE, "ligne du voisin"),
    ):
        at.shop.clock.forward(10)
        await act()
    story = (await at.desk.open(AGENT, payment.id)).story
    assert [(told.source, told.what) for told in story if told.what != "bill_posted"] == [
        (Source.PAYMENT, "create"),
        (Source.PAYMENT, "send"),
        (Source.PAYMENT, "approved"),
        (Source.MESSAGE, "receipt_mail"),
        (Source.MESSAGE, "receipt_sms"),
        (Source.NOTE, "note"),
        (Source.MESSAGE, "receipt_sms"),
        (Source.DESK, "resend"),
        (Source.UNDO, "proposed"),
    ]
    case = await at.desk.open(AGENT, payment.id)
    assert case.open_undo is not None
    assert case.open_undo == case.undos[-1]
    note = next(told for told in story if told.source is Source.NOTE)
    assert (note.who, note.detail) == ("amal", "a appelé")
    undo = story[-1]
    assert (undo.who, undo.detail) == ("amal", "wrong_line ligne du voisin")


async def test_a_card_number_is_refused_and_written_nowhere(at: DeskShop) -> None:
    payment = await at.shop.paid()
    for _, text in (("", "carte 5453-0100-0006-6100 svp"), *spellings(60)):
        with pytest.raises(WholeCard):
            await at.desk.search(AGENT, text)
        with pytest.raises(WholeCard):
            await at.desk.note(AGENT, payment.id, f"sa carte est {text}")
        with pytest.raises(WholeCard):
            await at.desk.propose_undo(AGENT, payment.id, Reason.OTHER, f"carte {text}")
    with pytest.raises(WholeCard):  # cut where searches are, twelve of its digits would be left
        await at.desk.search(AGENT, "x" * 51 + " 4000000000000010")
    assert {row["detail"] for row in await at.shop.database.all("SELECT detail FROM access_log")} == {"[carte]"}
    for table in ("desk_notes", "undo_requests"):
        assert await at.shop.database.all(f"SELECT FROM {table}") == []


async def test_an_unknown_payment_is_nobodys(at: DeskShop) -> None:
    for act in (
        lambda: at.desk.open(AGENT, "nobody"),
        lambda: at.desk.approve_undo(SUPERVISOR, 1),
        lambda: at.desk.reject_undo(SUPERVISOR, 1),
    ):
        with pytest.raises(NoSuchPayment):
            await act()
    assert await at.log() == []


async def test_a_note_is_kept_to_its_bound(at: DeskShop) -> None:
    payment = await at.shop.paid()
    for text in ("x" * 500, "y" * 501):
        assert await at.desk.note(AGENT, payment.id, text)
    rows = await at.shop.database.all("SELECT text FROM desk_notes")
    assert sorted(row["text"] for row in rows) == ["x" * 500, "y" * 500]


async def test_whose_number_was_looked_for_is_kept_apart_within_a_search_s_bound(at: DeskShop) -> None:
    await at.desk.search(AGENT, "Salma 01-2026")
    await at.desk.search(AGENT, f"{PAYER:>129}")  # its last digit is beyond
    assert await at.shop.database.all("SELECT FROM desk_lookups") == []
    await at.desk.search(AGENT, f"{PAYER:>128}")
    rows = await at.shop.database.all("SELECT subject, who FROM desk_lookups")
    assert rows == [{"subject": BLIND.who(PAYER), "who": "amal"}]


async def test_two_people_decide_and_the_log_names_the_request(at: DeskShop) -> None:
    payment = await at.shop.paid()
    assert (await at.desk.payment(payment.id)).id == payment.id
    for number in (1, 2):
        await at.desk.propose_undo(AGENT, payment.id, Reason.PAID_TWICE, "")
        ((request, waits),) = await at.desk.queue(SUPERVISOR)
        assert waits.id == request.payment_id == payment.id
        assert (await at.desk.open(SUPERVISOR, payment.id)).open_undo == request
        if number == 1:
            assert await at.desk.reject_undo(SUPERVISOR, request.id) == (payment.id, None)
            assert (await at.desk.open(SUPERVISOR, payment.id)).open_undo is None
        else:
            id_, after = await at.desk.approve_undo(SUPERVISOR, request.id)
            assert isinstance(after, Payment)
            assert (id_, after.id) == (payment.id, payment.id)
        assert await at.desk.queue(SUPERVISOR) == ()
        assert (f"undo_{'reject' if number == 1 else 'approve'}", f"request {request.id}") in [
            (action, detail) for who, action, of, detail in await at.log() if (who, of) == ("sami", payment.id)
        ]


def test_who_has_no_telephone_is_sent_no_text() -> None:
    browser = replace(paid(), payer_msisdn="web:4f1c")
    assert resendable(browser) == {MessageKind.RECEIPT_MAIL}
    assert resendable(replace(browser, state=PaymentState.REFUNDED)) == frozenset()


def test_what_only_programs_write_is_left_out() -> None:
    assert plain("a\x00b\x1bc\nd\ud800e\x7f\t") == "abc\nde"


async def test_an_empty_note_is_none(at: DeskShop) -> None:
    payment = await at.shop.paid()
    assert not await at.desk.note(AGENT, payment.id, "  ")
    assert await at.shop.database.all("SELECT FROM desk_notes") == []


async def test_the_log_cannot_be_changed_and_young_rows_cannot_leave(at: DeskShop) -> None:
    await at.desk.search(AGENT, "0600000001")
    for statement in ("UPDATE access_log SET who = 'sofia'", "TRUNCATE access_log"):
        with pytest.raises(psycopg.errors.RestrictViolation, match="append-only"):
            await at.shop.database.do(statement)
    with pytest.raises(psycopg.errors.RestrictViolation, match="at least 90 days"):
        await at.shop.database.do("DELETE FROM access_log")
    assert await at.actions() == [Action.SEARCH]
