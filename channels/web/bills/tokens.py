"""Who is at the web door: a random number in a cookie, or signed in the page's form where cookies are refused. Pure.

Redis, the database and logs know a digest of that number, so that none of them lets anybody in. A form of a page is
believed when it bears what only that page was given: a tag of the cookie's number, or the number itself, signed.
"""

import hmac
import re
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from hashlib import sha256

NUMBER_BYTES = 16
TAG_CHARS = 32
COOKIE_SECURE, COOKIE_PLAIN = "__Host-kh", "kh"
_NUMBER = re.compile(r"[0-9a-f]{32}")
_CSRF = b"khallas web form 1\0"  # the same secret signs links elsewhere
_STATE = b"khallas web state 1\0"
_NAME = b"khallas web session 1\0"
_PAYER = b"khallas web payer 1\0"


@dataclass(frozen=True, slots=True)
class Visitor:
    """A browser. `by_cookie`: it brought its cookie, and its forms need no number of their own."""

    number: str
    by_cookie: bool

    @property
    def session(self) -> str:
        """The session's name in Redis, in transcripts and in a basket's idempotency key."""
        return sha256(_NAME + self.number.encode()).hexdigest()[:32]

    def payer(self, line: str) -> str:
        """Returns who pays for that line, as the books know it: this browser alone, and no telephone."""
        return "web:" + sha256(_PAYER + f"{self.number}|{line}".encode()).hexdigest()[:24]


class VisitorTokens:
    """Makes and reads what a form bears. The first key signs, all verify."""

    __slots__ = ("_keys",)

    def __init__(self, keys: Sequence[str]) -> None:
        self._keys = tuple(key.encode() for key in keys)

    def fresh(self) -> Visitor:
        """Makes the visitor of somebody who was never here, or says nothing of it."""
        return Visitor(secrets.token_hex(NUMBER_BYTES), by_cookie=False)

    def known(self, cookie: str) -> Visitor | None:
        """The visitor of a cookie; None when it is none of ours."""
        return Visitor(cookie, by_cookie=True) if _NUMBER.fullmatch(cookie) else None

    def state_of(self, visitor: Visitor) -> str:
        """The token that the visitor's forms bear."""
        if visitor.by_cookie:
            return _tag(self._keys[0], _CSRF, visitor.number)
        return f"{visitor.number}.{_tag(self._keys[0], _STATE, visitor.number)}"

    def sender(self, cookie: str, state: str) -> Visitor | None:
        """Returns who sent a form; None when it was not made by a page that this browser was given."""
        visitor = self.known(cookie)
        number, dot, tag = state.partition(".")
        if dot:
            signed = _NUMBER.fullmatch(number) is not None and self._right(_STATE, number, tag)
            return (visitor or Visitor(number, by_cookie=False)) if signed and cookie in {"", number} else None
        return visitor if visitor is not None and self._right(_CSRF, visitor.number, state) else None

    def _right(self, purpose: bytes, number: str, tag: str) -> bool:
        # every key is tried, so that the time tells nothing
        matches = [hmac.compare_digest(_tag(key, purpose, number).encode(), tag.encode()) for key in self._keys]
        return any(matches)


def _tag(key: bytes, purpose: bytes, number: str) -> str:
    return hmac.digest(key, purpose + number.encode(), sha256).hex()[:TAG_CHARS]
