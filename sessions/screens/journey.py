"""The journey of paying a bill: all its screens in one union, and one step from screen to screen. Pure.

A screen's fields ARE the session's data at that point; the return annotation of its `on` IS the transition table,
from which the picture in docs/ is drawn. Adding a screen: one frozen struct (in opening, choosing or paying, by when
it comes) and its name below. Structs rather than dataclasses because msgspec tags them by name: `Paying` is never
read back as another screen. Answers that mean the same on every screen (a person please, nothing heard, unclear) are
handled in `advance`, so that screens hold only what is their own.
"""

from sessions.screens.choosing import ConfirmTotal, Email, HandOver, NothingToPay, PickInvoices, WalletPayer
from sessions.screens.ending import Goodbye, Help, Paid, Unknown
from sessions.screens.menu import (
    Again,
    Chose,
    Digits,
    Done,
    Event,
    HeardTwice,
    HelpMe,
    Home,
    Launched,
    Menu,
    Noted,
    Restart,
    ScreenContext,
    Silence,
    Tell,
    Text,
    Unclear,
    Words,
    say,
)
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
from sessions.turn.effects import Effect, Launch

STEPS_MAX = 8  # screens and effects within one turn; the longest way today takes 4
FIELD_TRIES_MAX = 3
SESSION_TRIES_MAX = 10

HEARD_TWICE = "heard-twice"

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
Next = Screen | Effect | Again | Noted[Shown] | Launched[Launch, Shown]

# Two screens ask for the total (before the intent is committed, before the card is charged), and two for the card.
_NAMES = {"ConfirmCharge": "ConfirmTotal", "PayByConnector": "CardNumber"}


def name_of(screen: Screen) -> str:
    """The canonical name: in metrics, transcripts and the X-Screen header."""
    name = type(screen).__name__
    return _NAMES.get(name, name)


class Runaway(Exception):
    """A turn would not end, by our fault."""


def advance(screen: Screen, event: Event, visit: ScreenContext, asked: Words | None = None) -> Next:
    """Returns what follows when `event` reaches `screen`. `asked`: what the screen asks, where the event was read on
    that.
    """
    if isinstance(screen, Opening):
        return screen.on(event, visit)
    if isinstance(event, Done):  # an effect's result, no answer to what the screen asks
        return _following(screen.on(event, visit))
    words = asked or screen.ask(visit)
    match event:
        case HelpMe():
            return Help()
        case Restart():
            return Again(say("restarted"), counts=False)
        case HeardTwice():  # typed so once more, it is meant (sessions/turn/turns.py)
            return Again(say(HEARD_TWICE), counts=False)
        case Unclear():
            return Again(words.wrong if isinstance(words, Digits | Text) else say("wrong-choice"))
        case Silence() if not isinstance(words, Tell):
            return Again(say("not-heard"))
        case Chose(choice) if asked is None and not (isinstance(words, Menu | Digits) and words.offers(choice)):
            return Again(say("wrong-choice"))
    return _following(screen.on(event, visit))


def _following(following: Next | Home) -> Next:
    return Opening(fresh=False) if isinstance(following, Home) else following
