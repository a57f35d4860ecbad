"""The total and the bills behind it: where the call goes, and bills that are not at hand."""

import msgspec
import pytest

from sessions.bill_cache import BillCache
from sessions.screens.choosing import ConfirmTotal, HandOver
from sessions.screens.menu import Again, Chose, Done, Event, Typed
from sessions.turn.effects import NotRung, Start
from tests.sessions.samples import FORTY, ONE, USSD, visit
from tests.sessions.screens.test_wallet import PAYMENT


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
