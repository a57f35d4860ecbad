"""The screens of the journey as pages show them: the same words and values, forms in the place of keys. Pure."""

from dataclasses import dataclass

from channels.wording import Wording
from core.languages import LanguageCode
from core.messaging.texts import Texts
from core.money import dh
from sessions.screens.choosing import ConfirmTotal, PickInvoices
from sessions.screens.menu import Amount, Capabilities, Month, Say, Spelled, Words
from sessions.turn.forms import FormState

SECTION = "bills"
CAN = Capabilities(channel="web", takes_card=False, types_text=True, caller_proven=False, pays_on_page=True)


class WebFormats:
    """Values as a page shows them."""

    def amount(self, amount: Amount, language: LanguageCode) -> str:
        return dh(amount.centimes)

    def spelled(self, spelled: Spelled, language: LanguageCode) -> str:
        return spelled.text

    def month(self, month: Month, language: LanguageCode) -> str:
        return f"{month.first_day.month:02d}/{month.first_day.year}"


@dataclass(frozen=True, slots=True)
class BillRow:
    """A bill with its tick box."""

    number: str
    month: str
    amount: str
    ticked: bool


@dataclass(frozen=True, slots=True)
class BillsView:
    """The bills of a line, or those of them that are to be paid."""

    service: str
    line: str
    email: str
    rows: tuple[BillRow, ...]
    count: int
    of: int
    total: str


def bills_view(pick: PickInvoices, state: FormState, *, ticked_only: bool) -> BillsView:
    """The page of bills. Raises LookupError when the list is not at hand."""
    listed = pick.listed(state.visit)
    rows = tuple(
        BillRow(
            bill.number,
            f"{bill.period.month:02d}/{bill.period.year}",
            dh(bill.amount_centimes),
            not pick.left.has(place),
        )
        for place, bill in enumerate(listed.bills)
        if not (ticked_only and pick.left.has(place))
    )
    line = pick.line
    return BillsView(
        line.service.value,
        line.reference,
        line.email or "",
        rows,
        pick.picked_count,
        pick.unpaid.count,
        dh(pick.picked_centimes),
    )


class WebWords:
    """The words of a screen beside its form."""

    def __init__(self, texts: Texts) -> None:
        self._wording = Wording(texts, SECTION, WebFormats())

    def notice(self, state: FormState) -> str:
        """Returns why the page is shown again; empty where there is nothing to say. Raises MissingText."""
        return "" if state.notice is None else self._say(state.language, state.notice)

    def end(self, state: FormState) -> str:
        """The words of a screen that asks for nothing a page could bring."""
        return self._say(state.language, words_of(state).text)

    def _say(self, language: LanguageCode, what: Say) -> str:
        return self._wording.text(language, what)


def words_of(state: FormState) -> Words:
    """The words of what the screen asks, for transcripts and for the end."""
    return state.screen.ask(state.visit)


def pick_shown(state: FormState) -> PickInvoices | None:
    """The choice of bills that a page can go back to."""
    match state.screen:
        case PickInvoices() as pick:
            return pick
        case ConfirmTotal(pick):
            return pick
        case _:
            return None
