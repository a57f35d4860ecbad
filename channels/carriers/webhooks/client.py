"""Events over HTTPS: one POST a try, no redirects, no private addresses, nothing of the answer but its status."""

import json
import socket
from collections.abc import Sequence
from datetime import datetime
from typing import Any

import aiohttp
from aiohttp.abc import AbstractResolver, ResolveResult
from aiohttp.resolver import ThreadedResolver

from channels.carriers.webhooks.addresses import AddressRefused, Network, allowed, host_of, literal
from core.events.catalogue import PaymentFact, data_of, lasting_of
from core.events.endpoints import ENDPOINTS_MAX, EndpointKind, EventEndpoint
from core.events.relay import TOGETHER_MAX, PostAttempt, PostOutcome
from core.events.signing import signatures

TOTAL_MAX_S = 15.0
CONNECT_MAX_S = 5.0
CONNECTIONS_MAX = ENDPOINTS_MAX * TOGETHER_MAX  # one a try: endpoints that are silent keep no other waiting
GONE = 410
AGENT = "Khallas-Events/1"


class GuardedResolver(AbstractResolver):
    """Resolves names, and refuses one of whose addresses any is private: what was looked at is what is connected to."""

    def __init__(self, listed: Sequence[Network], resolver: AbstractResolver | None = None) -> None:
        self._listed = listed
        self._resolver = resolver or ThreadedResolver()

    async def resolve(
        self, host: str, port: int = 0, family: socket.AddressFamily = socket.AF_INET
    ) -> list[ResolveResult]:
        """Resolves a host to addresses that may be called. Raises AddressRefused."""
        addresses = await self._resolver.resolve(host, port, family)
        if not all(allowed(each["host"], self._listed) for each in addresses):
            raise AddressRefused("the name leads to an address that is not of the open Internet")
        return addresses

    async def close(self) -> None:
        await self._resolver.close()


class WebhookClient:
    """Implements core.events.relay.EventPoster over HTTP. Build it anywhere, use it inside one loop, and aclose() it
    there.
    """

    def __init__(
        self,
        listed: Sequence[Network] = (),
        *,
        total_max_s: float = TOTAL_MAX_S,
        resolver: AbstractResolver | None = None,
    ) -> None:
        """`listed`: private networks that may be called; `resolver` stands in for the system's (tests)."""
        self._listed = listed
        self._total_max_s = total_max_s
        self._resolver = resolver
        self._session: aiohttp.ClientSession | None = None

    async def post(self, endpoint: EventEndpoint, fact: PaymentFact, now: datetime) -> PostAttempt:
        """Sends an event once, as relay.EventPoster.post says."""
        if not self._may_call(endpoint.url):
            return PostAttempt(PostOutcome.FAILED, "its address is not of the open Internet")
        secrets = endpoint.signing(now)
        if endpoint.kind is EndpointKind.WEBHOOK and not secrets:
            return PostAttempt(PostOutcome.FAILED, "its secret cannot be opened: KHALLAS_SECRET_KEYS lost a key")
        body = json.dumps(_body(endpoint, fact), ensure_ascii=False, separators=(",", ":")).encode()
        headers = {"Content-Type": "application/json", "User-Agent": AGENT}
        if endpoint.kind is EndpointKind.WEBHOOK:
            stamp_s = int(now.timestamp())
            headers |= {
                "webhook-id": fact.event_id,
                "webhook-timestamp": str(stamp_s),
                "webhook-signature": signatures(secrets, fact.event_id, stamp_s, body),
            }
        try:
            async with self._open().post(endpoint.url, data=body, headers=headers, allow_redirects=False) as answer:
                return _judged(answer.status)
        except (aiohttp.ClientError, TimeoutError, OSError, ValueError) as error:
            return PostAttempt(PostOutcome.FAILED, _why(error))

    async def aclose(self) -> None:
        """Close the connections; using it again opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _may_call(self, url: str) -> bool:
        """A literal address asks no resolver; clear HTTP goes to a listed literal address alone."""
        clear, host = not url.startswith("https://"), host_of(url)
        if not literal(host):
            return bool(host) and not clear
        return allowed(host, self._listed) and not (clear and allowed(host, ()))

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=self._total_max_s, sock_connect=CONNECT_MAX_S),
                connector=aiohttp.TCPConnector(
                    limit=CONNECTIONS_MAX, resolver=GuardedResolver(self._listed, self._resolver), use_dns_cache=False
                ),
                cookie_jar=aiohttp.DummyCookieJar(),
                trust_env=False,
                auto_decompress=False,
            )
        return self._session


def _body(endpoint: EventEndpoint, fact: PaymentFact) -> dict[str, Any]:
    at, data = fact.at.isoformat(timespec="milliseconds"), data_of(fact, lasting_of(fact, full=endpoint.full_numbers))
    if endpoint.kind is EndpointKind.TMF:
        return {"eventId": fact.event_id, "eventTime": at, "eventType": str(fact.type), "event": data}
    return {"type": str(fact.type), "timestamp": at, "data": data}


def _judged(status: int) -> PostAttempt:
    if 200 <= status < 300:
        return PostAttempt(PostOutcome.TAKEN)
    if status == GONE:
        return PostAttempt(PostOutcome.GONE, "it answered 410 Gone")
    if 300 <= status < 400:
        return PostAttempt(PostOutcome.FAILED, f"HTTP {status}: redirects are not followed")
    return PostAttempt(PostOutcome.FAILED, f"HTTP {status}")


def _why(error: Exception) -> str:
    """In our words: the other side's may hold anything."""
    inner: BaseException | None = error
    while inner is not None:
        if isinstance(inner, AddressRefused):
            return "its name leads to an address that is not of the open Internet"
        inner = inner.__cause__ or getattr(inner, "os_error", None)
    if isinstance(error, TimeoutError):
        return "no answer in time"
    return f"cannot be reached ({type(error).__name__})"
