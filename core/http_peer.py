"""One request to a peer that moves money, over HTTP: here alone it is said whether a byte of it can have left.

Rule of this file: NotSent means that no byte can have left; whatever was answered is an HttpReply, whatever it says;
everything else is UnknownOutcome. Nothing the peer does raises; cancellation passes through.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field

import aiohttp
from yarl import URL

from core.ports import NotSent, UnknownOutcome

CONNECT_TIMEOUT_S = 5.0
CHUNK_BYTES = 8_192


@dataclass(frozen=True, slots=True)
class HttpReply:
    """A peer's whole answer. `body` is raw: keep it out of logs."""

    status: int
    body: bytes = field(default=b"", repr=False)
    headers: Mapping[str, str] = field(default_factory=dict, repr=False)


class HttpPeer:
    """The connections to one peer. Raises ValueError for an address that is none."""

    def __init__(
        self,
        url: str,
        *,
        headers: Mapping[str, str],
        timeout_s: float,
        connections_max: int,
        answer_bytes_max: int,
        connect_timeout_s: float = CONNECT_TIMEOUT_S,
    ) -> None:
        """`headers` go with every request."""
        self.url = URL(url)
        if self.url.scheme not in {"http", "https"} or not self.url.host:
            raise ValueError("a peer's URL is an http or https address")
        self.timeout_s = timeout_s
        self._connect_timeout_s = connect_timeout_s
        self._headers = {"Accept-Encoding": "identity", **headers}
        self._connections_max = connections_max
        self._answer_bytes_max = answer_bytes_max
        self._session: aiohttp.ClientSession | None = None

    async def aclose(self) -> None:
        """Close the connections; new ones are opened if it is asked again."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def send(
        self,
        method: str,
        url: URL | None = None,
        *,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        data: Mapping[str, str] | bytes | None = None,
        timeout_s: float | None = None,
    ) -> HttpReply | NotSent | UnknownOutcome:
        """Sends one request, to the peer's own address unless told; `timeout_s` where it may take less than usual."""
        try:
            # never redirected: a redirect would carry the card to an address nobody configured
            async with self._open_session().request(
                method,
                url or self.url,
                headers=headers,
                params=params,
                data=data,
                allow_redirects=False,
                timeout=self._within(min(timeout_s or self.timeout_s, self.timeout_s)),
            ) as response:
                body = await self._read(response)
                reply = HttpReply(response.status, body or b"", response.headers)
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError):
            return NotSent("no connection")
        except TimeoutError:
            return UnknownOutcome("no answer in time")
        except (aiohttp.ClientError, OSError, ValueError) as error:
            return UnknownOutcome(f"connection lost: {type(error).__name__}")
        return UnknownOutcome("the answer is too long") if body is None else reply

    def _within(self, allowed_s: float) -> aiohttp.ClientTimeout:
        connect_s = min(self._connect_timeout_s, allowed_s)
        return aiohttp.ClientTimeout(total=allowed_s, connect=connect_s, sock_read=allowed_s)

    def _open_session(self) -> aiohttp.ClientSession:
        if self._session is None or self._session.closed:
            # a kept connection that the other side just closed would look like a lost charge: always a new one
            connector = aiohttp.TCPConnector(limit=self._connections_max, force_close=True)
            self._session = aiohttp.ClientSession(connector=connector, headers=self._headers, auto_decompress=False)
        return self._session

    async def _read(self, response: aiohttp.ClientResponse) -> bytes | None:
        """The body, None when it is longer than any answer may be."""
        body = bytearray()
        async for chunk in response.content.iter_chunked(CHUNK_BYTES):
            body += chunk
            if len(body) > self._answer_bytes_max:
                return None
        return bytes(body)
