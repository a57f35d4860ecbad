"""A card on a call: in the vault sealed, out of it at every end, sent to the bank once."""

import asyncio

import pytest

from core.cards import cvv_lengths
from core.payments.table import ATTEMPTS_MAX, DECLINES_MAX, PaymentState
from sessions.screens.journey import FIELD_TRIES_MAX
from sessions.store.protocol import VAULT_TTL_S, Key
from tests.sessions.cards import CARD, COPIES, CVV, EXPIRY, assert_hidden, landed, to_card, to_cvv, type_card
from tests.sessions.fakes import CALLER, Stage, to_confirm
from tests.support.till import DECLINED_CARD, Broken


async def test_a_card_is_paid_with(on: Stage) -> None:
    call = await to_card(on)
    assert call.page.text.startswith("call-back")
    seen = [(await call.key(CARD)).screen, (await call.key("12 28")).screen]
    seen += [(await call.choose("pay")).screen, (await call.key(CVV)).screen]
    assert seen == ["CardExpiry", "ConfirmTotal", "CardCvv", "Paying"]
    await landed(on.turns)
    assert (await call.say(None)).screen == "Paid"
    (sent,) = on.till.memory.sent
    assert (sent.payment_id, sent.pan, sent.cvv) == ("p1", CARD, CVV)


async def test_nothing_of_a_card_rests_in_clear(on: Stage) -> None:
    call = await to_card(on)
    for step in (CARD, EXPIRY, "1"):
        await call.key(step)
        assert_hidden(await on.values(), CARD)
    assert await on.vault() == {"number", "expiry"}
    sealed = await on.redis.get(Key(CALLER, "ivr", call.dialog).sealed("expiry"))
    assert isinstance(sealed, bytes)
    assert EXPIRY.encode() not in sealed
    await call.key(CVV)
    assert_hidden(await on.values(), CVV)
    await landed(on.turns)


async def test_the_vault_has_its_own_time_never_given_again(on: Stage) -> None:
    call = await to_card(on)
    await call.key(CARD)
    number = Key(CALLER, "ivr", call.dialog).sealed("number")
    assert VAULT_TTL_S - 30 < await on.redis.ttl(number) <= VAULT_TTL_S == 180
    await on.redis.expire(number, 50)
    for typed in ("77", EXPIRY, "8", "1"):
        await call.key(typed)
        assert await on.redis.ttl(number) <= 50
    for name, ttl_s in (await on.keys()).items():
        assert ttl_s > 0, name


async def test_the_card_leaves_the_vault_when_it_is_sent(on: Stage) -> None:
    call = await to_cvv(on)
    await call.key(CVV)
    assert await on.vault() == set()
    await landed(on.turns)


async def test_after_a_decline_another_card(on: Stage) -> None:
    call = await to_cvv(on, DECLINED_CARD)
    await call.key(CVV)
    await landed(on.turns)
    assert (await call.say(None)).screen == "Declined"
    assert await on.vault() == set()
    await call.choose("card")
    await type_card(call)
    await call.key(CVV)
    await landed(on.turns)
    assert (await call.say(None)).screen == "Paid"
    assert [sent.pan for sent in on.till.memory.sent] == [DECLINED_CARD, CARD]


async def test_cards_that_say_no_come_to_an_end(on: Stage) -> None:
    call = await to_card(on)
    for declined in range(1, DECLINES_MAX + 1):
        await type_card(call, DECLINED_CARD)
        await call.key(CVV)
        await landed(on.turns)
        assert (await call.say(None)).screen == "Declined"
        offered = {getattr(event, "id", None) for event in call.page.meaning.values()}
        assert ("card" in offered) is (declined < DECLINES_MAX)
        if "card" in offered:
            await call.choose("card")
    assert (await call.choose("stop")).screen == "Goodbye"
    again = on.call()
    assert (await again.dial(payment_id="p1")).screen == "Declined"


async def test_a_basket_that_was_sent_too_often_takes_no_card(on: Stage) -> None:
    await (await to_confirm(on)).choose("pay")
    payment = on.till.become("p1", PaymentState.DECLINED)
    object.__setattr__(payment, "attempts", ATTEMPTS_MAX)
    call = on.call()
    assert (await call.dial(payment_id="p1")).screen == "Declined"


@pytest.mark.parametrize(
    ("leave", "screen"),
    [("card", "CardNumber"), ("help", "Help"), ("wrong", "Goodbye"), ("silent", "Goodbye")],
)
async def test_the_card_leaves_the_vault_at_every_way_out(on: Stage, leave: str, screen: str) -> None:
    call = await to_card(on)
    await call.key(CARD, EXPIRY)
    assert await on.vault() == {"number", "expiry"}
    match leave:
        case "card":
            await call.choose("card")
        case "help":
            await call.key("0")
        case _:
            for _ in range(FIELD_TRIES_MAX):
                await call.say("7" if leave == "wrong" else None)
    assert call.screen == screen
    assert await on.vault() == set()


async def test_back_from_the_expiry_gives_the_card_up(on: Stage) -> None:
    call = await to_card(on)
    await call.key(CARD)
    assert (await call.key("9")).screen == "CardNumber"
    assert await on.vault() == set()


async def test_back_from_the_code_keeps_it(on: Stage) -> None:
    call = await to_cvv(on)
    assert (await call.key("9")).screen == "ConfirmTotal"
    assert await on.vault() == {"number", "expiry"}


async def test_a_hang_up_empties_the_vault_and_keeps_the_basket(on: Stage) -> None:
    call = await to_cvv(on)
    await on.turns.hang_up(call.dialog, CALLER, "ivr")
    assert await on.vault() == set()
    again = on.call()
    assert (await again.dial(payment_id="p1")).screen == "CardNumber"


async def test_a_card_whose_time_is_over_is_asked_again(on: Stage) -> None:
    call = await to_cvv(on)
    await on.redis.delete(*(Key(CALLER, "ivr", call.dialog).sealed(name) for name in ("number", "expiry")))
    answer = await call.key(CVV)
    assert answer.screen == "CardNumber"
    assert answer.page.text.startswith("card-gone")
    assert not on.till.memory.sent
    await call.key(CARD)
    await on.redis.delete(Key(CALLER, "ivr", call.dialog).sealed("number"))
    assert (await call.key(EXPIRY)).page.text.startswith("card-gone")
    assert await on.vault() == set()


@pytest.mark.parametrize("field", ["number", "expiry"])
async def test_a_sealed_field_of_another_call_opens_nothing(on: Stage, field: str) -> None:
    call = await to_cvv(on)
    key = Key(CALLER, "ivr", call.dialog).sealed(field)
    blob = await on.redis.get(key)
    assert isinstance(blob, bytes)
    await on.redis.set(key, blob[:-1] + bytes([blob[-1] ^ 1]), ex=60)
    assert (await call.key(CVV)).screen == "CardNumber"
    assert not on.till.memory.sent


async def test_a_fault_empties_the_vault_and_the_call_goes_on(on: Stage) -> None:
    call = await to_cvv(on)
    await call.key("12")  # too short: costs a try
    on.till.memory.broken.add("payment")
    await call.key(CVV)
    await landed(on.turns)
    with pytest.raises(Broken):
        await call.say(None)
    on.till.memory.broken.clear()
    assert (await call.again()).screen == "Paid"


async def test_a_fault_on_a_card_screen_empties_the_vault(on: Stage, monkeypatch: pytest.MonkeyPatch) -> None:
    call = await to_card(on)
    await call.key(CARD)

    def broken(*_: object) -> None:
        raise Broken("seal")

    with monkeypatch.context() as patch:
        patch.setattr("sessions.vault.Seals.seal", broken)
        with pytest.raises(Broken):
            await call.key(EXPIRY)
    assert await on.vault() == set()
    assert (await call.again()).page.text.startswith("card-gone")
    await type_card(call)


async def test_twenty_copies_of_the_code_send_once(on: Stage) -> None:
    call = await to_cvv(on)
    heard = call.next_heard(CVV)
    answers = await asyncio.gather(*(on.turns.take(heard, call.speaker) for _ in range(COPIES)))
    assert {answer.screen for answer in answers} == {"Paying"}
    assert {answer.version for answer in answers} == {answers[0].version}
    await landed(on.turns)
    assert len(on.till.memory.sent) == 1
    assert (await on.turns.take(heard, call.speaker)).replayed
    await landed(on.turns)
    assert len(on.till.memory.sent) == 1


async def test_what_is_wrong_with_a_card_is_said(on: Stage) -> None:
    call = await to_card(on)
    assert (await call.key(CARD[:3] + CARD[2:])).page.text.startswith("card-number.doubled")
    assert (await call.key("5453010000066101")).page.text.startswith("card-number.wrong")
    assert (await call.key("4000*" + CARD)).screen == "CardExpiry"
    assert (await call.key("1326")).page.text.startswith("card-expiry.wrong")
    assert (await call.key("1026")).page.text.startswith("card-expired")
    assert (await call.key("1126")).screen == "ConfirmTotal"


async def test_star_begins_a_field_again_and_costs_nothing(on: Stage) -> None:
    call = await to_card(on)
    for _ in range(2 * FIELD_TRIES_MAX):
        answer = await call.key("4000*")
        assert answer.screen == "CardNumber"
        assert answer.page.text.startswith("restarted")
    assert (await call.key(CARD)).screen == "CardExpiry"


async def test_a_security_code_has_its_brands_digits(on: Stage) -> None:
    """A press that was read twice makes four of three: nothing is sent, the code is asked again."""
    call = await to_cvv(on)
    assert call.screen == "CardCvv"
    answer = await call.key("1" + CVV)
    assert (answer.screen, answer.page.text.split("\n")[0]) == ("CardCvv", "card-cvv.wrong")
    assert on.till.calls["authorise"] == 0
    assert (await call.key(CVV)).screen == "Paying"


@pytest.mark.parametrize(("brand", "lengths"), [("visa", (3, 3)), ("mastercard", (3, 3)), ("card", (3, 4))])
def test_codes_of_every_brand(brand: str, lengths: tuple[int, int]) -> None:
    assert cvv_lengths(brand) == lengths
