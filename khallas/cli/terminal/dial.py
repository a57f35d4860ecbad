"""A USSD phone in the terminal: one session, from the dialled code to the server's END."""

from collections.abc import Awaitable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from core.messaging.gsm7 import Coding, coding_of, size
from core.subscribers.lines import national
from khallas.cli.terminal.faults import Failed, explain
from khallas.cli.terminal.keyboard import Keyboard
from khallas.cli.terminal.prompt import WALLET_ASKED, pay_at_prompt
from khallas.cli.terminal.show import PROMPT, Show

if TYPE_CHECKING:
    from lab.caller import Shown, UssdPhone

TURNS_MAX = 200
DEFAULT_WIRE = "africastalking"
HAND_OVER = "HandOver"
SECRET_HEADER = "X-Khallas-Secret"  # noqa: S105 - a header's name


@dataclass(frozen=True, slots=True)
class Dialling:
    """Says what is dialled, by whom, where, and in which gateway's dialect. `msisdn` is E.164; `secret`
    is the wire's.
    """

    url: str
    msisdn: str
    service_code: str
    keys: str = ""
    secret: str = ""
    wire: str = DEFAULT_WIRE


def split_code(code: str, service_code: str) -> tuple[str, str]:
    """A dialled code as (service code, keys): "*1117*1*2#" -> ("*1117#", "1*2"). A bare "1*2" holds keys only."""
    stem, dialled = service_code.strip("*#"), code.strip("*#")
    if dialled == stem or dialled.startswith(stem + "*"):
        return service_code, dialled.removeprefix(stem).strip("*")
    if not code.startswith("*"):
        return service_code, dialled
    other, _, keys = dialled.partition("*")
    return f"*{other}#", keys


def spoken() -> tuple[str, ...]:
    """The dialects a handset speaks."""
    from lab.ussd_wires import DIALECTS

    return tuple(DIALECTS)


def room(text: str, wire: str) -> tuple[int, int, str]:
    """The room that a page takes, the most it may take on this wire, and the unit of both."""
    from channels.ussd.wires import WIRES

    limits, coding = WIRES[wire].limits, coding_of(text)
    most, unit = (limits.septets, "septets") if coding is Coding.GSM7 else (limits.units, "UCS-2 characters")
    return size(text, coding), most, unit


async def dial(order: Dialling, keyboard: Keyboard, show: Show) -> None:
    """Play one session; it ends with the server's END, or the wallet's prompt after it, or with the input. Raises
    Failed.
    """
    from lab.caller import UssdPhone

    headers = {SECRET_HEADER: order.secret} if order.secret else None
    phone = UssdPhone(order.url, order.msisdn, order.service_code, wire=order.wire, headers=headers)
    async with phone:
        last = await _play(phone, order, keyboard, show)
    if last is None:
        show.line("left before the end", "dim")
    elif last.screen == HAND_OVER:
        number = national(order.msisdn)
        show.line(f"The card is taken by voice: khallas call --from {number} (--answer if your phone rings)", "bold")
    elif last.screen == WALLET_ASKED:
        await pay_at_prompt(order.url, order.msisdn, keyboard, show)


async def _play(phone: "UssdPhone", order: Dialling, keyboard: Keyboard, show: Show) -> "Shown | None":
    """The last page, None when the input ended first."""
    keys, shown = order.keys, await _answered(phone.dial(f"*{order.service_code.strip('*#')}*{order.keys}#"), order)
    for _ in range(TURNS_MAX):
        _draw(shown, keys, order, show)
        if shown.ended:
            return shown
        show.part(PROMPT, "bold")
        typed = await keyboard.line()
        if typed is None or not keyboard.interactive:  # a terminal has echoed it already
            show.line(typed or "")
        if typed is None:
            return None
        keys, shown = typed, await _answered(phone.send(typed), order)
    raise Failed(f"the session has more than {TURNS_MAX} turns")


async def _answered(answer: Awaitable["Shown"], order: Dialling) -> "Shown":
    from lab.twilio.webhooks import WebhookFailed

    try:
        return await answer
    except WebhookFailed as error:
        key = "the wire's shared secret (--secret) is missing or wrong, or your address is not allowed"
        raise explain(str(error), order.url, key) from None
    except ValueError as error:
        raise Failed(f"{order.url} does not speak {order.wire}: {error}") from None


def _draw(shown: "Shown", keys: str, order: Dialling, show: Show) -> None:
    used, most, unit = room(shown.text, order.wire)
    show.handset(shown.text, order.service_code, f"{used}/{most} {unit}")
    if shown.screen:
        show.line(shown.screen, "dim")
    report = {"keys": keys, "text": shown.text, "ended": shown.ended, "screen": shown.screen}
    show.data(report | {"used": used, "limit": most, "unit": unit})
