"""What a form of the web door answers, as the journey hears it: one event a screen. Pure."""

from collections.abc import Sequence

from channels.web.bills.fields import Identification, PostedForm
from sessions.screens.choosing import ConfirmTotal, Email, PickInvoices, pick_of
from sessions.screens.menu import Back, Chose, Typed
from sessions.screens.opening import PaymentCode, Reference, Terms
from sessions.store.protocol import Loaded
from sessions.turn.forms import FormField, FormState


def identified(identification: Identification) -> Sequence[FormField]:
    """The line, its code, the consent, and where the receipt goes. It ends at the bills, or where they cannot be."""
    return (
        FormField(Reference, Typed(identification.reference)),
        FormField(PaymentCode, Typed(identification.code)),
        FormField(Terms, Chose("accept")),
        FormField(PickInvoices, Chose("pay")),
        FormField(ConfirmTotal, Chose("email")),
        FormField(Email, Typed(identification.email)),
        FormField(ConfirmTotal, Back()),
    )


def line_of(loaded: Loaded) -> str:
    """The line that a session is about; empty while it is about none."""
    pick = None if loaded.record is None else pick_of(loaded.record.screen)
    return "" if pick is None else f"{pick.line.service}:{pick.line.reference}"


def about(form: PostedForm, pick: PickInvoices, state: FormState) -> bool:
    """Returns whether a form, whatever its age, is about these very bills."""
    if form.version == state.version:
        return True
    listed = pick.listed(state.visit)
    same = form.text("line") == f"{pick.line.service}:{pick.line.reference}"
    return same and all(listed.place(number) is not None for number in form.bills)


def wanted(act: str, form: PostedForm, pick: PickInvoices, state: FormState) -> frozenset[int]:
    """The places of the bills that are to be ticked."""
    listed = pick.listed(state.visit)
    if act == "all":
        return frozenset(range(len(listed.bills)))
    if act == "none":
        return frozenset()
    places = (listed.place(number) for number in form.bills)
    return frozenset(place for place in places if place is not None)


def ticks(state: FormState, pick: PickInvoices, places: frozenset[int], *, pay: bool) -> Sequence[FormField]:
    """The events that lead from the ticks that are kept to those wanted; with `pay` on to the total."""
    back = (FormField(ConfirmTotal, Back()),) if isinstance(state.screen, ConfirmTotal) else ()
    bills = pick.listed(state.visit).bills
    toggled = (n for n in range(len(bills)) if pick.left.has(n) == (n in places))
    ticked = (FormField(PickInvoices, Chose(bills[n].number)) for n in toggled)
    onward = (FormField(PickInvoices, Chose("pay")),) if pay else ()
    return (*back, *ticked, *onward)


def confirmed() -> Sequence[FormField]:
    """Pay what was reviewed."""
    return (FormField(ConfirmTotal, Chose("pay")),)
