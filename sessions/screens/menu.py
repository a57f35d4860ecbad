"""The words between a journey and whoever speaks it: what a screen asks, what a customer may answer.

A screen never sees a key, a wire or a language: it asks with text keys and typed values, and hears events. Pure.
"""

from abc import abstractmethod
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from enum import StrEnum, auto
from typing import Generic, TypeVar, overload
from zoneinfo import ZoneInfo

import msgspec

from core.cards import Secret
from core.languages import LanguageCode
from core.wallets.port import WalletTerms
from core.zone import ZONE
from sessions.bill_cache import SHORT_LISTS, CachedBills

# --- values a text may hold; each channel has its own way of saying them ------------------------------------------


class Amount(msgspec.Struct, frozen=True):
    """Money: shown "769,20 DH", spoken in dirhams and centimes."""

    centimes: int
    listed: bool = False  # one of a column of amounts: where room is short its unit is left out


class Spelled(msgspec.Struct, frozen=True):
    """Digits and letters said one by one."""

    text: str


class Month(msgspec.Struct, frozen=True):
    """The month of a bill: shown "05/2019", spoken by name."""

    first_day: date


class Worded(msgspec.Struct, frozen=True):
    """A text key within a text, such as the name of a service."""

    key: str


Value = str | int | Amount | Spelled | Month | Worded


class Say(msgspec.Struct, frozen=True):
    """A text of locales/, by key, with its values."""

    key: str
    values: tuple[tuple[str, Value], ...] = ()


def say(key: str, **values: Value) -> Say:
    """Makes a text of the screens: `say("bill", month=Month(d))`."""
    return Say(key, tuple(values.items()))


# --- what a screen asks ----------------------------------------------------------------------------------------------


class Option(msgspec.Struct, frozen=True):
    """A choice of a menu. `ticked` makes it a tick box."""

    id: str
    label: Say
    ticked: bool | None = None


class Listing(Sequence[Option]):
    """Options made as they are looked at, for lists too long to be made whole at each step."""

    __slots__ = ()

    @property
    @abstractmethod
    def uncounted(self) -> int:
        """Returns how many options at its head are none of the things that are listed."""

    @abstractmethod
    def at(self, place: int) -> Option:
        """The option at a place from 0 on."""

    @abstractmethod
    def place(self, option: str) -> int | None:
        """The place of the option of that id; None where it is not offered."""

    @overload
    def __getitem__(self, index: int) -> Option: ...
    @overload
    def __getitem__(self, index: slice) -> tuple[Option, ...]: ...
    def __getitem__(self, index: int | slice) -> Option | tuple[Option, ...]:
        if isinstance(index, slice):
            return tuple(map(self.at, range(*index.indices(len(self)))))
        place = index + len(self) if index < 0 else index
        if not 0 <= place < len(self):
            raise IndexError(index)
        return self.at(place)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Listing) and self[:] == other[:]

    def __hash__(self) -> int:
        return hash(self[:])


class Menu(msgspec.Struct, frozen=True):
    """Choose one. What is pinned stands on every page."""

    text: Say
    options: tuple[Option, ...] | Listing
    back: bool = False
    pinned: tuple[Option, ...] = ()

    @property
    def every(self) -> tuple[Option, ...]:
        return (*self.pinned, *self.options)

    def place(self, option: str) -> int | None:
        """Among those that are not pinned."""
        if isinstance(self.options, tuple):
            return next((n for n, one in enumerate(self.options) if one.id == option), None)
        return self.options.place(option)

    def offers(self, option: str) -> bool:
        return any(one.id == option for one in self.pinned) or self.place(option) is not None


class Digits(msgspec.Struct, frozen=True):
    """Type digits. Secret ones never leave the turn in clear; `wrong` is said when they cannot be read. `keys`: options
    beside the digits, each by one key alone."""

    text: Say
    wrong: Say
    least: int
    most: int
    secret: bool = False
    back: bool = True
    keys: tuple[tuple[str, str], ...] = ()

    def offers(self, option: str) -> bool:
        """Returns whether a key of its own means the option."""
        return any(one == option for _, one in self.keys)


class Text(msgspec.Struct, frozen=True):
    """Type letters (only where the channel can)."""

    text: Say
    wrong: Say
    most: int
    back: bool = True


class Tell(msgspec.Struct, frozen=True):
    """Say something. It ends the conversation, or goes on by itself after `wait_s`."""

    text: Say
    wait_s: float | None = None
    transfer: bool = False

    @property
    def ends(self) -> bool:
        return self.wait_s is None


class Charge(msgspec.Struct, frozen=True):
    """Asks to have the card typed where its digits never reach us; what came of it is heard as CardTaken."""

    text: Say
    payment_id: str
    amount_centimes: int


Words = Menu | Digits | Text | Tell | Charge


class Taken(StrEnum):
    """Tells how the entry of a card elsewhere ended. What became of the payment is the payment service's to say,
    whatever this is.
    """

    DONE = "done"
    TRIES = "tries"  # too many wrong entries
    LEFT = "left"  # interrupted by the customer
    FAILED = "failed"  # the connector said no, or could not be asked
    BROKEN = "broken"  # set up wrongly there: no customer can mend it


# --- what a customer may answer ----------------------------------------------------------------------------------


class Chose(msgspec.Struct, frozen=True):
    """An option, by its id."""

    id: str


class Typed(msgspec.Struct, frozen=True):
    """Digits or text that fit the field."""

    text: str


@dataclass(frozen=True, slots=True)
class TypedSecret:
    """Digits of a secret field."""

    digits: Secret


@dataclass(frozen=True, slots=True)
class HeardTwice:
    """Digits that fit the field, and so would half of them: a line that tells every key twice, or they are meant."""

    typed: Typed | TypedSecret


class Unclear(msgspec.Struct, frozen=True):
    """An answer that fits nothing offered."""


class Silence(msgspec.Struct, frozen=True):
    """The customer gave no answer in time, or a wait is over."""


class Back(msgspec.Struct, frozen=True):
    """The previous screen, please."""


class HelpMe(msgspec.Struct, frozen=True):
    """A person, please (777)."""


class Restart(msgspec.Struct, frozen=True):
    """Begin this field again: no mistake, costs no try."""


class Done(msgspec.Struct, frozen=True):
    """Brings what an effect came to: a value of core, never an exception."""

    result: object


class CardTaken(msgspec.Struct, frozen=True):
    """The entry of a card elsewhere is over."""

    how: Taken


Event = Chose | Typed | TypedSecret | HeardTwice | CardTaken | Unclear | Silence | Back | HelpMe | Restart | Done


class Again(msgspec.Struct, frozen=True):
    """Asks the same screen once more, saying first what was wrong."""

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


class Home(msgspec.Struct, frozen=True):
    """The choice of a line again."""


# --- who is there ----------------------------------------------------------------------------------------------------


class Shows(StrEnum):
    """Kinds of bank challenge a channel can show."""

    OTP_NUMERIC = auto()


@dataclass(frozen=True, slots=True)
class Capabilities:
    """Tells what a channel can do: all that a screen knows of it."""

    channel: str
    takes_card: bool
    types_text: bool
    caller_proven: bool  # the network vouches for the MSISDN (USSD); a voice caller's can be spoofed
    challenges: frozenset[Shows] = field(default_factory=frozenset)
    pays_on_page: bool = False  # a browser, which goes on to the acquirer's own page: nobody is rung for a card
    pays_by_connector: bool = False  # the card is typed at the telephone company, which asks us to charge it


class ScreenContext(msgspec.Struct, frozen=True):
    """Tells who is there and on what, beside the screen."""

    msisdn: str
    can: Capabilities
    language: LanguageCode
    terms_accepted: bool
    today: date
    help_number: str
    voice_number: str
    short_code: str
    shelf: CachedBills = SHORT_LISTS
    check_luhn: bool = True
    mail_utf8: bool = False  # the mail server takes letters beyond ASCII in an address
    asks_from: str = ""  # an internet address: where no network vouches for a number, codes are counted by it
    language_known: bool = True  # chosen or remembered, not the default
    zone: ZoneInfo = ZONE
    wallets: tuple[tuple[str, WalletTerms], ...] = ()  # those that are set up, by name
    currency: str = "MAD"
    placed: bool = False  # we rang this number: its own telephone was answered
