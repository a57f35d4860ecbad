"""A wallet's prompt in the terminal: the demo's network asks the telephone that dialled. A PIN is shown as dots."""

import asyncio
import re
from typing import TYPE_CHECKING
from urllib.parse import quote

from pydantic import BaseModel, TypeAdapter, ValidationError

from khallas.cli.terminal.faults import Failed
from khallas.cli.terminal.keyboard import END_OF_INPUT, Keyboard
from khallas.cli.terminal.show import PROMPT, Show
from khallas.cli.terminal.transcript import MASK

if TYPE_CHECKING:
    from khallas.cli.terminal.voice import StandInDesk

WALLET_ASKED = "WalletAsked"  # the screen that a prompt follows
DESK_PATH = "/phone/api"  # where the demo mounts lab/phone and lab/twilio/desk.py
COMES_WITHIN_S = 60.0  # it leaves 2 to 4 s after the dialog's end
POLL_S = 0.5
TURNS_MAX = 10
ENTER = "\r\n"
ERASE = "\x7f\b"


class PromptShown(BaseModel):
    """In the words of lab/phone/prompts.py."""

    id: str
    text: str
    over: bool


_Shown = TypeAdapter(PromptShown | None)


async def pay_at_prompt(
    url: str, msisdn: str, keyboard: Keyboard, show: Show, *, comes_within_s: float = COMES_WITHIN_S
) -> None:
    """Wait for the prompt, hand on what is typed until the network says that it is over; an empty line refuses.
    Raises Failed.
    """
    import aiohttp

    from khallas.cli.terminal.voice import StandInDesk

    async with aiohttp.ClientSession() as session:
        desk, place = StandInDesk(url.rstrip("/") + DESK_PATH, session), f"/prompts/{quote(msisdn)}"
        told = await _coming(desk, place, comes_within_s)
        for _ in range(TURNS_MAX):
            if told is None:
                show.line("the wallet asks on another telephone, or asked nobody", "dim")
                return
            show.line(told.text)
            show.data({"wallet": told.text, "ended": told.over})
            if told.over:
                return
            pin = await _typed(keyboard, show)
            if pin is None:
                show.line("the wallet waits in vain", "dim")
                return
            order = {"act": "answer", "pin": pin} if pin else {"act": "refuse"}
            told = _read(await desk.ask("POST", f"{place}/{told.id}", order))


async def _coming(desk: "StandInDesk", place: str, within_s: float) -> PromptShown | None:
    for _ in range(int(within_s / POLL_S)):
        told = _read(await desk.ask("GET", place))
        if told is not None:
            return told
        await asyncio.sleep(POLL_S)
    return None


async def _typed(keyboard: Keyboard, show: Show) -> str | None:
    """None when the input ended. A terminal echoes nothing of it."""
    show.part(PROMPT, "bold")
    if not keyboard.interactive:
        line = await keyboard.line()
        show.line(re.sub(r"\S", MASK, line or ""))
        return None if line is None else line.strip()
    pin = ""
    with keyboard.by_key():
        while True:  # bounded by whoever types
            for key in await keyboard.keys():
                if key == END_OF_INPUT:
                    show.line("")
                    return None
                if key in ENTER:
                    show.line(MASK * len(pin))
                    return pin
                pin = pin[:-1] if key in ERASE else pin + key


def _read(body: bytes) -> PromptShown | None:
    try:
        return _Shown.validate_json(body)
    except ValidationError:
        raise Failed("the demo's phone answered something else than a prompt") from None
