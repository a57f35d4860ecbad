"""Whole calls over HTTP, as Twilio plays them: every way to the card, and every way a call goes wrong."""

import logging

import pytest

from core.languages import LanguageCode
from core.payments.table import PaymentState
from lab.caller import Do, follow
from lab.twilio.dialled import CallStatus
from tests.channels.ivr.conftest import CALM, House, TwiceLine
from tests.support.till import (
    AUTH_CODE,
    DECLINED_CARD,
    GOOD_CARD,
    LINE,
    PIN_CARD,
    RIGHT_PIN,
    SALMA,
    UNKNOWN_CARD,
    bills,
)
from tests.support.waiting import until

LOOKS_OFTEN = 4

CARD = [
    ("tapez le numéro de votre carte", f"{GOOD_CARD}#"),
    ("carte visa finissant par 0 0 1 0", "1228#"),
    ("769 dirhams et 20 centimes.* pour continuer, tapez 1", "1"),
    ("au dos de la carte", "123#"),
]
QUOTED = [
    ("avec une référence, tapez 2", "2"),
    ("six chiffres", "345678#"),
    ("numéro de la ligne", "0600000001#"),
]
OPENING = [
    ("pour continuer en français, tapez 1", "1"),
    ("pour payer le mobile qui appelle, tapez 1", "1"),
    ("code de paiement de cette ligne", "482913#"),
    ("loi 09-08", "1"),
]
ONE_BILL = ("une facture : 769 dirhams et 20 centimes. tapez le numéro de votre carte", f"{GOOD_CARD}#")


async def test_from_the_first_word_to_the_authorisation_number(house: House) -> None:
    async with house.phone() as phone:
        call = await phone.dial()
        heard = await follow(call, [*OPENING, ONE_BILL, *CARD[1:]])
        await call.finished()
    assert [turn.screen for turn in heard] == [
        "Language",
        "Service",
        "PaymentCode",
        "Terms",
        "CardNumber",
        "CardExpiry",
        "ConfirmTotal",
        "CardCvv",
        "Paid",
    ]
    assert heard[-1].text.count("1 2 3, 4 5 6") == 1
    assert "Un instant" in heard[-1].text
    assert (call.status, call.error) == (CallStatus.COMPLETED, None)
    assert house.till.memory.charged == ["0010"]
    assert await house.held() == []


async def test_nothing_typed_reaches_a_url_or_a_log(house: House, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    async with house.phone() as phone:
        call = await phone.dial()
        await follow(call, [*OPENING, *CARD])
    seen = "\n".join([*house.asked, *(record.getMessage() for record in caplog.records)])
    assert "/ivr/twilio/turn?v=8&l=fr" in seen
    assert GOOD_CARD not in seen
    assert "482913" not in seen


async def test_every_webhook_twice_charges_once(house: House) -> None:
    async with house.phone(line=TwiceLine) as phone:
        call = await phone.dial()
        heard = await follow(call, [*OPENING, *CARD])
    assert heard[-1].screen == "Paid"
    assert house.till.memory.charged == ["0010"]
    assert len(house.till.memory.payments) == 1


async def test_we_call_back_for_the_basket_in_its_language(house: House) -> None:
    payment = house.till.basket(language=LanguageCode.AR)
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id)
        heard = await follow(
            call,
            [
                ("هنا خلّص.*رقم بطاقتكم", f"{GOOD_CARD}#"),
                ("بطاقة فيزا تنتهي ب 0 0 1 0", "1228#"),
                ("للمتابعة، اضغطوا 1", "1"),
                ("ظهر البطاقة", "123#"),
            ],
        )
        await call.finished()
    assert {caption.language for caption in call.captions} == {"arb"}
    assert heard[-1].text.count("1 2 3، 4 5 6") == 1
    assert house.till.memory.payments[payment.id].state is PaymentState.CAPTURED


async def test_a_call_back_for_a_payment_nobody_knows(house: House) -> None:
    async with house.phone() as phone:
        call = await house.ring(phone, "01JGONE")
        await call.finished()
    assert call.screen == "Goodbye"
    assert "expiré" in call.captions[-1].text


async def test_the_basket_by_its_reference_from_another_telephone(house: House) -> None:
    payment = house.till.basket()
    async with house.phone("+212600000009") as phone:
        call = await phone.dial()
        wrong = [("français", "1"), ("avec une référence, tapez 1", "1"), ("six chiffres", "111111#")]
        again = [("ce numéro n'est pas le bon.*Neuf puis dièse", "9#"), ("avec une référence, tapez 1", "1")]
        right = [("six chiffres", "345678#"), ("numéro de la ligne", "0600000001#")]
        await follow(call, [*wrong, ("numéro de la ligne", "0600000001#"), *again, *right, *CARD])
    assert house.till.memory.payments[payment.id].state is PaymentState.CAPTURED


async def test_a_callers_number_tells_no_basket_and_gives_none_up(house: House) -> None:
    payment = house.till.basket()
    async with house.phone() as phone:
        call = await phone.dial()
        heard = await follow(call, [])
    assert heard[-1].screen == "Service"
    assert "769" not in " ".join(turn.text for turn in heard)
    assert house.till.memory.payments[payment.id].state is PaymentState.CREATED


async def test_a_hidden_number_pays_with_line_and_code(house: House) -> None:
    async with house.phone("anonymous") as phone:
        call = await phone.dial()
        await follow(
            call,
            [
                ("français", "1"),
                ("payer un mobile, tapez 2", "2"),
                ("dix chiffres", "0600000001#"),
                *OPENING[2:],
                *CARD,
            ],
        )
    (payment,) = house.till.memory.payments.values()
    assert payment.state is PaymentState.CAPTURED
    assert payment.payer_msisdn == f"anonymous:{call.dialled.sid}"


async def test_a_star_restarts_the_field_and_hash_alone_gives_time(house: House) -> None:
    payment = house.till.basket()
    restarts = [("prenez votre temps", keys) for keys in ("#", "*#", "4000*#", "#")]
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id)
        first, *rest = CARD
        heard = await follow(call, [("carte", "#"), *restarts, ("carte", f"123*{GOOD_CARD}#"), *rest])
    assert heard[-1].screen == "Paid", first


async def test_hash_and_star_on_a_menu_say_it_again(house: House) -> None:
    async with house.phone() as phone:
        call = await phone.dial()
        heard = await follow(call, [("français", key) for key in "#*#*#"])
        assert heard[-1].screen == "Language"
        assert not call.ended


async def test_zero_reaches_a_person_and_erases_the_card(house: House) -> None:
    payment = house.till.basket()
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id)
        await follow(call, [*CARD[:2], ("continuer", "1")])
        assert len(await house.held()) == 2
        call.press("0#")
        await call.finished()
    assert call.transferred_to == "777"
    assert call.screen == "Help"
    assert await house.held() == []
    assert house.till.memory.charged == []


async def test_zero_on_a_menu(house: House) -> None:
    async with house.phone() as phone:
        call = await phone.dial()
        await follow(call, [("français", "0")])
        await call.finished()
    assert call.transferred_to == "777"


async def test_silence_three_times_ends_the_call(house: House) -> None:
    payment = house.till.basket()
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id)
        heard = await follow(call, [("carte", Do.SILENCE), ("rien tapé", Do.SILENCE), ("rien tapé", Do.SILENCE)])
        await call.finished()
    assert heard[-1].screen == "Goodbye"
    assert "Trop d'essais" in heard[-1].text
    assert house.till.memory.payments[payment.id].state is PaymentState.CREATED


async def test_what_was_wrong_is_said_first(house: House) -> None:
    payment = house.till.basket()
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id)
        await follow(
            call,
            [
                ("carte", "4000000000000011#"),
                ("^numéro de carte incorrect", "12#"),
                ("^numéro de carte incorrect", f"{GOOD_CARD}#"),
                ("expiration", "1328#"),
                ("^date incorrecte", "1026#"),
                ("^cette carte a expiré.*neuf puis dièse", "9#"),
                ("tapez le numéro de votre carte", f"{GOOD_CARD}#"),
                ("expiration", "1126#"),
                ("continuer", "7"),
                ("^choix incorrect", "1"),
                ("au dos de la carte", "12#"),
                ("^ce code n'a pas", "123#"),
            ],
        )
    assert house.till.memory.payments[payment.id].state is PaymentState.CAPTURED


async def test_hanging_up_in_the_middle_of_the_card_erases_it(house: House) -> None:
    payment = house.till.basket()
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id)
        await follow(call, CARD[:2])
        assert len(await house.held()) == 2
        call.hang_up()
        await call.finished()
        assert await house.held() == []
        again = await phone.dial()
        heard = await follow(again, [])
    assert heard[-1].screen == "Service"
    assert house.till.memory.charged == []


async def test_the_banks_pin(house: House) -> None:
    payment = house.till.basket()
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id)
        script = [("carte", f"{PIN_CARD}#"), ("mastercard finissant par 4 8 9 6", "1228#"), *CARD[2:]]
        pins = [("jamais le code secret", "999#"), ("n'a pas accepté ce code", f"{RIGHT_PIN}#")]
        heard = await follow(call, [*script, *pins])
    assert heard[-1].screen == "Paid"
    assert await house.held() == []


async def test_a_refused_card_then_another(house: House) -> None:
    payment = house.till.basket()
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id)
        refused = [("carte", f"{DECLINED_CARD}#"), ("5 1 0 2", "1228#"), *CARD[2:]]
        heard = await follow(call, [*refused, ("rien n'a été débité.*autre carte, tapez 1", "1"), *CARD])
    assert [turn.screen for turn in heard].count("Declined") == 1
    assert house.till.memory.charged == ["5102", "0010"]


async def test_a_slow_bank_is_talked_over(house: House) -> None:
    payment = house.till.basket()
    house.till.memory.bank_answers.clear()
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id, CALM)
        await follow(call, CARD[:3])
        call.press("123#")
        await until(lambda: house.till.calls["payment"] > LOOKS_OFTEN)
        house.till.memory.bank_answers.set()
        await call.settled()
    assert call.screen == "Paid"
    assert "Nous attendons toujours votre banque." in [caption.text for caption in call.captions]


async def test_a_bank_that_says_nothing(house: House) -> None:
    payment = house.till.basket()
    house.till.memory.languages[SALMA] = LanguageCode.FR
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id)
        silent = [("carte", f"{UNKNOWN_CARD}#"), ("9 6 0 9", "1228#"), *CARD[2:]]
        heard = await follow(call, silent)
        await call.finished()
    assert heard[-1].screen == "Unknown"  # said once, and the call is over
    assert "Ne payez pas à nouveau" in heard[-1].text
    assert house.till.memory.payments[payment.id].state is PaymentState.UNKNOWN


async def test_many_bills_are_read_page_by_page(house: House) -> None:
    house.till.memory.bills[LINE] = bills(40)
    house.till.memory.languages[SALMA] = LanguageCode.EN
    async with house.phone() as phone:
        call = await phone.dial()
        heard = await follow(
            call,
            [
                ("to pay for the calling mobile", "1"),
                ("code", "482913#"),
                ("to accept, press 1", "1"),
                ("bills: 40, 4007 dirhams and 80 centimes. to pay, 1.*to go on, 8", "8"),
                ("to remove january 2019, 100 dirhams, press 2. to go on, 8", "2"),
                ("to put back january 2019", "9"),
            ],
        )
    assert heard[-1].screen == "PickInvoices"
    assert "39 of 40, 3907 dirhams and 80 centimes" in heard[-1].text


async def test_a_session_lost_in_mid_call_begins_again(house: House) -> None:
    payment = house.till.basket()
    async with house.phone() as phone:
        call = await house.ring(phone, payment.id)
        await follow(call, CARD[:2])
        await house.redis.flushall()
        heard = await follow(call, [("continuer", "1"), *QUOTED, *CARD])
    assert heard[-1].screen == "Paid"
    assert house.till.memory.charged == ["0010"]
    assert house.till.memory.payments[payment.id].auth_code == AUTH_CODE
