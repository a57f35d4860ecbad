"""Twilio's REST side, shared by SMS and voice: messages and calls out. Thin: aiohttp and an error table.

Two form posts are all that is asked of Twilio, so they are made here and not by twilio.rest: that import costs 245 ms
and 34 MB, it knows no other base URL, ignores its own time-out and repeats POSTs when told to retry (protocols/sms.md).

Nothing says whether a request that timed out was carried out. An SMS is sent again (at least once: a receipt twice
beats none), a call is not (at most once: nobody is rung twice for one card).
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import aiohttp

from channels.wire import with_reference
from core.ports import DeliveryFailed, OutgoingSms

API_URL = "https://api.twilio.com"
CONNECT_MAX_S = 5.0
TOTAL_MAX_S = 15.0
ANSWER_MAX_BYTES = 64 * 1024
CONNECTIONS_MAX = 32
RING_MAX_S = 40
CALL_EVENTS = ("initiated", "ringing", "answered", "completed")

# Twilio's error codes whose HTTP status alone would mislead; whatever is not here goes by that status.
RETRYABLE: Mapping[int, bool] = {
    14107: False,  # a loop: the same words to the same number too often
    20003: True,  # our token is wrong: nothing was sent, and a mended setting sends it
    20429: True,  # slow down
    21211: False,  # no such number
    21408: False,  # that country is not enabled
    21610: False,  # the customer opted out
    21611: True,  # the sender's queue is full
    21612: False,  # no way from this sender to that number
    21614: False,  # not a mobile
    30001: True,  # queue overflow
    30008: True,  # unknown error
}
_STATUS_RETRYABLE = frozenset({401, 408, 425, 429})


@dataclass(frozen=True, slots=True)
class TwilioAccount:
    """Our account at Twilio. `sender` is the number or short code that messages and calls come from."""

    sid: str
    auth_token: str = field(repr=False)
    sender: str
    api_url: str = API_URL


class TwilioRest:
    """Posts to one account. Build it anywhere, use it inside one loop, and aclose() it there."""

    def __init__(self, account: TwilioAccount, *, total_max_s: float = TOTAL_MAX_S) -> None:
        self._account = account
        self._total_max_s = total_max_s
        self._session: aiohttp.ClientSession | None = None

    async def send_sms(self, sms: OutgoingSms, status_callback: str) -> str:
        """The message's sid. Our reference comes back in the callback's `ref`. Raises DeliveryFailed."""
        form = [
            ("To", sms.to_msisdn),
            ("From", self._account.sender),
            ("Body", sms.text),
            ("StatusCallback", with_reference(status_callback, sms.reference)),
        ]
        return await self._post("Messages.json", form, repeatable=True)

    async def place_call(self, to_msisdn: str, url: str, status_callback: str, *, caller_id: str | None = None) -> str:
        """The call's sid; `url` answers it, `caller_id` (default: the sender) is what the phone shows.

        Raises DeliveryFailed, not retryable when it may be ringing already.
        """
        form = [
            ("To", to_msisdn),
            ("From", caller_id or self._account.sender),
            ("Url", url),
            ("Method", "POST"),
            ("StatusCallback", status_callback),
            ("StatusCallbackMethod", "POST"),
            *(("StatusCallbackEvent", event) for event in CALL_EVENTS),
            ("Timeout", str(RING_MAX_S)),
        ]
        return await self._post("Calls.json", form, repeatable=False)

    async def aclose(self) -> None:
        """Close the connections; using it again opens new ones."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()

    async def _post(self, resource: str, form: Sequence[tuple[str, str]], *, repeatable: bool) -> str:
        url = f"{self._account.api_url.rstrip('/')}/2010-04-01/Accounts/{self._account.sid}/{resource}"
        try:
            async with self._open().post(url, data=form, allow_redirects=False) as response:
                body = await _bounded(response)
                status = response.status
        except (aiohttp.ClientConnectorError, aiohttp.ConnectionTimeoutError) as error:
            raise DeliveryFailed(f"Twilio cannot be reached: {type(error).__name__}", retryable=True) from error
        except (aiohttp.ClientError, TimeoutError) as error:
            why = f"no answer, maybe sent: {type(error).__name__}"
            raise DeliveryFailed(why, retryable=repeatable, maybe_sent=True) from error
        return _sid(status, body, repeatable=repeatable)

    def _open(self) -> aiohttp.ClientSession:
        if self._session is None:
            self._session = aiohttp.ClientSession(
                headers={"Authorization": aiohttp.encode_basic_auth(self._account.sid, self._account.auth_token)},
                timeout=aiohttp.ClientTimeout(total=self._total_max_s, sock_connect=CONNECT_MAX_S),
                connector=aiohttp.TCPConnector(limit=CONNECTIONS_MAX),
            )
        return self._session


class TwilioTexter:
    """Implements core.ports.Texter over TwilioRest."""

    def __init__(self, rest: TwilioRest, status_callback: str) -> None:
        """`status_callback`: the public URL of POST /sms/twilio/status."""
        self._rest = rest
        self._status_callback = status_callback

    async def send(self, sms: OutgoingSms) -> str:
        return await self._rest.send_sms(sms, self._status_callback)


async def _bounded(response: aiohttp.ClientResponse) -> bytes:
    body = b""
    async for chunk in response.content.iter_chunked(ANSWER_MAX_BYTES):
        body += chunk
        if len(body) > ANSWER_MAX_BYTES:
            break
    return body


def _sid(status: int, body: bytes, *, repeatable: bool) -> str:
    """The sid of an accepted request. The words of an error are not kept: they may quote what was sent."""
    try:
        answer = json.loads(body)
    except ValueError:
        answer = None
    fields = answer if isinstance(answer, dict) else {}
    if 200 <= status < 300:
        sid = fields.get("sid")
        if isinstance(sid, str) and sid:
            return sid
        raise DeliveryFailed(f"HTTP {status} without a sid, maybe sent", retryable=repeatable, maybe_sent=True)
    code = fields.get("code")
    if isinstance(code, int) and code in RETRYABLE:
        raise DeliveryFailed(f"Twilio error {code}", retryable=RETRYABLE[code])
    # a gateway's 5xx may come after the request was carried out
    again = status in _STATUS_RETRYABLE or (status >= 500 and repeatable)
    why = f"HTTP {status}, Twilio error {code}" if code else f"HTTP {status}"
    raise DeliveryFailed(why, retryable=again, maybe_sent=status >= 500)
