"""What Twilio's console says it calls when a text or a call comes in: the commonest thing to be wrong. Reads only.

Numbers that are not this account's (a trunk brought along, a short code elsewhere) cannot be asked about here.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any

import aiohttp

from khallas.doctor.finding import CheckFailed, NotSetUp
from khallas.settings.model import Settings

ASK_MAX_S = 10.0
_E164 = re.compile(r"\+\d{7,15}")
_SHORT = re.compile(r"\d{3,8}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A number, and what should be called when something comes in there."""

    number: str
    what: str  # sms or voice
    url: str


async def webhooks(settings: Settings) -> str:
    """Each number's webhooks are ours, by POST. Raises Trouble, NotSetUp."""
    wanted = list(_wanted(settings))
    if not settings.twilio.account_sid or not wanted:
        raise NotSetUp("no number of Twilio's")
    right: list[str] = []
    strange: list[str] = []
    try:
        async with _session(settings) as session:
            for each in wanted:
                found = await _asked(session, settings, each.number)
                (right if _right(each, found) else strange).append(each.number)
    except (aiohttp.ClientError, TimeoutError, ValueError) as error:
        told = f"cannot be asked about ({type(error).__name__})"
        raise CheckFailed(told, "see the part twilio") from None
    elsewhere = f"; {', '.join(dict.fromkeys(strange))} is not the account's: look where it is" if strange else ""
    if not right:
        raise NotSetUp(elsewhere.removeprefix("; "))
    return f"{', '.join(dict.fromkeys(right))} lead to us{elsewhere}"


def _wanted(settings: Settings) -> Iterator[Wanted]:
    base = settings.public_url
    sender = settings.twilio.from_ or settings.short_code
    if "twilio" in settings.sms.wires and (_E164.fullmatch(sender) or _SHORT.fullmatch(sender)):
        yield Wanted(sender, "sms", f"{base}/sms/twilio")
    if "twilio" in settings.ivr.wires and _E164.fullmatch(settings.ivr.number):
        yield Wanted(settings.ivr.number, "voice", f"{base}/ivr/twilio")


def _right(wanted: Wanted, found: Mapping[str, Any] | None) -> bool:
    """False: nothing is known of it there. Raises Trouble."""
    if found is None:
        return False
    url, method = str(found.get(f"{wanted.what}_url") or ""), str(found.get(f"{wanted.what}_method") or "POST")
    if wanted.what == "sms" and not url:  # its texts go by a Messaging Service
        return False
    if url.rstrip("/") == wanted.url and method == "POST":
        return True
    told = f"{wanted.number} calls {method} {url or 'nothing'} for {wanted.what}, not POST {wanted.url}"
    raise CheckFailed(told, "enter it at the number in Twilio's console (docs/guides/twilio.md)")


async def _asked(session: aiohttp.ClientSession, settings: Settings, number: str) -> Mapping[str, Any] | None:
    """What the account says of the number; None where it is not the account's. Raises ValueError: no usable answer."""
    base = f"{settings.twilio.api_url}/2010-04-01/Accounts/{settings.twilio.account_sid}"
    own = number.startswith("+")
    path, name, listed = (
        ("IncomingPhoneNumbers.json", "PhoneNumber", "incoming_phone_numbers")
        if own
        else ("SMS/ShortCodes.json", "ShortCode", "short_codes")
    )
    async with session.get(f"{base}/{path}", params={name: number}, allow_redirects=False) as answer:
        if answer.status != 200:
            raise ValueError(f"HTTP {answer.status}")
        body = await answer.json()
    key = "phone_number" if own else "short_code"
    rows = body.get(listed) if isinstance(body, dict) else None
    for row in rows or ():
        if isinstance(row, dict) and row.get(key) == number:
            return row
    return None


def _session(settings: Settings) -> aiohttp.ClientSession:
    token = settings.twilio.auth_tokens[0].get_secret_value() if settings.twilio.auth_tokens else ""
    headers = {"Authorization": aiohttp.encode_basic_auth(settings.twilio.account_sid, token)}
    return aiohttp.ClientSession(headers=headers, timeout=aiohttp.ClientTimeout(total=ASK_MAX_S))
