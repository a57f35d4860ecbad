"""<Pay> as Twilio plays it: each step in the application's words, its errors, its tries, and `*`."""

from collections.abc import Iterable
from datetime import date

import pytest

from lab.twilio.card_entry import Taker, Typed, entered, fault, played
from lab.twilio.twiml import BadTwiml, Gather, Pay, Prompt, Say, parse

TODAY = date(2026, 11, 23)
CARD, EXPIRY, CODE = "4000000000000010", "1228", "123"
STEPS = ("payment-card-number", "expiration-date", "security-code", "payment-processing")


def verb(attributes: str = 'maxAttempts="3"') -> Pay:
    errors = {"payment-card-number": "timeout invalid-card-number", "security-code": "invalid-security-code"}
    prompts = "".join(f'<Prompt for="{step}"><Say>{step}</Say></Prompt>' for step in STEPS)
    prompts += "".join(
        f'<Prompt for="{step}" errorType="{error}"><Say>wrong {step}</Say></Prompt>' for step, error in errors.items()
    )
    (pay,) = parse(f'<Response><Pay action="/done" {attributes}>{prompts}</Pay></Response>'.encode())
    assert isinstance(pay, Pay)
    return pay


class Caller:
    """Types what is told, one answer a question: digits with the key that ends them, "" for silence."""

    def __init__(self, *answers: str) -> None:
        self.answers = list(answers)
        self.heard: list[str] = []

    async def ask(self, gather: Gather) -> tuple[str, str]:
        await self.say(gather.prompts)
        answer = self.answers.pop(0)
        return (answer[:-1], answer[-1]) if answer[-1:] in {"#", "*"} else (answer, "")

    async def say(self, prompts: Iterable[Prompt]) -> None:
        self.heard += [prompt.text for prompt in prompts if isinstance(prompt, Say)]


class Bank(Taker):
    """Takes a card and answers."""

    def __init__(self, **fields: str) -> None:
        self.fields = fields
        self.took: list[Typed] = []

    async def taken(self, pay: Pay, typed: Typed) -> dict[str, str]:
        self.took.append(typed)
        return {"Result": "success", **self.fields}


async def test_a_card_is_typed_step_by_step() -> None:
    caller, bank = Caller(f"{CARD}#", EXPIRY, f"{CODE}#"), Bank()
    assert await played(verb(), bank, caller.ask, caller.say) == {"Result": "success"}
    assert bank.took == [Typed(CARD, EXPIRY, CODE)]
    assert caller.heard == list(STEPS)


async def test_a_wrong_field_is_asked_again_in_the_words_of_its_error() -> None:
    caller = Caller("4000000000000011#", "", f"{CARD}#", EXPIRY, "12#", f"{CODE}#")
    assert await entered(verb(), caller.ask, TODAY) == Typed(CARD, EXPIRY, CODE)
    assert caller.heard == [STEPS[0], f"wrong {STEPS[0]}", f"wrong {STEPS[0]}", STEPS[1], STEPS[2], f"wrong {STEPS[2]}"]


async def test_so_many_tries_and_no_more() -> None:
    assert await entered(verb(), Caller(*["4000000000000011#"] * 3).ask, TODAY) == "too-many-failed-attempts"
    assert await entered(verb('maxAttempts="1"'), Caller("").ask, TODAY) == "too-many-failed-attempts"


async def test_star_ends_it_all_at_any_step() -> None:
    for answers in (("*",), ("4000*",), (f"{CARD}#", "12*"), (f"{CARD}#", EXPIRY, "1*")):
        bank, caller = Bank(), Caller(*answers)
        assert await played(verb(), bank, caller.ask, caller.say) == {"Result": "caller-interrupted-with-star"}
        assert not bank.took


async def test_a_hash_after_the_expiry_is_no_try() -> None:
    caller = Caller(f"{CARD}#", EXPIRY, "#", f"{CODE}#")
    assert await entered(verb('maxAttempts="1"'), caller.ask, TODAY) == Typed(CARD, EXPIRY, CODE)
    assert caller.heard == list(STEPS[:3])


async def test_a_decline_is_said() -> None:
    caller = Caller(f"{CARD}#", EXPIRY, f"{CODE}#")
    fields = await played(verb(), Bank(PaymentError="declined"), caller.ask, caller.say)
    assert fields["PaymentError"] == "declined"
    assert caller.heard == [*STEPS, STEPS[3]]


async def test_no_code_where_none_is_wanted() -> None:
    caller = Caller(f"{CARD}#", EXPIRY)
    assert await entered(verb('securityCode="false"'), caller.ask, TODAY) == Typed(CARD, EXPIRY)


@pytest.mark.parametrize(
    ("step", "digits", "error"),
    [
        ("payment-card-number", CARD, ""),
        ("payment-card-number", "5453010000066100", "invalid-card-type"),
        ("payment-card-number", "400000000000", "invalid-card-number"),
        ("expiration-date", "1126", ""),
        ("expiration-date", "1026", "invalid-date"),
        ("expiration-date", "1328", "invalid-date"),
        ("security-code", "12", "invalid-security-code"),
        ("security-code", "", "timeout"),
    ],
)
def test_what_is_wrong_with_it(step: str, digits: str, error: str) -> None:
    assert fault(verb('validCardTypes="visa"'), step, digits, TODAY) == error


@pytest.mark.parametrize("attributes", ['maxAttempts="4"', 'maxAttempts="x"', 'timeout="soon"'])
def test_attributes_that_twilio_would_refuse(attributes: str) -> None:
    with pytest.raises(BadTwiml):
        verb(attributes)
