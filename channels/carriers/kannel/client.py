"""Kannel's sendsms: messages out. Thin: aiohttp and an error table (docs/protocols/sms.md).

A refusal or an unreachable smsbox means nothing was sent; no answer in time means it may have been.
"""

from dataclasses import dataclass, field

import aiohttp

from channels.wire import with_reference
from core.messaging.gsm7 import Coding, coding_of
from core.ports import DeliveryFailed, OutgoingSms

CONNECT_MAX_S = 5.0
TOTAL_MAX_S = 15.0
ANSWER_MAX_BYTES = 4 * 1024
CONNECTIONS_MAX = 16
AWAY_S = 10.0
DLR_MASK = "31"
_ACCEPTED = (b"0:", b"3:")  # accepted, queued for later


@dataclass(frozen=True, slots=True)
class KannelAccount:
    """A sendsms-user. `dlr_url`: our GET /sms/kannel/dlr as Kannel reaches it, with the wire's secret if it has one."""

    url: str
    username: str
    password: str = field(repr=False)
    sender: str
    dlr_url: str = field(repr=False)


class KannelTexter:
    """Implements core.ports.Texter over sendsms. Build it anywhere, use it inside one loop, and aclose() it there."""

    def __init__(self, account: KannelAccount) -> None:
        self._account = account
        self._session: aiohttp.ClientSession | None = None

    async def send(self, sms: OutgoingSms) -> str:
        """Kannel names no message: reports find it by our own reference. Raises DeliveryFailed."""
        try:
            async with self._open().get(self._account.url, params=self._query(sms), allow_redirects=False) as response:
                body = await response.content.read(ANSWER_MAX_BYTES)
                status = response.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            why = f"Kannel cannot be reached: {type(error).__name__}"
            raise DeliveryFailed(why, retryable=True, again_in_s=AWAY_S) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            why = f"no answer, maybe sent: {type(error).__name__}"
            raise DeliveryFailed(why, retryable=True, maybe_sent=True) from error
        _check(status, body)
        return f"kannel:{sms.reference}"

    async def aclose(self) -> None:
        """Close the connections; using it again opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    def _query(self, sms: OutgoingSms) -> dict[str, str]:
        account = self._account
        # Kannel fills in %d and %A; the rest of the URL holds no escapes it knows
        dlr_url = with_reference(account.dlr_url, sms.reference) + "&type=%d&answer=%A"
        return {
            "username": account.username,
            "password": account.password,
            "from": account.sender,
            "to": sms.to_msisdn,
            "text": sms.text,
            "charset": "UTF-8",
            "coding": "0" if coding_of(sms.text) is Coding.GSM7 else "2",
            "dlr-mask": DLR_MASK,
            "dlr-url": dlr_url,
        }

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                timeout=aiohttp.ClientTimeout(total=TOTAL_MAX_S, sock_connect=CONNECT_MAX_S),
                connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            )
        return self._session


def _check(status: int, body: bytes) -> None:
    """Raises DeliveryFailed. The words of an error are not kept: they may quote what was sent."""
    if status in {200, 202} and body.startswith(_ACCEPTED):
        return
    if status in {401, 403}:  # a mended setting sends it
        raise DeliveryFailed(f"Kannel refuses us: HTTP {status}", retryable=True)
    if status == 503:
        raise DeliveryFailed("Kannel is busy: HTTP 503", retryable=True, again_in_s=AWAY_S)
    if 400 <= status < 500:
        raise DeliveryFailed(f"HTTP {status}", retryable=False)
    raise DeliveryFailed(f"HTTP {status}, maybe sent", retryable=True, maybe_sent=True)
