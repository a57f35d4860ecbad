"""Ways through the journey on USSD, every step read again from a real Valkey."""

from dataclasses import replace

import pytest

from core.payments.service import Refusal
from core.payments.table import PaymentState
from sessions.screens.journey import FIELD_TRIES_MAX, SESSION_TRIES_MAX
from tests.sessions.fakes import NUMBERS, Converse, Stage, to_confirm

WITHOUT_BILLS = "+212600000004"


async def test_a_first_dial_reaches_the_hand_over_in_six_screens(on: Stage) -> None:
    phone = on.ussd()
    seen = [(await phone.dial()).screen]
    seen += [(await phone.choose(option)).screen for option in ("fr", "own:0", "accept", "pay", "pay")]
    assert seen == ["Language", "Service", "Terms", "PickInvoices", "ConfirmTotal", "HandOver"]
    assert phone.answer is not None
    assert phone.answer.ends
    payment = on.till.only_payment()
    assert payment.amount_centimes == 76920
    assert payment.reference in phone.page.text
    assert "0600000001" in phone.page.text
    assert NUMBERS.voice in phone.page.text
    assert on.till.calls["request_call"] == 1


async def test_a_returning_customer_needs_four(on: Stage) -> None:
    await (await to_confirm(on)).choose("pay")
    on.till.become("p1", PaymentState.CAPTURED)
    phone = on.ussd()
    seen = [(await phone.dial()).screen]
    seen += [(await phone.choose(option)).screen for option in ("own:0", "pay", "pay")]
    assert seen == ["Service", "PickInvoices", "ConfirmTotal", "HandOver"]


async def test_another_line_with_its_code(on: Stage) -> None:
    phone = on.ussd("+212600000009")
    await phone.dial()
    await phone.choose("en")
    await phone.choose("mobile")
    assert (await phone.key("0537000103")).screen == "Reference"
    assert "not a mobile number" in phone.page.text
    assert (await phone.key("06 00 00 00 01")).screen == "PaymentCode"
    assert (await phone.key("999999")).screen == "PaymentCode"
    assert "Wrong number or code" in phone.page.text
    assert (await phone.key("٤٨٢٩١٣")).screen == "Terms"
    await phone.choose("accept")
    assert phone.screen == "ConfirmTotal"
    assert "05/2019: 769.20 DH" in phone.page.text or "05/2019: 769,20 DH" in phone.page.text
    assert "@" not in phone.page.text  # the owner is not written to by default


async def _to_another_line(on: Stage, line: str, code: str) -> Converse:
    phone = on.ussd("+212600000009")
    await phone.dial()
    await phone.choose("fr")
    await phone.choose("mobile")
    await phone.key(line)
    await phone.key(code)
    await phone.choose("accept")
    return phone


async def test_another_line_s_one_bill_takes_seven_screens_then_five(on: Stage) -> None:
    for first, screens in ((("fr",), 7), ((), 5)):
        phone = on.ussd("+212600000009")
        seen = [(await phone.dial()).screen]
        seen += [(await phone.choose(option)).screen for option in (*first, "mobile")]
        seen += [(await phone.key(typed)).screen for typed in ("0600000001", "482913")]
        if first:
            seen.append((await phone.choose("accept")).screen)
        assert seen[-1] == "ConfirmTotal"
        seen.append((await phone.choose("pay")).screen)
        assert (seen[-1], len(seen)) == ("HandOver", screens)
        on.till.become("p1", PaymentState.CAPTURED)


async def test_back_from_a_bill_that_was_not_chosen_leads_to_the_choice_of_a_line(on: Stage) -> None:
    phone = await _to_another_line(on, "0600000001", "482913")
    await phone.choose("email")
    assert (await phone.key("0")).screen == "ConfirmTotal"
    assert "05/2019" in phone.page.text
    await phone.choose("email")
    await phone.key("payer@example.com")
    assert "05/2019" in phone.page.text
    assert "p***@example.com" in phone.page.text
    assert (await phone.key("0")).screen == "Service"


async def test_one_bill_left_of_another_line_is_shown_when_the_bills_changed(on: Stage) -> None:
    phone = await _to_another_line(on, "0600000001", "482913")
    on.till.memory.refusals["start"] = Refusal.BILLS_CHANGED
    assert (await phone.choose("pay")).screen == "PickInvoices"
    assert "changé" in phone.page.text


async def test_several_bills_of_another_line_are_chosen_among(on: Stage) -> None:
    on.till.memory.bills["0600000001"] = on.till.memory.bills["0600000006"]
    phone = await _to_another_line(on, "0600000001", "482913")
    assert phone.screen == "PickInvoices"
    await phone.choose("pay")
    assert (await phone.key("0")).screen == "PickInvoices"


async def test_another_address_for_the_receipt(on: Stage) -> None:
    phone = await to_confirm(on)
    assert (await phone.choose("email")).screen == "Email"
    assert (await phone.key("nowhere")).screen == "Email"
    assert (await phone.key("0")).screen == "ConfirmTotal"
    await phone.choose("email")
    await phone.key("other@Example.com")
    assert "o***@example.com" in phone.page.text
    await phone.choose("pay")
    assert on.till.only_payment().email == "other@example.com"


@pytest.mark.parametrize(("utf8", "screen"), [(False, "Email"), (True, "ConfirmTotal")])
async def test_letters_beyond_ascii_are_refused_at_the_field_unless_the_mail_server_takes_them(
    on: Stage, utf8: bool, screen: str
) -> None:
    on.turns._visits._house = replace(on.turns._visits._house, mail_utf8=utf8)
    phone = await to_confirm(on)
    await phone.choose("email")
    assert (await phone.key("h\u00e9l\u00e8ne@example.com")).screen == screen
    if utf8:
        await phone.choose("pay")
        assert on.till.only_payment().email == "h\u00e9l\u00e8ne@example.com"


async def test_ticks_keep_their_page(on: Stage) -> None:
    on.till.memory.bills["0600000001"] = on.till.memory.bills["0600000006"]
    phone = on.ussd()
    await phone.dial()
    await phone.choose("ar")
    await phone.choose("own:0")
    await phone.choose("accept")
    await phone.choose("all")
    assert "1. " in phone.page.text
    assert "pay" not in {getattr(event, "id", "") for event in phone.page.meaning.values()}
    await phone.choose(on.till.memory.bills["0600000001"][20].number)
    assert phone.page.begin > 0
    assert phone.page.text.count(". [x] ") == 1
    await phone.choose("pay")
    await phone.choose("pay")
    assert on.till.only_payment().invoices == (on.till.memory.bills["0600000001"][20],)


async def test_three_wrong_answers_end_kindly(on: Stage) -> None:
    phone = on.ussd()
    await phone.dial()
    await phone.choose("fr")
    await phone.choose("mobile")
    for _ in range(FIELD_TRIES_MAX - 1):
        assert (await phone.key("12")).screen == "Reference"
    last = await phone.key("12")
    assert (last.screen, last.ends) == ("Goodbye", True)
    assert "777" in last.page.text


async def test_too_many_mistakes_in_all_end_too(on: Stage) -> None:
    phone = on.ussd()
    await phone.dial()
    await phone.choose("fr")
    made = 0
    while phone.screen != "Goodbye":
        assert made < SESSION_TRIES_MAX
        await phone.choose("mobile")
        for _ in range(FIELD_TRIES_MAX - 1):
            if phone.screen == "Reference":
                await phone.key("12")
                made += 1
        if phone.screen == "Reference":
            await phone.key("0")
    assert made == SESSION_TRIES_MAX


async def test_nothing_to_pay_names_the_line(on: Stage) -> None:
    phone = on.ussd(WITHOUT_BILLS)
    await phone.dial()
    await phone.choose("fr")
    await phone.choose("own:0")
    await phone.choose("accept")
    assert phone.screen == "NothingToPay"
    assert "0600000004" in phone.page.text
    assert (await phone.choose("other")).screen == "Service"
    assert (await phone.choose("own:0")).screen == "NothingToPay"
    assert "0600000004" in phone.page.text


# two that lead on, and one that only a card's entry meets: it has words by voice alone
NOT_OF_A_START = {Refusal.NOTHING_TO_PAY, Refusal.BILLS_CHANGED, Refusal.CARD_LOCKED}


@pytest.mark.parametrize("why", [r for r in Refusal if r not in NOT_OF_A_START])
async def test_a_refusal_is_said(on: Stage, why: Refusal) -> None:
    phone = await to_confirm(on)
    on.till.memory.refusals["start"] = why
    last = await phone.choose("pay")
    assert (last.screen, last.ends) == ("Goodbye", True)
    assert not on.till.memory.payments


async def test_bills_that_changed_are_shown_again(on: Stage) -> None:
    phone = await to_confirm(on)
    on.till.memory.bills["0600000001"] = on.till.memory.bills["0600000003"]
    await phone.choose("pay")
    assert phone.screen == "PickInvoices"
    assert "ont changé" in phone.page.text
    assert "99,00 DH" in phone.page.text
    on.till.memory.bills["0600000001"] = ()
    await phone.choose("pay")
    assert (await phone.choose("pay")).screen == "NothingToPay"
