"""Whose lines and whose address are shown to whom, and what the first fields take."""

from dataclasses import replace

import msgspec
import pytest

from core.payments.refusal import Refusal
from core.payments.table import Challenge, PaymentState
from core.ports import Person
from core.subscribers.lines import ServiceType
from sessions.basket import basket_of
from sessions.screens.ending import Goodbye, Paid, Unknown
from sessions.screens.journey import advance
from sessions.screens.menu import Again, Chose, Done, HeardTwice, Typed, Unclear, say
from sessions.screens.opening import Language, Opening, PaymentCode, Reference, Service, Terms, home
from sessions.screens.paying import CardNumber
from sessions.turn.effects import FindBasket, Identify, LineRef, Recalled
from tests.sessions.samples import LINE, USSD, VOICE, visit
from tests.support.paid import paid
from tests.support.till import line

MOBILE, INTERNET = ServiceType.MOBILE, ServiceType.INTERNET
CALL, DIALLED = visit(VOICE), visit(USSD)
LINES = tuple(line(f"060000000{n}") for n in range(1, 8))
KNOWN = Recalled(Person("+212600000001", None, None, LINES))


def test_only_the_network_s_word_shows_lines_and_address() -> None:
    proven = home(KNOWN, DIALLED)
    assert proven.lines == tuple(LineRef(MOBILE, each.reference, each.email) for each in LINES[: len(proven.lines)])
    assert 1 < len(proven.lines) < len(LINES)
    assert home(KNOWN, CALL).lines == (LineRef(MOBILE, "0600000001"),)
    assert home(KNOWN, msgspec.structs.replace(CALL, msisdn="+212600000009")).lines == ()


@pytest.mark.parametrize("own", [True, False])
def test_who_pays_for_another_is_shown_no_address_of_theirs(own: bool) -> None:
    whose = replace(LINES[0], contact_msisdn=DIALLED.msisdn if own else "+212600000009")
    told = PaymentCode(MOBILE, "0600000001").on(Done(whose), DIALLED)
    assert told == Terms(LineRef(MOBILE, "0600000001", "salma@example.com" if own else None, others=not own))


def test_the_fields_before_a_bill() -> None:
    for screen, key, wrong, least, most in (
        (Reference(MOBILE), "reference.mobile", "reference.wrong.mobile", 5, 15),
        (Reference(None), "reference.basket", "reference.wrong.basket", 6, 6),
        (PaymentCode(MOBILE, "0600000001"), "payment-code.mobile", "payment-code.wrong", 4, 10),
        (PaymentCode(INTERNET, "12345"), "payment-code.printed", "payment-code.wrong", 4, 10),
    ):
        asked = screen.ask(CALL)
        assert (asked.text.key, asked.wrong, asked.least, asked.most) == (key, say(wrong), least, most)
    assert Reference(None, "110001").ask(CALL).text == say("reference.proof")


def test_a_reference_leads_to_its_code_or_its_basket() -> None:
    assert Reference(MOBILE).on(Typed("0600000001"), CALL) == PaymentCode(MOBILE, "0600000001")
    assert Reference(MOBILE).on(Typed("12345"), CALL) == Again(say("reference.wrong.mobile"))
    assert Reference(None).on(Typed("110001"), CALL) == Reference(None, "110001")
    assert Reference(None, "110001").on(Typed("482913"), CALL) == FindBasket("110001", "482913")
    assert Reference(None, "110001").on(Done(Refusal.WRONG_CODE), CALL) == Again(say("reference.wrong.proof"))
    assert Reference(None, "110001").on(Done(Refusal.BANK_DOWN), CALL) == Goodbye("refused.bank-down")
    created = replace(paid(), state=PaymentState.CREATED)
    assert Reference(None, "110001").on(Done(created), CALL) == CardNumber(basket_of(created))
    assert isinstance(Reference(None, "110001").on(Done(paid()), CALL), Paid)
    asked = replace(paid(), state=PaymentState.CHALLENGE, challenge=Challenge("OTP", 6, 2, paid().expires_at))
    assert Reference(None, "110001").on(Done(asked), CALL) == Unknown(asked.amount_centimes)


def test_a_code_is_tried_or_asked_again() -> None:
    screen = PaymentCode(MOBILE, "0600000001")
    assert screen.on(Typed("482913"), CALL) == Identify(MOBILE, "0600000001", "482913")
    assert screen.on(Typed("12"), CALL) == Again(say("payment-code.wrong"))
    spaced = Again(say("payment-code.refused", code_number="1 1 1 7"))
    assert screen.on(Done(Refusal.WRONG_CODE), CALL) == spaced


def test_other_lines_are_behind_one_key_on_a_call_that_knows_its_own() -> None:
    def offered(screen: Service, *, call: bool) -> list[str]:
        return [option.id for option in screen.ask(CALL if call else DIALLED).every]

    kinds, last = [kind.value for kind in ServiceType], ["language", "help"]
    assert offered(Service((LINE,)), call=True) == ["own:0", "basket", "other", *last]
    assert offered(Service(), call=True) == ["basket", *kinds, *last]
    assert offered(Service((LINE,)), call=False) == ["own:0", *kinds, *last]
    assert offered(Service((LINE,), others_only=True), call=True) == kinds
    others = Service((LINE,), others_only=True).ask(CALL)
    assert (others.text, others.back) == (say("service"), True)


def test_the_last_words() -> None:
    aloud, read = msgspec.structs.replace(CALL, language_known=False), DIALLED
    assert Goodbye("too-many-tries").ask(aloud).text.key == "too-many-tries.every"
    for screen, here, key in (
        (Goodbye("too-many-tries"), CALL, "too-many-tries"),
        (Goodbye("too-many-tries"), msgspec.structs.replace(read, language_known=False), "too-many-tries"),
        (Goodbye("undone"), aloud, "undone"),
        (Paid(1, "x"), CALL, "paid"),
        (Paid(1, "x"), msgspec.structs.replace(CALL, msisdn="hidden:12"), "paid.no-sms"),
    ):
        assert screen.ask(here).text.key == key


def test_what_costs_no_try_and_what_begins_again() -> None:
    assert advance(Reference(None), HeardTwice(Typed("11")), CALL) == Again(say("heard-twice"), counts=False)
    assert advance(Reference(None), Unclear(), CALL) == Again(say("reference.wrong.basket"))
    assert advance(Language(), Unclear(), CALL) == Again(say("wrong-choice"))
    assert advance(Unknown(1), Chose("other"), DIALLED) == Opening(fresh=False)
