"""A session as bytes, and back: the screen tagged by name, nothing secret, read again in every test step. Pure."""

import msgspec

from core.languages import LanguageCode
from sessions.screens.journey import Screen
from sessions.screens.menu import Say

Notice = tuple[str, dict[str, str | int]]


class Record(msgspec.Struct, frozen=True, array_like=True):
    """A dialog as it rests in Redis. `order` is the last request's place in the dialog: a repeat is told by it."""

    version: int
    order: int
    screen: Screen
    language: LanguageCode | None = None
    terms: bool = False
    begin: int = 0  # on which page of a menu the customer is: the one that begins with this option
    notice: Notice | None = None
    tries: int = 0
    mistakes: int = 0
    mark: int = 0  # with `answered_ms`, where a gateway counts nothing: sessions/turn/inbound.py
    answered_ms: int = 0
    said_chars: int = 0  # with `said_mark`, all that was typed in the dialog: sessions/turn/inbound.py
    said_mark: int = 0


class Unreadable(Exception):
    """A record of another release, or damaged: the session is treated as lost, never guessed at."""


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Record)


def encode(record: Record) -> bytes:
    """The record as msgpack, the shortest of the formats measured (docs/protocols/speed.md)."""
    return _encoder.encode(record)


def decode(data: bytes) -> Record:
    """Reads a record. Raises Unreadable."""
    try:
        return _decoder.decode(data)
    except (msgspec.MsgspecError, ValueError, TypeError) as error:
        raise Unreadable(type(error).__name__) from None


def notice_of(text: Say | None) -> Notice | None:
    """A notice keeps plain values only. Raises TypeError for a value that would need a format."""
    if text is None:
        return None
    plain: dict[str, str | int] = {}
    for name, value in text.values:
        if not isinstance(value, str | int):
            raise TypeError(f"a notice holds plain values only: {name}")
        plain[name] = value
    return text.key, plain


def say_of(notice: Notice | None) -> Say | None:
    """The notice as a text again."""
    return None if notice is None else Say(notice[0], tuple(notice[1].items()))
