"""Who is told of payments: an address, the events it wants, and the secrets its events are signed with. Pure."""

import re
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import StrEnum
from urllib.parse import urlsplit

from core.events.catalogue import EventType

ENDPOINTS_MAX = 50
ROTATION = timedelta(hours=24)  # how long the secret before still signs too
URL_CHARS_MAX = 1_000
NAME = re.compile(r"[a-z0-9][a-z0-9-]{0,39}")


class EndpointError(ValueError):
    """An endpoint that cannot be: the words are for whoever adds it."""


class EndpointKind(StrEnum):
    """The protocol that an endpoint is spoken to in."""

    WEBHOOK = "webhook"  # Standard Webhooks, signed
    TMF = "tmf"  # TM Forum's hub: no signature, the callback's own secrecy


@dataclass(frozen=True, slots=True)
class EndpointSecret:
    """A secret that events are signed with; `until` is set once another took its place."""

    value: str = field(repr=False)
    until: datetime | None = None


@dataclass(frozen=True, slots=True)
class EventEndpoint:
    """A receiver of events. `types` empty: every event. `cursor`: the last sequence that was looked at for it."""

    name: str
    kind: EndpointKind
    url: str = field(repr=False)
    types: frozenset[EventType] = frozenset()
    full_numbers: bool = False
    secrets: tuple[EndpointSecret, ...] = ()
    query: str = ""
    cursor: int = 0
    disabled_why: str = ""
    delivered: int = 0
    delivered_at: datetime | None = None
    waiting: int = 0
    oldest_at: datetime | None = None
    dead: int = 0

    def wants(self, kind: EventType) -> bool:
        return not self.types or kind in self.types

    def signing(self, now: datetime) -> tuple[str, ...]:
        """The secrets that are valid, the newest first."""
        return tuple(each.value for each in self.secrets if each.until is None or now < each.until)

    def address(self) -> str:
        """The URL as people may read it: a query may hold a secret."""
        return self.url.partition("?")[0]


def rotated(secrets: Sequence[EndpointSecret], fresh: str, now: datetime) -> tuple[EndpointSecret, ...]:
    """Another secret signs first; the one before signs beside it for a day, older ones no more."""
    before = [EndpointSecret(each.value, now + ROTATION) for each in secrets if each.until is None]
    return (EndpointSecret(fresh), *before)


def name_of(text: str) -> str:
    """Checks an endpoint's name. Raises EndpointError."""
    if NAME.fullmatch(text) is None:
        raise EndpointError("an endpoint's name is up to 40 small letters, digits and hyphens")
    return text


def types_of(words: Sequence[str]) -> frozenset[EventType]:
    """Checks the kinds of events that an endpoint wants. Raises EndpointError."""
    try:
        return frozenset(EventType(word) for word in words)
    except ValueError as error:
        kinds = ", ".join(EventType)
        raise EndpointError(f"{str(error).partition(' ')[0]} is no event; known are {kinds}") from None


def url_of(text: str, *, plain: bool = False) -> str:
    """An address that may be called, as far as its spelling tells. `plain`: http too. Raises EndpointError."""
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        raise EndpointError("this is no address") from None
    if len(text) > URL_CHARS_MAX or not text.isascii() or not text.isprintable() or " " in text:
        raise EndpointError("an address is printable ASCII of at most 1,000 characters")
    if parts.scheme != "https" and not (plain and parts.scheme == "http"):
        raise EndpointError("an address begins with https://")
    if not parts.hostname or port == 0:
        raise EndpointError("an address names a host")
    if parts.username is not None or parts.password is not None or parts.fragment:
        raise EndpointError("an address holds no user, password or fragment")
    return text
