"""What a call hears of the bank: its PIN, its silence, and what became of a basket meanwhile."""

import asyncio

import pytest

from core.payments.service import Refusal
from core.payments.table import PaymentState
from sessions.screens.paying import CHECKS_MAX, POLLS_MAX, POLLS_UNSENT_MAX
from sessions.turn.perform import EffectPerformer
from tests.sessions.cards import CARD, COPIES, CVV, assert_hidden, landed, to_cvv, type_card
from tests.sessions.fakes import Converse, Stage, stage, to_confirm
from tests.support.till import PIN_CARD, SILENT_CARD

# --- the bank's PIN --------------------------------------------------------------------------------------------------


async def test_the_banks_pin(on: Stage) -> None:
    call = await to_cvv(on, PIN_CARD)
    await call.key(CVV)
    await landed(on.turns)
    assert (await call.say(None)).screen == "BankPin"
    assert (await call.key("555")).screen == "Paying"
    await landed(on.turns)
    answer = await call.say(None)
    assert answer.screen == "BankPin"
    assert answer.page.text.startswith("bank-pin.refused")
    heard = call.next_heard("123")
    answers = await asyncio.gather(*(on.turns.take(heard, call.speaker) for _ in range(COPIES)))
    assert {answer.screen for answer in answers} == {"Paying"}
    await landed(on.turns)
    assert on.till.memory.pins == ["555", "123"]
    assert (await call.say(None)).screen == "Paid"
    assert_hidden(await on.values(), PIN_CARD)


async def test_a_pin_that_may_have_been_heard_twice_is_asked_again_and_never_guessed(on: Stage) -> None:
    call = await to_cvv(on, PIN_CARD)
    await call.key(CVV)
    await landed(on.turns)
    await call.say(None)
    answer = await call.key("112233")
    assert (answer.screen, answer.page.text.split("\n")[0]) == ("BankPin", "heard-twice")
    assert on.till.memory.pins == []
    assert_hidden(await on.values(), "112233")
    assert (await call.key("112233")).screen == "Paying", "asked again and typed so again: it is meant"
    await landed(on.turns)
    assert on.till.memory.pins == ["112233"]


async def test_a_channel_that_cannot_show_it_lets_the_customer_go(on: Stage) -> None:
    call = await to_cvv(on, PIN_CARD, challenges=False)
    await call.key(CVV)
    await landed(on.turns)
    assert (await call.say(None)).screen == "Unknown"


# --- a bank that says nothing ----------------------------------------------------------------------------------------


async def test_a_silent_bank_ends_in_unknown(on: Stage) -> None:
    call = await to_cvv(on, SILENT_CARD)
    await call.key(CVV)
    await landed(on.turns)
    polls = 0
    while (await call.say(None)).screen == "Paying":
        polls += 1
        assert polls <= POLLS_MAX
    assert call.screen == "Unknown"
    assert polls == POLLS_MAX
    again = on.call()
    assert (await again.dial()).screen == "Service"  # whoever says this number hears nothing of its payments


async def being_checked(on: Stage) -> Converse:
    call = await to_cvv(on, SILENT_CARD)
    await call.key(CVV)
    await landed(on.turns)
    on.till.become("p1", PaymentState.UNKNOWN)
    return call


@pytest.mark.parametrize(("state", "screen"), [(PaymentState.CAPTURED, "Paid"), (PaymentState.DECLINED, "Declined")])
async def test_a_charge_that_is_checked_is_looked_at_again_and_its_result_told(
    on: Stage, state: PaymentState, screen: str
) -> None:
    """The bank was silent and is found to have charged a minute later: who still listens hears it."""
    call = await being_checked(on)
    for _ in range(CHECKS_MAX - 2):
        assert (await call.say(None)).screen == "Paying"
    on.till.become("p1", state)
    assert (await call.say(None)).screen == screen


async def test_a_check_that_stays_open_ends_with_a_word_said_once(on: Stage) -> None:
    call = await being_checked(on)
    shown = [(await call.say(None)) for _ in range(CHECKS_MAX + 1)]
    assert [answer.screen for answer in shown] == ["Paying"] * CHECKS_MAX + ["Unknown"]
    assert (shown[-1].ends, shown[-1].page.text.startswith("unknown")) == (True, True)


async def test_a_refusal_of_the_till_is_told_at_the_next_pause(on: Stage) -> None:
    call = await to_cvv(on)
    on.till.memory.refusals["authorise"] = Refusal.BILLING_DOWN
    await call.key(CVV)
    await landed(on.turns)
    await call.say(None)
    assert call.screen == "Goodbye"
    assert call.page.text.startswith("refused.billing-down")


async def test_what_never_left_is_asked_again(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    """The process died between the save and the bank: nothing of this attempt was charged."""
    call = await to_cvv(on)

    async def dies(*_: object) -> None:
        return

    monkeypatch.setattr(EffectPerformer, "launch", dies)
    await call.key(CVV)
    await landed(on.turns)
    polls = 0
    while (await call.say(None)).screen == "Paying":
        polls += 1
        assert polls <= POLLS_UNSENT_MAX
    assert call.screen == "CardNumber"
    assert call.page.text.startswith("card-gone")


async def test_a_launch_that_breaks_is_logged_without_the_card(on: Stage, caplog: pytest.LogCaptureFixture) -> None:
    call = await to_cvv(on)
    on.till.memory.broken.add("authorise")
    await call.key(CVV)
    await landed(on.turns)
    assert "a launch failed" in caplog.text
    assert_hidden(caplog.text.encode(), CARD)
    assert (await call.say(None)).screen == "Paying"


async def test_launches_are_bounded(on: Stage) -> None:
    on = stage(on.redis, on.texts, launches_max=0)
    call = await to_cvv(on)
    assert (await call.key(CVV)).screen == "Paying"
    await landed(on.turns)
    assert not on.till.memory.sent


async def test_a_basket_that_is_gone_meanwhile(on: Stage) -> None:
    call = await to_cvv(on)
    await call.key(CVV)
    await landed(on.turns)
    on.till.become("p1", PaymentState.EXPIRED)
    assert (await call.say(None)).screen == "Goodbye"
    on.till.memory.payments.clear()
    other = on.call()
    assert (await other.dial(payment_id="p1")).screen == "Goodbye"


async def test_a_basket_lost_while_the_bank_is_asked(on: Stage) -> None:
    call = await to_cvv(on)
    await call.key(CVV)
    await landed(on.turns)
    on.till.memory.payments.clear()
    assert (await call.say(None)).screen == "Unknown"


@pytest.mark.parametrize(("state", "screen"), [(PaymentState.VOIDED, "Goodbye"), (PaymentState.CAPTURED, "Paid")])
async def test_a_call_back_for_what_is_settled(on: Stage, state: PaymentState, screen: str) -> None:
    await (await to_confirm(on)).choose("pay")
    on.till.become("p1", state)
    call = on.call()
    assert (await call.dial(payment_id="p1")).screen == screen


# --- the whole journey by voice --------------------------------------------------------------------------------------


async def test_a_call_from_the_start(on: Stage) -> None:
    call = on.call()
    await call.dial()
    await call.choose("ar")
    await call.choose("own:0")
    assert call.screen == "PaymentCode"
    await call.key("482913")
    await call.choose("accept")
    assert call.screen == "CardNumber"
    await type_card(call)
    await call.key(CVV)
    await landed(on.turns)
    assert (await call.say(None)).screen == "Paid"


async def test_a_quoted_reference(on: Stage) -> None:
    await (await to_confirm(on)).choose("pay")
    call = on.call("+212611111111")
    await call.dial()
    await call.choose("fr")
    await call.choose("basket")
    assert (await call.key("000000")).page.text.startswith("reference.proof")
    assert (await call.key("0600000001")).page.text.startswith("reference.wrong")
    await call.key("9")
    await call.choose("basket")
    assert (await call.key("110001")).page.text.startswith("reference.proof")
    assert (await call.key("0600000004")).page.text.startswith("reference.wrong")
    assert (await call.key("0600000001")).screen == "CardNumber"
    on.till.become("p1", PaymentState.CAPTURED)
    other = on.call("+212611111112")
    await other.dial()
    await other.choose("fr")
    await other.choose("basket")
    await other.key("110001")
    assert (await other.key("482913")).screen == "Paid"  # the line's payment code proves as much


async def test_who_quotes_a_basket_is_not_asked_for_another_call_s_pin(on: Stage) -> None:
    await (await to_confirm(on)).choose("pay")
    on.till.become("p1", PaymentState.CHALLENGE)
    call = on.call("+212611111111")
    await call.dial()
    await call.choose("fr")
    await call.choose("basket")
    await call.key("110001")
    assert (await call.key("482913")).screen == "Unknown"
    assert not on.till.memory.pins


@pytest.mark.parametrize(
    "state", [PaymentState.CREATED, PaymentState.CHALLENGE, PaymentState.SENDING, PaymentState.UNKNOWN]
)
async def test_who_is_said_to_call_hears_nothing_of_the_number_s_payment(on: Stage, state: PaymentState) -> None:
    """Caller id can be forged: no PIN, no amount, no cancelling, and the consent of another call counts for nothing."""
    await (await to_confirm(on)).choose("pay")
    on.till.become("p1", state)
    call = on.call()
    answer = await call.dial()
    assert answer.screen == "Service"
    assert "769" not in answer.page.text
    assert on.till.only_payment().state is state
    await call.choose("own:0")
    assert (await call.key("482913")).screen == "Terms"


async def test_who_is_said_to_call_hears_no_other_line_of_the_number(on: Stage) -> None:
    call = on.call("+212600000003")
    await call.dial()
    answer = await call.choose("fr")
    assert answer.screen == "Service"
    assert "0537000103" not in answer.page.text
    assert "7710345" not in answer.page.text
