"""The total and the bills behind it: what is ticked, where the call goes, and bills that are not at hand."""

from dataclasses import replace

import msgspec
import pytest

from core.payments.table import PaymentState
from core.zone import load_zone
from sessions.basket import basket_of
from sessions.bill_cache import BillCache, Listed, UntickedBills
from sessions.screens.choosing import (
    ConfirmTotal,
    Email,
    HandOver,
    NothingToPay,
    TickBoxes,
    WalletPayer,
    bills_or_why,
)
from sessions.screens.menu import (
    Again,
    Amount,
    Back,
    Capabilities,
    Chose,
    Done,
    Event,
    Month,
    Option,
    Typed,
    Unclear,
    Value,
    Words,
    say,
)
from sessions.screens.paying import CardNumber, PayByConnector
from sessions.turn.effects import LineRef, NotRung, Start
from tests.sessions.samples import (
    BASKET,
    CONNECTOR,
    FORTY,
    LINE,
    LONG_ONE,
    NONE_PICKED,
    ONE,
    SOME_PICKED,
    TINY,
    USSD,
    VOICE,
    bills,
    pick,
    visit,
)
from tests.sessions.screens.test_wallet import PAYMENT
from tests.sessions.test_pages import page_of

ALL = 4  # the least bills of which one choice ticks or unticks all, on a handset


def values_of(words: Words) -> dict[str, Value]:
    return dict(words.text.values)


# --- bills with their ticks ------------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("can", "count", "offered"),
    [(USSD, ALL - 1, False), (USSD, ALL, True), (VOICE, 1, True)],
    ids=["few", "many", "aloud"],
)
def test_many_bills_have_one_choice_for_all_and_by_voice_any(can: Capabilities, count: int, offered: bool) -> None:
    words = pick(LINE, bills(count)).ask(visit(can))
    assert [option.id for option in words.options] == ["all"] * offered + [bill.number for bill in bills(count)]
    assert len(words.options) == count + offered
    assert words.place("all") == (0 if offered else None)
    assert words.place(bills(count)[-1].number) == count - 1 + offered


def test_the_choice_for_all_says_what_it_does() -> None:
    for left_out, key in ((0, "bills.none"), (ALL - 1, "bills.none"), (ALL, "bills.all")):
        assert pick(LINE, bills(ALL), left_out).ask(visit(USSD)).options[0].label == say(key)


def test_a_bill_is_told_by_its_month_and_its_amount_in_a_column() -> None:
    for left_out in (0, 1):
        words, bill = pick(LINE, bills(1, 8000), left_out).ask(visit(USSD)), bills(1)[0]
        label = say("bill", month=Month(bill.period), amount=Amount(8000, listed=True))
        assert words.options[0] == Option(bill.number, label, not left_out)


def test_what_is_ticked_is_summed_and_paid() -> None:
    assert (SOME_PICKED.picked_count, SOME_PICKED.picked_centimes) == (33, 33 * 8000)
    words, total = SOME_PICKED.ask(visit(USSD)), Amount(33 * 8000, listed=False)
    assert words.text == say("unpaid-bills", count=33, of=40, total=total)
    assert words.pinned == (Option("pay", say("bills.pay", total=total)),)
    assert words.back
    assert SOME_PICKED.on(Chose("pay"), visit(USSD)) == ConfirmTotal(SOME_PICKED)
    assert SOME_PICKED.on(Chose("pay"), visit(VOICE)) == Start(LINE, bills(40, 8000)[7:])
    assert isinstance(NONE_PICKED.on(Chose("pay"), visit(USSD)), Again)


def test_a_voice_says_how_many_are_ticked_once_they_are_not_all() -> None:
    keys = [(each.ask(visit(VOICE)).text.key) for each in (FORTY, SOME_PICKED)]
    assert keys == ["unpaid-bills.all", "unpaid-bills"]


def test_bills_are_looked_at_as_any_list_is() -> None:
    here = TickBoxes(Listed(bills(ALL)), UntickedBills())
    every = (here.at(0), *(here.at(place) for place in range(1, ALL + 1)))
    assert tuple(here) == every
    assert (here[0], here[ALL], here[-1], here[-ALL - 1]) == (every[0], every[-1], every[-1], every[0])
    assert (here[:], here[1:3], here[::-1]) == (every, every[1:3], every[::-1])
    for place in (ALL + 1, -ALL - 2):
        with pytest.raises(IndexError):
            here[place]


def test_lists_are_equal_where_their_options_are() -> None:
    def listing(count: int, left_out: int = 0) -> TickBoxes:
        return TickBoxes(Listed(bills(count)), pick(LINE, bills(count), left_out).left)

    assert listing(3) == listing(3)
    assert len({listing(3), listing(3), listing(3, 1)}) == 2
    assert listing(3) != listing(2)
    assert listing(3) != listing(3)[:]


# --- the total -------------------------------------------------------------------------------------------------------


def test_the_address_of_a_receipt_is_shown_in_short_or_asked_for() -> None:
    for screen, shown, key in (
        (ConfirmTotal(ONE), "s***@example.com", "confirm-total.change-email"),
        (ConfirmTotal(LONG_ONE), "m***@mail.mail.mail.mail", "confirm-total.change-email"),
        (ConfirmTotal(TINY), None, "confirm-total.add-email"),
    ):
        words = screen.ask(visit(USSD))
        assert values_of(words).get("email") == shown
        assert words.options[-1] == Option("email", say(key))


@pytest.mark.parametrize("only_bill", [False, True])
@pytest.mark.parametrize("choice", ["email", "other:neqdi"])
def test_the_way_back_leads_to_the_total_it_came_from(only_bill: bool, choice: str) -> None:
    total = ConfirmTotal(TINY, only_bill)
    field = total.on(Chose(choice), visit(USSD))
    assert isinstance(field, Email | WalletPayer)
    assert field.ask(visit(USSD)).back
    assert field.on(Back(), visit(USSD)) == total


def test_a_field_kept_by_an_older_version_leads_to_bills_that_were_chosen() -> None:
    for field in (Email(TINY), WalletPayer(TINY, "neqdi")):
        assert field.on(Back(), visit(USSD)) == ConfirmTotal(TINY, only_bill=False)


def test_an_address_of_120_signs_is_taken_and_one_more_is_not() -> None:
    page = page_of(Email(ONE).ask(visit(USSD)))
    assert page.read("x" * 120) == Typed("x" * 120)
    assert page.read("x" * 121) == Unclear()


def test_a_typed_address_takes_the_place_of_the_line_s() -> None:
    for others in (False, True):
        line = replace(LINE, others=others)
        following = Email(pick(line, bills(1))).on(Typed("other@example.com"), visit(USSD))
        typed = LineRef(LINE.service, LINE.reference, "other@example.com", typed=True, others=others)
        assert following == ConfirmTotal(pick(typed, bills(1)))


def test_an_address_with_a_star_or_of_letters_that_no_mail_server_takes_is_asked_again() -> None:
    able = msgspec.structs.replace(visit(USSD), mail_utf8=True)
    for typed, here in (("a*b@example.com", able), ("nowhere", able), ("h\u00e9l\u00e8ne@example.com", visit(USSD))):
        assert Email(ONE).on(Typed(typed), here) == Again(say("email.wrong"))
    assert isinstance(Email(ONE).on(Typed("h\u00e9l\u00e8ne@example.com"), able), ConfirmTotal)


# --- what follows ----------------------------------------------------------------------------------------------------


@pytest.mark.parametrize(("came", "rings"), [(Done(PAYMENT), True), (Done(NotRung(PAYMENT)), False)])
def test_the_hand_over_promises_a_call_only_where_one_comes(came: Done, rings: bool) -> None:
    screen = ConfirmTotal(ONE).on(came, visit(USSD))
    assert isinstance(screen, HandOver)
    assert (screen.rings, screen.basket.payment_id) == (rings, PAYMENT.id)
    assert screen.ask(visit(USSD)).text.key == ("hand-over" if rings else "hand-over.no-call")


def test_the_hand_over_says_until_when_by_the_customer_s_clock() -> None:
    here = msgspec.structs.replace(visit(USSD), zone=load_zone("Europe/Paris"))
    told = HandOver(BASKET).ask(here)
    assert told.text == say(
        "hand-over",
        total=Amount(76920),
        caller="0600000001",
        voice="0522000000",
        reference="110001",
        until="14:15",  # 13:15 in UTC
    )
    older = msgspec.structs.replace(BASKET, until=None)
    assert values_of(HandOver(older).ask(here))["until"] == "-"


def test_a_basket_of_one_bill_is_named_before_its_card_is_asked() -> None:
    waits = replace(PAYMENT, state=PaymentState.CREATED)
    assert bills_or_why(LINE, waits, visit(VOICE)) == CardNumber(basket_of(waits), only_bill=True)
    assert bills_or_why(LINE, waits, visit(CONNECTOR)) == PayByConnector(basket_of(waits))


def test_where_there_is_nothing_to_go_back_to_no_key_leads_back() -> None:
    words = NothingToPay("0600000004").ask(visit(USSD))
    assert not words.back


@pytest.mark.parametrize("event", [Typed("1"), Chose("nothing that is offered")])
def test_what_is_not_offered_starts_nothing(event: Event) -> None:
    answer = ConfirmTotal(ONE).on(event, visit(USSD))
    assert isinstance(answer, Again)
    assert answer.notice.key == "wrong-choice"


def test_bills_that_are_not_at_hand_are_never_taken_for_none() -> None:
    """A long list is fetched before its screen is asked; a process that forgot to must not send an empty basket."""
    here = visit(USSD)
    effect = ConfirmTotal(FORTY).on(Chose("pay"), here)
    assert isinstance(effect, Start)
    assert len(effect.invoices) == 40
    with pytest.raises(LookupError):
        ConfirmTotal(FORTY).on(Chose("pay"), msgspec.structs.replace(here, shelf=BillCache()))
