"""What a screen may ask of the till, as data, and what comes back. Performed by sessions/turn/perform.py. Pure."""

from dataclasses import dataclass
from datetime import datetime

from core.billing.invoices import Invoice
from core.cards import Secret
from core.languages import LanguageCode
from core.payments.service import Refusal
from core.payments.table import Payment
from core.ports import Person
from core.subscribers.lines import ServiceType
from sessions.bill_cache import Unpaid
from sessions.screens.menu import Taken


@dataclass(frozen=True, slots=True)
class LineRef:
    """A line on a screen: no holder's name, nothing a session must not keep."""

    service: ServiceType
    reference: str
    email: str | None = None
    typed: bool = False  # the address, by the payer
    others: bool = False  # somebody else's, named by its number and code


@dataclass(frozen=True, slots=True)
class CardHint:
    """The part of a card in the vault that may be said."""

    brand: str
    last4: str


# --- effects ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Recall:
    """Asks who this is, and whether a payment of theirs is open. -> Recalled."""


@dataclass(frozen=True, slots=True)
class Remember:
    """Keep the language for this session and the next ones. -> Remembered; with `recall`, Recalled."""

    language: LanguageCode
    recall: bool = False


@dataclass(frozen=True, slots=True)
class AcceptTerms:
    """Record the consent before this line's data is shown (law 09-08). -> Accepted."""

    service: ServiceType
    reference: str


@dataclass(frozen=True, slots=True)
class Identify:
    """-> core Line, or a Refusal."""

    service: ServiceType
    reference: str
    code: str


@dataclass(frozen=True, slots=True)
class ListBills:
    """-> Bills, or NoBills."""

    line: LineRef
    changed: bool = False


@dataclass(frozen=True, slots=True)
class Start:
    """Commit the intent; with `ring_back` the customer is called for the card. -> Payment, or a Refusal."""

    line: LineRef
    invoices: tuple[Invoice, ...]
    ring_back: bool = False


@dataclass(frozen=True, slots=True)
class StartWallet:
    """Commit the intent and have a wallet ask its payer once this dialog is over. -> WalletStarted, WalletRefused, or a
    Refusal of the basket."""

    line: LineRef
    invoices: tuple[Invoice, ...]
    provider: str
    payer_msisdn: str


@dataclass(frozen=True, slots=True)
class AskWallet:
    """Have the wallet of the number that we rang ask for a payment, once this call is over. -> WalletStarted,
    WalletRefused, or the Payment where something else became of it."""

    payment_id: str
    provider: str


@dataclass(frozen=True, slots=True)
class RingBack:
    """Asks to ring the customer's telephone. -> Rung."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class Cancel:
    """Give up a basket that was never sent. -> Recalled."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class FindBasket:
    """Finds a payment by the reference that was quoted and the line or code that proves it. -> Payment, or a
    Refusal.
    """

    reference: str
    proof: str


@dataclass(frozen=True, slots=True)
class Look:
    """-> Payment or None."""

    payment_id: str


@dataclass(frozen=True, slots=True)
class LookAfter:
    """Look at a payment once its card's entry elsewhere is over. -> Looked."""

    payment_id: str
    how: Taken


@dataclass(frozen=True, slots=True)
class HoldNumber:
    """Seal the card number; it is stored with the screen that follows. -> CardHint."""

    digits: Secret


@dataclass(frozen=True, slots=True)
class HoldExpiry:
    """Seal the expiry beside the number. -> Held, or CardGone."""

    digits: Secret


@dataclass(frozen=True, slots=True)
class Authorise:
    """Charge the held card. Launched after the next screen is saved, so that one copy of a request can send."""

    payment_id: str
    cvv: Secret


@dataclass(frozen=True, slots=True)
class AnswerChallenge:
    """Give the bank its one-time PIN. Launched like Authorise."""

    payment_id: str
    pin: Secret


Effect = (
    Recall
    | Remember
    | AcceptTerms
    | Identify
    | ListBills
    | Start
    | StartWallet
    | AskWallet
    | RingBack
    | Cancel
    | FindBasket
    | Look
    | LookAfter
    | HoldNumber
    | HoldExpiry
)
Launch = Authorise | AnswerChallenge

# --- results ---------------------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class WalletSeen:
    """A wallet that is being asked: its name, whose it is, and how long it waits."""

    name: str
    payer_msisdn: str
    until: datetime


@dataclass(frozen=True, slots=True)
class WalletStarted:
    """The wallet asks in a moment."""

    payment: Payment
    name: str


@dataclass(frozen=True, slots=True)
class WalletRefused:
    """This wallet cannot be asked now; the basket waits for another way."""

    why: Refusal


@dataclass(frozen=True, slots=True)
class Recalled:
    """The caller, and the payment that is still open, if any; with the wallet that is asked for it."""

    person: Person
    open_payment: Payment | None = None
    wallet: WalletSeen | None = None


@dataclass(frozen=True, slots=True)
class Remembered:
    """The language is kept."""


@dataclass(frozen=True, slots=True)
class TermsAccepted:
    """The terms are accepted and recorded."""


@dataclass(frozen=True, slots=True)
class Bills:
    """Unpaid bills, oldest first. `changed`: they are not those shown before."""

    line: LineRef
    unpaid: Unpaid
    changed: bool = False


@dataclass(frozen=True, slots=True)
class NoBills:
    """Tells why there is no list for this line."""

    line: LineRef
    why: Refusal


@dataclass(frozen=True, slots=True)
class PaymentSeen:
    """A payment as it stands, or why nothing was sent, and how the card's entry ended."""

    payment: Payment | Refusal | None
    how: Taken


@dataclass(frozen=True, slots=True)
class Rung:
    """A call is on its way."""


@dataclass(frozen=True, slots=True)
class NotRung:
    """The number was rung often enough this hour: its owner must ring us."""

    payment: Payment


@dataclass(frozen=True, slots=True)
class CardHeld:
    """The card is sealed in the vault."""


@dataclass(frozen=True, slots=True)
class CardGone:
    """The vault let the card go (time is up): it must be typed again. Nothing was charged."""
