"""The acquirer's own page, for browsers, as a port: what is posted to it, and what it may say. Pure."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import StrEnum
from typing import Protocol, runtime_checkable

from core.payments.table import Payment
from core.ports import Approved, Decline


@dataclass(frozen=True, slots=True)
class PageForm:
    """The form that a browser posts to be taken to the page."""

    url: str
    fields: Mapping[str, str] = field(repr=False)


@dataclass(frozen=True, slots=True)
class PageAnswer:
    """What the acquirer's page says of an order, its hash being right. `ours`: our shop, in our currency. `vouched`:
    the bank stands for the holder as the contract wants it; `proof` is what it said of that, for disputes.
    """

    order_id: str
    amount_centimes: int | None
    ours: bool
    outcome: Approved | Decline
    vouched: bool = True
    proof: str = ""


class PageWord(StrEnum):
    """The words with which the page's server is answered."""

    CAPTURE = "capture"  # paid is committed: take the money
    SEEN = "seen"
    TROUBLE = "trouble"


class UnreadablePost(ValueError):
    """The page's fault: what it posted is no form within the bounds. The words hold nothing of it."""


@dataclass(frozen=True, slots=True)
class PageWays:
    """The ways to and back from an acquirer's page, of that acquirer alone. `mark_of` an order is the last part of a
    way. `open_url`: our door to a page that we open first."""

    back_url: str
    left_url: str
    callback_url: str
    mark_of: Callable[[str], str]
    open_url: str = ""


@dataclass(frozen=True, slots=True)
class PageNotice:
    """What a page's server signed: the order to ask about; None where it is about nothing of ours."""

    order_id: str | None


class HostedPage(Protocol):
    """A page of the acquirer's that takes the card. Pure."""

    @property
    def url(self) -> str:
        """Returns the address that the page's form goes to: our pages allow forms there."""

    def form(self, payment: Payment, nonce: str, page_s: int) -> PageForm: ...

    def readings(self, posted: bytes) -> Sequence[Mapping[str, str]]:
        """An urlencoded post in each alphabet that it may be written in. Raises UnreadablePost."""

    def read(self, fields: Mapping[str, str]) -> PageAnswer | None:
        """The answer in a post; None where it is a forgery."""

    def word(self, word: PageWord) -> str: ...


@runtime_checkable
class OpenedPage(Protocol):
    """What a hosted page can do beside, when a request of ours opens it. Nothing the other side does raises."""

    async def open(self, payment: Payment) -> str | None:
        """Where the browser goes; for a repeat the same page. None where none could be opened now."""

    def noticed(self, body: bytes, headers: Mapping[str, str], now: datetime) -> PageNotice | None:
        """What a notice is about; None for a forgery, and for an old one. Names of headers are in lower case."""

    async def aclose(self) -> None:
        """Close its connections."""
