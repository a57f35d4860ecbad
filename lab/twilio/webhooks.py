"""What Twilio's side does when it calls the application: a signed form, the documented timeouts, a bounded answer."""

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self
from urllib.parse import urlencode, urlsplit

import aiohttp
from twilio.request_validator import RequestValidator

from lab.servers.serving import ASKERS_IDLE_S

CONNECT_MAX_S = 5.0
READ_MAX_S = 15.0
ANSWER_MAX_BYTES = 64_000


class WebhookFailed(Exception):
    """The application did not answer as it should: its fault. Twilio would log 11200 and may try once more."""


@dataclass(frozen=True, slots=True)
class Answer:
    """What the application said."""

    status: int
    body: bytes
    content_type: str
    screen: str | None
    elapsed_ms: float
    headers: Mapping[str, str] = field(default_factory=dict)  # names in lower case

    @property
    def text(self) -> str:
        """The body as text."""
        return self.body.decode(errors="replace")


@dataclass(frozen=True, slots=True)
class Exchange:
    """One request and what came of it, for whoever watches a wire. `status` is 0 where no answer came."""

    method: str
    url: str
    fields: Mapping[str, str]
    status: int
    body: str
    screen: str | None
    elapsed_ms: float
    outgoing: bool = False  # sent by the application, not to it


Watcher = Callable[[Exchange], None]


class Line:
    """One HTTP connection pool of a stand-in or a phone; `async with`. Nothing is kept between two phones."""

    def __init__(self, auth_token: str = "", public_url: str = "", reach_url: str = "") -> None:
        """What is signed with `public_url` is sent to `reach_url`, where the two differ (no port 443 in a test)."""
        self._validator = RequestValidator(auth_token)
        self._session: aiohttp.ClientSession | None = None
        self.watcher: Watcher | None = None
        self.route(public_url, reach_url)

    def route(self, public_url: str, reach_url: str) -> None:
        """See __init__; for an application that starts after its stand-ins."""
        self._public_url, self._reach_url = public_url.rstrip("/"), reach_url.rstrip("/")

    async def __aenter__(self) -> Self:
        timeout = aiohttp.ClientTimeout(sock_connect=CONNECT_MAX_S, total=CONNECT_MAX_S + READ_MAX_S)
        connector = aiohttp.TCPConnector(keepalive_timeout=ASKERS_IDLE_S)
        self._session = aiohttp.ClientSession(timeout=timeout, connector=connector)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._session is not None:
            await self._session.close()

    async def signed(self, url: str, fields: Mapping[str, str], method: str = "POST") -> Answer:
        """A signed webhook (docs/protocols/sms.md, Signature). Raises WebhookFailed on anything but 2xx."""
        if method == "GET":
            separator = "&" if urlsplit(url).query else "?"
            url, fields = f"{url}{separator}{urlencode(fields)}", {}
        headers = {
            "X-Twilio-Signature": self._validator.compute_signature(url, fields),
            "User-Agent": "TwilioProxy/1.1",
        }
        return await self.send(url, fields, method, headers)

    async def send(
        self,
        url: str,
        fields: Mapping[str, str],
        method: str = "POST",
        headers: Mapping[str, str] | None = None,
        *,
        body: bytes | None = None,
    ) -> Answer:
        """A form, or `body` instead of it, unsigned. Raises WebhookFailed on anything but 2xx."""
        began = time.perf_counter()
        data = body if body is not None else fields
        fields = fields if body is None else {"body": body.decode(errors="replace")}
        try:
            answer = await self._send(url, data, method, headers)
        except WebhookFailed as error:
            self._watched(Exchange(method, url, fields, 0, str(error), None, (time.perf_counter() - began) * 1000))
            raise
        self._watched(Exchange(method, url, fields, answer.status, answer.text, answer.screen, answer.elapsed_ms))
        return answer

    def _watched(self, exchange: Exchange) -> None:
        if self.watcher is not None:
            self.watcher(exchange)

    async def _send(
        self, url: str, data: Mapping[str, str] | bytes, method: str, headers: Mapping[str, str] | None
    ) -> Answer:
        if self._session is None:
            raise RuntimeError("a Line is used within `async with`")
        if self._session.closed:
            raise WebhookFailed(f"{method} {url}: whoever called has left")
        if self._reach_url and url.startswith(self._public_url):
            url = self._reach_url + url.removeprefix(self._public_url)
        began = time.perf_counter()
        try:
            sent = data if method == "POST" else None
            async with self._session.request(
                method, url, data=sent, headers=headers, allow_redirects=False
            ) as response:
                body = await response.content.read(ANSWER_MAX_BYTES + 1)
                while not response.content.at_eof() and len(body) <= ANSWER_MAX_BYTES:
                    body += await response.content.read(ANSWER_MAX_BYTES + 1)
                status, kind = response.status, response.content_type
                told = {name.lower(): value for name, value in response.headers.items()}
        except (aiohttp.ClientError, TimeoutError) as error:
            raise WebhookFailed(f"{method} {url}: {error!r}") from error
        if len(body) > ANSWER_MAX_BYTES:
            raise WebhookFailed(f"{method} {url}: more than {ANSWER_MAX_BYTES} bytes")
        if not 200 <= status < 300:
            raise WebhookFailed(f"{method} {url}: {status} {body[:200].decode(errors='replace')}")
        return Answer(status, body, kind, told.get("x-screen"), (time.perf_counter() - began) * 1000, told)
