"""One exchange with the gateway: its address, headers and keys for repeats; the socket is core/http_peer.py's.

Rule of this file: an answer is a status and a body, whatever they say; no answer is NotSent where no byte left, and
Unknown otherwise. Nothing the peer does raises; cancellation passes through.
"""

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from http import HTTPStatus

from yarl import URL

from core.acquirers.breaker import Breaker
from core.acquirers.payment_intents.wire import ANSWER_MAX_BYTES, ErrorObject, Form, Read, Refused, read
from core.cards import Secret
from core.http_peer import HttpPeer, HttpReply
from core.ports import NotSent, UnknownOutcome

TIMEOUT_S = 30.0
LOOK_TIMEOUT_S = 10.0  # a question that moves no money
CONNECTIONS_MAX = 50
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
        """Returns what a refusal says of itself; empty where that cannot be read."""
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
        if not account.key.reveal().strip():
            raise ValueError("the gateway's key is empty")
        self.timeout_s = timeout_s
        self._peer = HttpPeer(
            account.url.rstrip("/"),
            headers={
                "Authorization": f"Bearer {account.key.reveal()}",
                "Stripe-Version": API_VERSION,
                "Accept": "application/json",
            },
            timeout_s=timeout_s,
            connections_max=CONNECTIONS_MAX,
            answer_bytes_max=ANSWER_MAX_BYTES,
        )
        self.breaker = breaker or Breaker(clock)

    async def aclose(self) -> None:
        await self._peer.aclose()

    async def post(self, path: str, form: Form, key: str, *, brief: bool = False) -> Said:
        """Ask for something to be done. `key`: the same for a repeat, another for anything else. `brief`: nobody waits
        long for what moves no money, or was sent before."""
        headers = {"Idempotency-Key": key}
        reply = await self._peer.send(
            "POST", self._at(path), headers=headers, data=form, timeout_s=LOOK_TIMEOUT_S if brief else None
        )
        return self._heard(reply)

    async def get(self, path: str, query: Form) -> Said:
        """Looks at an object of the gateway."""
        return self._heard(await self._peer.send("GET", self._at(path), params=query, timeout_s=LOOK_TIMEOUT_S))

    def _at(self, path: str) -> URL:
        return self._peer.url.joinpath(path.removeprefix("/"))

    def _heard(self, reply: HttpReply | NotSent | UnknownOutcome) -> Said:
        """The answer; the breaker hears of it."""
        if isinstance(reply, HttpReply) and reply.status < HTTPStatus.INTERNAL_SERVER_ERROR:
            self.breaker.succeeded()
        else:
            self.breaker.failed()
        if not isinstance(reply, HttpReply):
            return reply
        replayed = reply.headers.get("Idempotent-Replayed", "").lower() == "true"
        return GatewayAnswer(reply.status, reply.body, replayed)
