"""What Twilio's console says it calls when a text or a call comes in: the commonest thing to be wrong. Reads only.

Numbers that are not this account's (a trunk brought along, a short code elsewhere) cannot be asked about here.
"""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from khallas.doctor.finding import CheckFailed, NotSetUp
from khallas.doctor.twilio_client import ask
from khallas.settings.model import Settings

if TYPE_CHECKING:
    from twilio.rest import Client

ROWS_MAX = 20
_E164 = re.compile(r"\+\d{7,15}")
_SHORT = re.compile(r"\d{3,8}")


@dataclass(frozen=True, slots=True)
class Wanted:
    """A number, and what should be called when something comes in there."""

    number: str
    what: str  # sms or voice
    url: str


async def webhooks(settings: Settings) -> str:
    """Checks that each number's webhooks are ours, by POST. Raises CheckFailed, NotSetUp."""
    wanted = list(_wanted(settings))
    if not settings.twilio.account_sid or not wanted:
        raise NotSetUp("no number of Twilio's")
    right: list[str] = []
    strange: list[str] = []
    for each in wanted:
        number = await _asked(settings, each.number)
        (right if _right(each, number) else strange).append(each.number)
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


def _right(wanted: Wanted, number: Any | None) -> bool:
    """False: nothing is known of it there. Raises CheckFailed."""
    if number is None:
        return False
    url = str(getattr(number, f"{wanted.what}_url", None) or "")
    method = str(getattr(number, f"{wanted.what}_method", None) or "POST")
    if wanted.what == "sms" and not url:  # its texts go by a Messaging Service
        return False
    if url.rstrip("/") == wanted.url and method == "POST":
        return True
    what = f"{wanted.number} calls {method} {url or 'nothing'} for {wanted.what}, not POST {wanted.url}"
    raise CheckFailed(what, "enter it at the number in Twilio's console (docs/guides/twilio.md)")


def _rows(client: "Client", sid: str, number: str) -> Iterator[Any]:
    """What the account has of a number."""
    if number.startswith("+"):
        return iter(client.api.v2010.accounts(sid).incoming_phone_numbers.list(phone_number=number, limit=ROWS_MAX))
    return iter(client.api.v2010.accounts(sid).short_codes.list(short_code=number, limit=ROWS_MAX))


async def _asked(settings: Settings, number: str) -> Any | None:
    """What the account says of the number; None where it is not the account's. Raises CheckFailed."""
    name, sid = "phone_number" if number.startswith("+") else "short_code", settings.twilio.account_sid

    def question(client: "Client") -> Any | None:
        return next((row for row in _rows(client, sid, number) if getattr(row, name, None) == number), None)

    return await ask(settings, question)
