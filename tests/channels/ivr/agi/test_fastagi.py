"""Whole calls over FastAGI, as Asterisk plays them: a paid bill in two languages, and a switch's traps."""

import asyncio
import logging
from collections.abc import AsyncIterator

import pytest

from channels.ivr.agi.call import Manner
from channels.ivr.agi.field import Timers
from core.languages import LanguageCode
from core.messaging.texts import Texts
from tests.channels.ivr.agi.agi_line import TOKENS, AgiLine, memory_line
from tests.channels.ivr.agi.switch import BARGE, HANG_UP, SILENCE, Step
from tests.support.till import GOOD_CARD, PIN_CARD, RIGHT_PIN, SALMA

OPENING: list[Step] = [
    ("continuer en français tapez un", "1"),
    ("payer le mobile qui appelle tapez un", "1"),
    ("code de paiement", "482913#"),
    ("loi 09-08", "1"),
]
CARD: list[Step] = [
    ("tapez le numéro de votre carte", f"{GOOD_CARD}#"),
    ("carte visa finissant par zéro zéro un zéro", "1228#"),
    ("sept cents soixante-neuf dirhams et vingt centimes .* tapez un", "1"),
    ("au dos de la carte", "123#"),
]


@pytest.fixture
async def line(redis_url: str, texts: Texts) -> AsyncIterator[AgiLine]:
    async with memory_line(redis_url, texts) as made:
        yield made


async def test_from_the_first_word_to_the_authorisation_number(line: AgiLine) -> None:
    call = await line.call([*OPENING, *CARD])
    assert call.said[-1].count("un deux trois  quatre cinq six") >= 1
    assert "Un instant" in call.said[-1]
    assert call.variables == {"KHALLAS_RESULT": "ended"}
    await line.over()
    assert line.till.memory.charged == ["0010"]
    assert await line.held() == []
    assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="ended") == 1
    assert line.counted("khallas_calls", wire="fastagi") == 0


async def test_in_arabic(line: AgiLine) -> None:
    call = await line.call(
        [
            ("للمتابعة بالعربية اضغطوا اثنين", "2"),
            ("اضغطوا واحد", "1"),
            ("رمز أداء", "482913#"),
            ("اضغطوا واحد", "1"),
            ("سبعمئة وتسعة وستين درهمًا وعشرين سنتيمًا.*رقم بطاقتكم", f"{GOOD_CARD}#"),
            ("بطاقة فيزا تنتهي ب صفر صفر واحد صفر", "1228#"),
            ("اضغطوا واحد", "1"),
            ("على ظهر البطاقة", "123#"),
        ]
    )
    assert call.said[-1].count("واحد اثنين ثلاثة  أربعة خمسة ستة") >= 1
    assert line.till.memory.languages[SALMA] is LanguageCode.AR
    assert line.till.memory.charged == ["0010"]


async def test_the_banks_pin(line: AgiLine) -> None:
    card = [("numéro de votre carte", f"{PIN_CARD}#"), *CARD[1:]]
    card[1] = ("finissant par", "1228#")
    call = await line.call([*OPENING, *card, ("code à usage unique", "999#"), ("n'a pas accepté", f"{RIGHT_PIN}#")])
    assert "Paiement accepté" in call.said[-1]


async def test_we_call_back_for_the_basket_in_its_language(line: AgiLine) -> None:
    payment = line.till.basket(language=LanguageCode.AR)
    token = TOKENS.make(payment.id, payment.payer_msisdn)
    steps = [
        ("هنا خلّص.*رقم بطاقتكم", f"{GOOD_CARD}#"),
        ("فيزا", "1228#"),
        ("اضغطوا واحد", "1"),
        ("على ظهر البطاقة", "123#"),
    ]
    await line.call(steps, "+212537000777", token=token)
    assert line.till.memory.charged == ["0010"]


# --- a switch's traps (protocols/ivr.md)
# ----------------------------------------------------------------------------------


async def test_a_habitual_hash_after_a_menus_key_is_no_attempt(line: AgiLine) -> None:
    habitual = [(said, keys if keys.endswith("#") else f"{keys}#") for said, keys in [*OPENING, *CARD]]
    call = await line.call(habitual)
    assert line.till.memory.charged == ["0010"]
    everything = " ".join(call.said)
    assert "Choix incorrect" not in everything
    assert "Prenez votre temps" not in everything


async def test_a_hash_in_time_asks_for_more_time(redis_url: str, texts: Texts) -> None:
    async with memory_line(redis_url, texts, manner=Manner(timers=Timers(too_fast_s=0.0))) as line:
        more = [("numéro de votre carte", "#"), ("prenez votre temps.*numéro de votre carte", f"{GOOD_CARD}#")]
        await line.call([*OPENING, *more, *CARD[1:]])
        assert line.till.memory.charged == ["0010"]


async def test_a_star_begins_the_field_again_and_what_follows_counts(line: AgiLine) -> None:
    steps = [("numéro de votre carte", "4111*"), ("prenez votre temps", f"{GOOD_CARD}#"), *CARD[1:]]
    await line.call([*OPENING, *steps])
    typed_through = [("numéro de votre carte", f"4111*{GOOD_CARD}#"), *CARD[1:]]
    line.till.memory.payments.clear()
    opening = [("Que voulez-vous payer", "1"), *OPENING[2:]]
    await line.call([*opening, *typed_through])
    assert line.till.memory.charged == ["0010", "0010"]


async def test_a_key_interrupts_a_prompt(line: AgiLine) -> None:
    opening = [("bienvenue", f"{BARGE}1"), ("mobile qui appelle", f"{BARGE}1"), *OPENING[2:]]
    call = await line.call([*opening, *CARD])
    assert "continue in English" not in " ".join(call.said)
    assert line.till.memory.charged == ["0010"]


async def test_keys_typed_ahead_do_not_confirm_the_charge(line: AgiLine) -> None:
    steps = [*OPENING, CARD[0], ("finissant par", "1228#1"), ("tapez un", HANG_UP)]
    await line.call(steps)
    assert line.till.memory.charged == []


async def test_who_falls_silent_within_a_number_is_told_to_go_on(line: AgiLine) -> None:
    """Four groups of four, the card turned over in between: no digit is wrong, no try is lost."""
    groups = [GOOD_CARD[at : at + 4] for at in range(0, len(GOOD_CARD), 4)]
    typed = [("numéro de votre carte", groups[0]), *(("^Continuez.$", group) for group in groups[1:3])]
    # 12 digits are less than any card has, 16 may be all
    call = await line.call([*OPENING, *typed, ("^Continuez.$", f"{groups[3]}#"), *CARD[1:]])
    assert line.till.memory.charged == ["0010"]
    assert "incorrect" not in " ".join(call.said)


async def test_a_number_that_is_left_is_asked_for_again_and_costs_no_try(line: AgiLine) -> None:
    silent = [("^Continuez.$", SILENCE)] * 3
    left = [("numéro de votre carte", "4000"), *silent, ("prenez votre temps", "40"), *silent]
    left += [("prenez votre temps", "400000"), *silent, ("prenez votre temps", f"{GOOD_CARD}#")]
    call = await line.call([*OPENING, *left, *CARD[1:]])
    assert line.till.memory.charged == ["0010"]
    assert "incorrect" not in " ".join(call.said)


async def test_a_lone_zero_within_a_number_is_no_wish_for_a_person(line: AgiLine) -> None:
    slow = [("numéro de votre carte", "4"), ("^Continuez.$", "0"), ("^Continuez.$", f"{GOOD_CARD[2:]}#")]
    call = await line.call([*OPENING, *slow, *CARD[1:]])
    assert call.variables == {"KHALLAS_RESULT": "ended"}
    assert line.till.memory.charged == ["0010"]


async def test_a_lone_zero_and_silence_is_a_wish_for_a_person(line: AgiLine) -> None:
    steps = [*OPENING, ("numéro de votre carte", "0"), *[("^Continuez.$", SILENCE)] * 3]
    assert (await line.call(steps)).variables == {"KHALLAS_RESULT": "transfer"}


@pytest.mark.parametrize("gap_s", [0.0, 0.3, 0.5])
async def test_a_hash_after_a_menus_key_is_nothing_at_human_speed(line: AgiLine, gap_s: float) -> None:
    habitual = [(said, keys if keys.endswith("#") else f"{keys}#") for said, keys in OPENING[:4]]
    call = await line.call([*habitual, ("facture : sept cents", HANG_UP)], key_gap_s=gap_s)
    everything = " ".join(call.said)
    assert "Choix incorrect" not in everything
    assert "Prenez votre temps" not in everything


async def test_one_press_that_is_told_twice_is_one(line: AgiLine) -> None:
    """Heard as sound and as event, 20 ms apart by the switch's own clock: it answers no second menu."""
    call = await line.call([("bienvenue", f"{BARGE}1"), *OPENING[1:], *CARD], doubles_keys=True)
    assert line.till.memory.charged == ["0010"]
    assert "incorrect" not in " ".join(call.said)


async def test_whoever_chose_no_language_is_let_go_in_all_of_them(line: AgiLine) -> None:
    call = await line.call([("bienvenue", SILENCE), ("rien tapé", SILENCE), ("rien tapé", SILENCE)])
    for words in ("Trop d'essais", "Too many attempts", "محاولات كثيرة"):
        assert words in call.said[-1]


async def test_silence_is_told(line: AgiLine) -> None:
    call = await line.call([("bienvenue", SILENCE), ("rien tapé", SILENCE), ("rien tapé", SILENCE)])
    assert call.variables == {"KHALLAS_RESULT": "ended"}


async def test_zero_gives_the_call_to_a_person_and_the_card_is_gone(line: AgiLine) -> None:
    call = await line.call([*OPENING, *CARD[:2], ("continuer", "0")])
    assert call.variables == {"KHALLAS_RESULT": "transfer"}
    assert await line.held() == []


@pytest.mark.parametrize("asked", range(len([*OPENING, *CARD])))
async def test_a_hang_up_anywhere_erases_the_vault(line: AgiLine, asked: int) -> None:
    steps = [*OPENING, *CARD]
    await line.call([*steps[:asked], (steps[asked][0], HANG_UP)])
    await line.over()
    assert await line.held() == []
    assert line.till.memory.charged == []
    assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="hung_up") == 1


@pytest.mark.parametrize("way", ["result", "line", "dead", "gone"])
async def test_every_way_to_hang_up_in_the_middle_of_a_field_is_heard(line: AgiLine, way: str) -> None:
    await line.call([*OPENING, *CARD[:1], ("finissant par", f"12{HANG_UP}")], hang_up=way)
    await line.over()
    assert await line.held() == []
    assert line.counted("khallas_calls_ended_total", wire="fastagi", outcome="hung_up") == 1


async def test_fifty_calls_at_once(line: AgiLine) -> None:
    callers = [f"+2126000001{n:02d}" for n in range(50)]
    for caller in callers:
        line.till.basket(payer=caller, payment_id=f"01J{caller[-3:]}")
    tokens = [TOKENS.make(f"01J{caller[-3:]}", caller) for caller in callers]
    calls = [line.call(CARD, caller, token=token) for caller, token in zip(callers, tokens, strict=True)]
    done = await asyncio.gather(*calls)
    assert [call.variables for call in done] == [{"KHALLAS_RESULT": "ended"}] * 50
    assert line.till.memory.charged == ["0010"] * 50
    await line.over()
    assert await line.held() == []


async def test_nothing_typed_reaches_a_log(line: AgiLine, caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.DEBUG)
    await line.call([*OPENING, *CARD])
    seen = "\n".join(record.getMessage() for record in caplog.records)
    assert GOOD_CARD not in seen
    assert "482913" not in seen


async def test_digits_that_are_told_twice_each_are_read_once(line: AgiLine) -> None:
    """Heard as sound and as event (`dtmf_mode=auto`): twice as many digits as a card, an expiry or a code can have."""

    def twice(digits: str) -> str:
        return "".join(digit * 2 for digit in digits) + "#"

    await line.call(
        [*OPENING, (CARD[0][0], twice(GOOD_CARD)), (CARD[1][0], twice("1228")), CARD[2], (CARD[3][0], twice("123"))]
    )
    assert line.till.memory.charged == ["0010"]
