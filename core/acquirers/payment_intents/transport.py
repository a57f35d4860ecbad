"""One exchange with the gateway over HTTP: the only socket of this folder.

Rule of this file: an answer is a status and a body, whatever they say; no answer is NotSent where no byte left, and
Unknown otherwise. Nothing the peer does raises; cancellation passes through.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

import aiohttp
from yarl import URL

from core.acquirers.breaker import Breaker
from core.acquirers.payment_intents.wire import ANSWER_MAX_BYTES, ErrorObject, Form, Read, Refused, read
from core.cards import Secret
from core.ports import NotSent, UnknownOutcome

TIMEOUT_S = 30.0
CONNECT_TIMEOUT_S = 5.0
LOOK_TIMEOUT_S = 10.0  # a question that moves no money
CONNECTIONS_MAX = 50
CHUNK_BYTES = 16_384
API_VERSION = "2025-03-31.basil"  # what the gateway's objects look like: pinned, whatever the account's default is


@dataclass(frozen=True, slots=True)
class GatewayAccount:
    """The merchant's account. `currency` as the gateway writes it."""

    url: str
    key: Secret = field(repr=False)
    currency: str = "mad"
    moto: bool = True  # charges by telephone are marked as such; the account must be allowed to


@dataclass(frozen=True, slots=True)
class GatewayAnswer:
    """An answer. `body` is raw: keep it out of logs."""

    status: int
    body: bytes = field(repr=False)
    replayed: bool = False

    @property
    def ok(self) -> bool:
        return self.status == HTTPStatus.OK

    def error(self) -> ErrorObject:
        """What a refusal says of itself; empty where that cannot be read."""
        refused = read(Refused, self.body)
        return refused.error if refused is not None else ErrorObject()

    def holds(self, kind: type[Read]) -> Read | None:
        """The object, of a success; None for everything else."""
        return read(kind, self.body) if self.ok else None


Said = GatewayAnswer | NotSent | UnknownOutcome


class Exchange:
    """Asks, and keeps the connections. Raises ValueError only for an account that cannot work."""

    def __init__(
        self,
        account: GatewayAccount,
        *,
        timeout_s: float = TIMEOUT_S,
        breaker: Breaker | None = None,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self._base = URL(account.url.rstrip("/"))
        if self._base.scheme not in {"http", "https"} or not self._base.host:
            raise ValueError("the gateway's URL is an http or https address")
        if not account.key.reveal().strip():
            raise ValueError("the gateway's key is empty")
        self._key = account.key
        self.timeout_s = timeout_s
        connect_s = min(CONNECT_TIMEOUT_S, timeout_s)
        self._timeout = aiohttp.ClientTimeout(total=timeout_s, connect=connect_s, sock_read=timeout_s)
        self._look_timeout = aiohttp.ClientTimeout(total=min(timeout_s, LOOK_TIMEOUT_S), connect=connect_s)
        self._session: aiohttp.ClientSession | None = None
        self.breaker = breaker or Breaker(clock)

    async def aclose(self) -> None:
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def post(self, path: str, form: Form, key: str, *, brief: bool = False) -> Said:
        """Ask for something to be done. `key`: the same for a repeat, another for anything else. `brief`: nobody waits
        long for what moves no money, or was sent before."""
        allowed = self._look_timeout if brief else self._timeout
        return await self._ask("POST", path, form, {"Idempotency-Key": key}, allowed)

    async def get(self, path: str, query: Form) -> Said:
        """Look at something."""
        return await self._ask("GET", path, query, {}, self._look_timeout)

    async def _ask(self, method: str, path: str, said: Form, headers: Form, allowed: aiohttp.ClientTimeout) -> Said:
        answer = await self._exchange(method, path, said, headers, allowed)
        if isinstance(answer, GatewayAnswer) and answer.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.breaker.succeeded()
        else:
            self.breaker.failed()
        return answer

    async def _exchange(
        self, method: str, path: str, said: Form, headers: Form, allowed: aiohttp.ClientTimeout
    ) -> Said:
        try:
            # never redirected: a redirect would carry the card to an address nobody configured
            async with self._open_session().request(
                method,
                self._base.joinpath(*path.strip("/").split("/")),
                headers=headers,
                allow_redirects=False,
                timeout=allowed,
                params=said if method == "GET" else None,
                data=said if method == "POST" else None,
            ) as response:
                body = await _read(response)
                replayed = response.headers.get("Idempotent-Replayed", "").lower() == "true"
                status = response.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return NotSent("no connection")
        except TimeoutError:
            return UnknownOutcome("no answer in time")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return UnknownOutcome(f"connection lost: {type(error).__name__}")
        return GatewayAnswer(status, body, replayed) if body is not None else UnknownOutcome("answer is too long")

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            # a kept connection that the other side just closed would look like a lost charge: always a new one
            connector = aiohttp.TCPConnector(limit=CONNECTIONS_MAX, force_close=True)
            headers = {
                "Authorization": f"Bearer {self._key.reveal()}",
                "Stripe-Version": API_VERSION,
                "Accept": "application/json",
                "Accept-Encoding": "identity",
            }
            self._session = aiohttp.ClientSession(
                connector=connector, timeout=self._timeout, headers=headers, auto_decompress=False
            )
        return self._session


async def _read(response: aiohttp.ClientResponse) -> bytes | None:
    """The body, None when it is longer than any answer may be."""
    body = bytearray()
    async for chunk in response.content.iter_chunked(CHUNK_BYTES):
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            return None
    return bytes(body)
