"""The words between a journey and whoever speaks it: what a screen asks, what a customer may answer.

A screen never sees a key, a wire or a language: it asks with text keys and typed values, and hears events. Pure.
"""

from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum
from typing import Generic, TypeVar

from core.cards import Secret
from core.subscribers import Language

# --- values a text may hold; each channel has its own way of saying them ------------------------------------------


@dataclass(frozen=True, slots=True)
class Amount:
    """Money: shown "769,20 DH", spoken in dirhams and centimes."""

    centimes: int


@dataclass(frozen=True, slots=True)
class Spelled:
    """Digits and letters said one by one."""

    text: str


@dataclass(frozen=True, slots=True)
class Month:
    """The month of a bill: shown "05/2019", spoken by name."""

    first_day: date


@dataclass(frozen=True, slots=True)
class Worded:
    """A text key within a text, such as the name of a service."""

    key: str


Value = str | int | Amount | Spelled | Month | Worded


@dataclass(frozen=True, slots=True)
class Say:
    """A text of locales/, by key, with its values."""

    key: str
    values: tuple[tuple[str, Value], ...] = ()


def say(key: str, **values: Value) -> Say:
    """`say("bill", month=Month(d))`."""
    return Say(key, tuple(values.items()))


# --- what a screen asks ----------------------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Option:
    """One choice. `ticked` makes it a tick box; a pinned one is on every page."""

    id: str
    label: Say
    ticked: bool | None = None
    pinned: bool = False


@dataclass(frozen=True, slots=True)
class Menu:
    """Choose one."""

    text: Say
    options: tuple[Option, ...]
    back: bool = False


@dataclass(frozen=True, slots=True)
class Digits:
    """Type digits. Secret ones never leave the turn in clear; `wrong` is said when they cannot be read."""

    text: Say
    wrong: Say
    least: int
    most: int
    secret: bool = False
    back: bool = True


@dataclass(frozen=True, slots=True)
class Text:
    """Type letters (only where the channel can)."""

    text: Say
    wrong: Say
    most: int
    back: bool = True


@dataclass(frozen=True, slots=True)
class Tell:
    """Say something. It ends the conversation, or goes on by itself after `wait_s`."""

    text: Say
    wait_s: float | None = None
    transfer: bool = False

    @property
    def ends(self) -> bool:
        return self.wait_s is None


Words = Menu | Digits | Text | Tell

# --- what a customer may answer ----------------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Chose:
    """An option, by its id."""

    id: str


@dataclass(frozen=True, slots=True)
class Typed:
    """Digits or text that fit the field."""

    text: str


@dataclass(frozen=True, slots=True)
class TypedSecret:
    """Digits of a secret field."""

    digits: Secret


@dataclass(frozen=True, slots=True)
class Unclear:
    """An answer that fits nothing offered."""


@dataclass(frozen=True, slots=True)
class Silence:
    """No answer in time, or a wait that is over."""


@dataclass(frozen=True, slots=True)
class Back:
    """The previous screen, please."""


@dataclass(frozen=True, slots=True)
class HelpMe:
    """A person, please (777)."""


@dataclass(frozen=True, slots=True)
class Restart:
    """Begin this field again: no mistake, costs no try."""


@dataclass(frozen=True, slots=True)
class Done:
    """What an effect came to: a value of core, never an exception."""

    result: object


Event = Chose | Typed | TypedSecret | Unclear | Silence | Back | HelpMe | Restart | Done


@dataclass(frozen=True, slots=True)
class Again:
    """The same screen once more, saying first what was wrong."""

    notice: Say
    counts: bool = True


S_co = TypeVar("S_co", covariant=True)
L_co = TypeVar("L_co", covariant=True)


@dataclass(frozen=True, slots=True)
class Noted(Generic[S_co]):
    """Another screen, saying first why."""

    screen: S_co
    notice: Say


@dataclass(frozen=True, slots=True)
class Launched(Generic[L_co, S_co]):
    """Another screen, and an effect that begins only once that screen is saved."""

    effect: L_co
    screen: S_co


@dataclass(frozen=True, slots=True)
class Home:
    """The choice of a line again."""


# --- who is there ----------------------------------------------------------------------------------------------------


class Shows(StrEnum):
    """Kinds of bank challenge a channel can show."""

    OTP_NUMERIC = "otp_numeric"


@dataclass(frozen=True, slots=True)
class Capabilities:
    """What a channel can do: all that a screen knows of it."""

    channel: str
    takes_card: bool
    types_text: bool
    caller_proven: bool  # the network vouches for the MSISDN (USSD); a voice caller's can be spoofed
    challenges: frozenset[Shows] = field(default_factory=frozenset)


@dataclass(frozen=True, slots=True)
class Visit:
    """Who is there and on what, beside the screen."""

    msisdn: str
    can: Capabilities
    language: Language
    terms_accepted: bool
    today: date
    help_number: str
    voice_number: str
    short_code: str
    check_luhn: bool = True
    language_known: bool = True  # chosen or remembered, not the default
