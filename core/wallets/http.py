"""A wallet's client: a breaker over its connections (core/http_peer.py), and a token that is renewed.

Rule of this file: NotSent means that no byte of a request can have left. Whatever was answered is an HttpAnswer, which
the dialects read; no answer, or one that is too long, is UnknownOutcome. Nothing the peer does raises.
"""

import asyncio
import json
import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field

from yarl import URL

from core.acquirers.breaker import Breaker
from core.cards import Secret
from core.http_peer import HttpPeer, HttpReply
from core.ports import NotSent, UnknownOutcome

TIMEOUT_S = 20.0
CONNECTIONS_MAX = 20
ANSWER_BYTES_MAX = 64 * 1024
SERVER_ERROR = 500
TOKEN_MARGIN_S = 60.0  # renewed so much before its end: a request takes its time
TOKEN_LIFE_MAX_S = 24 * 3_600.0


@dataclass(frozen=True, slots=True)
class HttpAsk:
    """A request as a dialect builds it. `path` begins with a slash; headers may hold secrets."""

    method: str
    path: str
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)
    body: bytes = field(default=b"", repr=False)


@dataclass(frozen=True, slots=True)
class HttpAnswer:
    """A provider's whole answer. Dialects decide what it means."""

    status: int
    body: bytes = b""

    def json(self) -> Mapping[str, object]:
        """The body's JSON object; an empty one where it is none."""
        try:
            parsed = json.loads(self.body)
        except (ValueError, RecursionError):
            return {}
        return parsed if isinstance(parsed, dict) else {}


Exchange = HttpAnswer | NotSent | UnknownOutcome


def text_of(fields: Mapping[str, object], *names: str, chars_max: int = 256) -> str:
    """The first of these that is there, as text: providers write numbers as numbers and as strings. "" for none."""
    for name in names:
        value = fields.get(name)
        if isinstance(value, str):
            return value.strip()[:chars_max]
        if isinstance(value, int) and not isinstance(value, bool):
            return str(value)[:chars_max]
    return ""


class WalletHttp:
    """Asks one provider. Raises ValueError for a base that is no address."""

    def __init__(
        self,
        base_url: str,
        *,
        timeout_s: float = TIMEOUT_S,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = base_url.rstrip("/")
        self._peer = HttpPeer(
            self._base,
            headers={"Accept": "application/json"},
            timeout_s=timeout_s,
            connections_max=CONNECTIONS_MAX,
            answer_bytes_max=ANSWER_BYTES_MAX,
        )
        self.breaker = breaker or Breaker(clock)

    async def aclose(self) -> None:
        """Close the connections; new ones are opened if it is asked again."""
        await self._peer.aclose()

    async def exchange(self, ask: HttpAsk) -> Exchange:
        """Sends one request. The breaker hears of every one: a 5xx that says nothing comes from a machine
        in between.
        """
        if not self.breaker.allows(self._peer.timeout_s):
            return NotSent("circuit open")
        url, data = URL(self._base + ask.path), ask.body or None
        reply = await self._peer.send(ask.method, url, headers=ask.headers, data=data)
        answer = HttpAnswer(reply.status, reply.body) if isinstance(reply, HttpReply) else reply
        if isinstance(answer, HttpAnswer) and (answer.status < SERVER_ERROR or answer.json()):
            self.breaker.succeeded()
        else:
            self.breaker.failed()
        return answer


@dataclass(frozen=True, slots=True)
class BearerToken:
    """The token that a provider's door gave, and for how long."""

    token: Secret = field(repr=False)
    life_s: float


class TokenKeeper:
    """Keeps one token for all requests, renewed before its end; asked for once, however many wait for it."""

    def __init__(
        self,
        fetch: Callable[[], Awaitable[BearerToken | NotSent | UnknownOutcome]],
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._fetch = fetch
        self._clock = clock
        self._token: Secret | None = None
        self._until = 0.0
        self._lock = asyncio.Lock()

    async def token(self) -> Secret | NotSent:
        """NotSent where there is none: no token moves any money, and without one nothing is asked."""
        async with self._lock:
            if self._token is not None and self._clock() < self._until:
                return self._token
            made = await self._fetch()
            if not isinstance(made, BearerToken):
                return NotSent(f"no token: {made.why}")
            life_s = min(max(made.life_s, 0.0), TOKEN_LIFE_MAX_S)
            self._token, self._until = made.token, self._clock() + max(life_s - TOKEN_MARGIN_S, life_s / 2)
            return made.token

    async def exchange(self, http: WalletHttp, ask: HttpAsk, refuses: Callable[[HttpAnswer], bool]) -> Exchange:
        """Sends a request with a token; one that is refused is renewed once: the provider let nothing through."""
        answer: Exchange = NotSent("no token")
        for _ in range(2):
            token = await self.token()
            if isinstance(token, NotSent):
                return token
            bearer = {"Authorization": f"Bearer {token.reveal()}"}
            answer = await http.exchange(HttpAsk(ask.method, ask.path, {**ask.headers, **bearer}, ask.body))
            if not isinstance(answer, HttpAnswer) or not refuses(answer):
                return answer
            self.refused(token)
        return answer

    def refused(self, token: Secret) -> None:
        """The provider no longer takes it; a newer one that somebody fetched meanwhile stays."""
        if self._token is token:
            self._token = None


def bearer_of(answer: Exchange) -> BearerToken | NotSent | UnknownOutcome:
    """The token that an OAuth door answered with; `expires_in` comes as a number and as text."""
    if not isinstance(answer, HttpAnswer):
        return answer
    fields = answer.json()
    token, life = text_of(fields, "access_token", chars_max=8_192), text_of(fields, "expires_in")
    if answer.status != 200 or not token or not token.isascii() or not token.isprintable():
        return UnknownOutcome(f"HTTP {answer.status} at the token door")
    return BearerToken(Secret(token), float(life) if life.isdecimal() and len(life) < 10 else TOKEN_MARGIN_S)
