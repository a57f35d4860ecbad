"""The total and the bills behind it: where the call goes, and bills that are not at hand."""

from datetime import datetime
from zoneinfo import ZoneInfo

import msgspec
import pytest

from sessions.bill_cache import BillCache
from sessions.screens.choosing import ConfirmTotal, Email, HandOver, TickBoxes
from sessions.screens.menu import Again, Amount, Capabilities, Chose, Done, Event, Typed
from sessions.turn.effects import LineRef, NotRung, Start
from tests.sessions.samples import BARE_LINE, BASKET, FORTY, LINE, ONE, USSD, VOICE, bills, pick, visit
from tests.sessions.screens.test_wallet import NEQDI, PAYMENT


@pytest.mark.parametrize(("came", "rings"), [(Done(PAYMENT), True), (Done(NotRung(PAYMENT)), False)])
def test_the_hand_over_promises_a_call_only_where_one_comes(came: Done, rings: bool) -> None:
    screen = ConfirmTotal(ONE).on(came, visit(USSD))
    assert isinstance(screen, HandOver)
    assert (screen.rings, screen.basket.payment_id) == (rings, PAYMENT.id)
    told, other = screen.ask(visit(USSD)), msgspec.structs.replace(screen, rings=not rings).ask(visit(USSD))
    assert told.text != other.text


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


# --- what is ticked, and what "all" does -----------------------------------------------------------------------------


@pytest.mark.parametrize(("count", "where", "offered"), [(3, USSD, 0), (4, USSD, 1), (1, VOICE, 1)])
def test_one_choice_for_all_stands_first_from_four_bills_on_and_by_voice_always(
    count: int, where: Capabilities, offered: int
) -> None:
    here = visit(where)
    menu = pick(LINE, bills(count)).ask(here)
    boxes = menu.options
    assert isinstance(boxes, TickBoxes)
    assert (len(boxes), boxes.uncounted) == (count + offered, offered)
    assert [each.label.key for each in boxes] == ["bills.none"] * offered + ["bill"] * count
    assert boxes.place("all") == (0 if offered else None)
    assert [boxes.place(bill.number) for bill in bills(count)] == list(range(offered, count + offered))
    assert boxes.place("no bill") is None
    assert menu.back


def test_a_bill_is_shown_as_it_is_ticked_its_unit_left_out() -> None:
    menu = pick(LINE, bills(5), 2).ask(visit(USSD))
    assert isinstance(menu.options, TickBoxes)
    assert [each.ticked for each in menu.options] == [None, False, False, True, True, True]
    assert dict(menu.options[1].label.values)["amount"] == Amount(bills(5)[0].amount_centimes, listed=True)
    (first, *_) = pick(LINE, bills(5), 5).ask(visit(USSD)).every
    assert first.label.key == "bills.all"  # and nothing to pay is pinned before it


def test_tick_boxes_are_a_sequence_like_any_other() -> None:
    boxes = pick(LINE, bills(5)).ask(visit(USSD)).options
    same, other = pick(LINE, bills(5)).ask(visit(USSD)).options, pick(LINE, bills(5), 1).ask(visit(USSD)).options
    every = tuple(boxes)
    assert len(every) == len(boxes) == 6
    assert [boxes[place] for place in (0, 5, -1, -6)] == [every[place] for place in (0, 5, -1, -6)]
    assert (boxes[1:4], boxes[-2:], boxes[:]) == (every[1:4], every[-2:], every)
    for beyond in (6, -7):
        with pytest.raises(IndexError):
            boxes[beyond]
    assert (boxes == same, hash(boxes) == hash(same)) == (True, True)
    assert (boxes == other, boxes == list(boxes), hash(boxes) == hash(other)) == (False, False, False)


@pytest.mark.parametrize(
    ("where", "left_out", "key"),
    [(VOICE, 0, "unpaid-bills.all"), (VOICE, 2, "unpaid-bills"), (USSD, 0, "unpaid-bills"), (USSD, 2, "unpaid-bills")],
)
def test_a_voice_says_the_total_of_all_first(where: Capabilities, left_out: int, key: str) -> None:
    screen = pick(LINE, bills(5, 1_000), left_out)
    text = screen.ask(visit(where)).text
    due = Amount((5 - left_out) * 1_000)
    assert (text.key, dict(text.values)["total"], dict(text.values)["of"]) == (key, due, 5)
    assert screen.picked_centimes == due.centimes


@pytest.mark.parametrize(("where", "begun"), [(VOICE, Start), (USSD, ConfirmTotal)])
def test_pay_begins_where_the_card_is_taken_and_asks_once_more_elsewhere(
    where: Capabilities, begun: type[object]
) -> None:
    assert isinstance(pick(LINE, bills(5)).on(Chose("pay"), visit(where)), begun)
    assert isinstance(pick(LINE, bills(5), 5).on(Chose("pay"), visit(where)), Again)


# --- the total, and another address ----------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("line", "text", "option"),
    [
        (LINE, "confirm-total", "confirm-total.change-email"),
        (BARE_LINE, "confirm-total.no-email", "confirm-total.add-email"),
    ],
)
def test_the_total_says_where_the_receipt_goes(line: LineRef, text: str, option: str) -> None:
    menu = ConfirmTotal(pick(line, bills(2))).ask(visit(USSD))
    assert (menu.text.key, menu.every[-1].label.key, menu.back) == (text, option, True)


def test_another_wallet_is_asked_of_the_first_only() -> None:
    two = msgspec.structs.replace(visit(USSD), wallets=(NEQDI, ("second", NEQDI[1])))
    offered = [each.id for each in ConfirmTotal(ONE).ask(two).every if each.id.startswith("other:")]
    assert offered == [f"other:{NEQDI[0]}"]


@pytest.mark.parametrize("typed", ["salma*work@example.com", "salma", ""])
def test_an_address_with_a_star_is_a_slip(typed: str) -> None:
    answer = Email(ONE).on(Typed(typed), visit(USSD))
    assert isinstance(answer, Again)
    assert answer.notice.key == "email.wrong"


def test_an_address_that_was_typed_is_the_payer_s_own() -> None:
    screen = Email(ONE, only_bill=True).on(Typed("nadia@example.com"), visit(USSD))
    assert isinstance(screen, ConfirmTotal)
    assert (screen.pick.line.email, screen.pick.line.typed, screen.only_bill) == ("nadia@example.com", True, True)


@pytest.mark.parametrize(("rings", "key"), [(True, "hand-over"), (False, "hand-over.no-call")])
@pytest.mark.parametrize(("until", "told"), [(BASKET.until, "22:15"), (None, "-")])
def test_the_hand_over_tells_the_hour_where_the_customer_is(
    until: datetime | None, told: str, rings: bool, key: str
) -> None:
    basket = msgspec.structs.replace(BASKET, until=until)
    there = msgspec.structs.replace(visit(USSD), zone=ZoneInfo("Asia/Tokyo"))  # whose clocks are left alone
    text = HandOver(basket, rings=rings).ask(there).text
    assert (text.key, dict(text.values)["until"]) == (key, told)
