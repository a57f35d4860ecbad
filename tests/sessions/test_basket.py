"""Whether another card may be tried for a basket."""

from dataclasses import replace
from datetime import date, timedelta

import pytest

from core.billing.invoices import Invoice
from core.languages import LanguageCode
from core.payments.table import ATTEMPTS_MAX, DECLINES_MAX, Payment, PaymentState
from core.subscribers.lines import ServiceType
from lab.clocks import NOON
from sessions.basket import Basket, basket_of, takes_another_card

BILL = Invoice("1", date(2026, 10, 1), 76920, date(2026, 11, 25))
WAITS = Payment(
    id="p",
    reference="123456",
    state=PaymentState.DECLINED,
    service=ServiceType.MOBILE,
    line_reference="0600000001",
    payer_msisdn="+212600000001",
    email=None,
    language=LanguageCode.FR,
    channel="ussd",
    invoices=(BILL,),
    amount_centimes=76920,
    currency="MAD",
    created_at=NOON,
    expires_at=NOON + timedelta(minutes=15),
    attempts=2,
    declines=2,
)


def test_the_bounds_are_three_refused_cards_and_ten_attempts() -> None:
    assert (DECLINES_MAX, ATTEMPTS_MAX) == (3, 10)
    assert [takes_another_card(replace(WAITS, declines=declines)) for declines in (2, 3, 4)] == [True, False, False]
    assert [takes_another_card(replace(WAITS, attempts=attempts)) for attempts in (9, 10, 11)] == [True, False, False]


@pytest.mark.parametrize("state", PaymentState)
def test_only_what_waits_for_a_card_takes_one(state: PaymentState) -> None:
    assert takes_another_card(replace(WAITS, state=state)) is (state in {PaymentState.CREATED, PaymentState.DECLINED})


def test_what_screens_may_say_of_it() -> None:
    until = NOON + timedelta(minutes=15)
    assert basket_of(WAITS) == Basket("p", "123456", 76920, 2, until)
    assert basket_of(replace(WAITS, attempts=0)) == Basket("p", "123456", 76920, until=until)
