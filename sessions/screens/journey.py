"""The journey of paying a bill: all its screens in one union.

A screen's fields ARE the session's data at that point; the return annotation of its `on` IS the transition table,
from which the picture in docs/ is drawn. Adding a screen: one frozen struct (in opening, choosing or paying, by when
it comes) and its name below. Structs rather than dataclasses because msgspec tags them by name: `Paying` is never
read back as another screen.
"""

from sessions.screens.choosing import ConfirmTotal, Email, HandOver, NothingToPay, PickInvoices, WalletPayer
from sessions.screens.ending import Goodbye, Help, Paid, Unknown
from sessions.screens.opening import Language, Opening, PaymentCode, Reference, Resume, Service, Terms
from sessions.screens.paying import (
    BankPin,
    CardCvv,
    CardExpiry,
    CardNumber,
    ConfirmCharge,
    Declined,
    PayByConnector,
    Paying,
)
from sessions.screens.wallet import WalletAsked, WalletOpen

Shown = (
    Language
    | Service
    | Reference
    | PaymentCode
    | Terms
    | PickInvoices
    | Email
    | ConfirmTotal
    | HandOver
    | WalletPayer
    | WalletAsked
    | WalletOpen
    | Resume
    | CardNumber
    | PayByConnector
    | CardExpiry
    | ConfirmCharge
    | CardCvv
    | BankPin
    | Paying
    | Paid
    | Declined
    | Unknown
    | NothingToPay
    | Help
    | Goodbye
)
Screen = Shown | Opening

# Two screens ask for the total (before the intent is committed, before the card is charged), and two for the card.
_NAMES = {"ConfirmCharge": "ConfirmTotal", "PayByConnector": "CardNumber"}


def name_of(screen: Screen) -> str:
    """The canonical name: in metrics, transcripts and the X-Screen header."""
    name = type(screen).__name__
    return _NAMES.get(name, name)
