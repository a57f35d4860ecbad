"""A call as it is read: captions, screens, keys. Digits on a secret screen are never shown."""

import re

from core.cards import PAN_MIN
from khallas.cli.terminal.show import PROMPT, Show
from khallas.cli.terminal.voice import Moment

SECRET_SCREENS = frozenset({"CardNumber", "CardExpiry", "CardCvv", "BankPin"})
MASK = "•"


def shown(keys: str, screen: str | None) -> str:
    """Keys as they may be seen. A server that does not tell its screens may be asking for a card at any time."""
    if screen is not None and screen not in SECRET_SCREENS and len(keys) < PAN_MIN:
        return keys  # as long as a card's number, it may be one that came too early
    return re.sub(r"[0-9]", MASK, keys)


class Transcript:
    """Prints what is new at each moment."""

    def __init__(self, show: Show) -> None:
        self._show, self._screen, self._heard, self._open = show, "", 0, False

    def hear(self, moment: Moment) -> None:
        """Writes what was said since the last moment, and a prompt when it is the customer's turn."""
        if moment.screen and moment.screen != self._screen:
            self._screen = moment.screen
            self._fresh_line()
            self._show.line(f"[{moment.screen}]", "dim")
        for caption in moment.captions[self._heard :]:
            self._fresh_line()
            self._show.part(caption.text)
            self._show.line(f"  {caption.language}" if caption.language else "", "dim")
            self._show.data({"said": caption.text, "language": caption.language, "screen": moment.screen})
        self._heard = len(moment.captions)
        if moment.waiting is not None and not self._open:
            self._show.part(PROMPT, "bold")
            self._open = True

    def pressed(self, keys: str, screen: str | None) -> None:
        """Keys of one turn; none is silence."""
        self._show.part(shown(keys, screen) or "(silence)")
        self._show.data({"pressed": shown(keys, screen), "screen": screen})

    def turn_over(self) -> None:
        """The keys of a whole turn are shown."""
        self._fresh_line()

    def over(self, moment: Moment) -> None:
        """The end of the call."""
        self._fresh_line()
        if moment.transferred_to:
            self._show.line(f"put through to {moment.transferred_to}", "dim")
        self._show.line("call broken off" if moment.error else f"call {moment.status}", "dim")
        self._show.data({"ended": True, "status": moment.status, "transferred_to": moment.transferred_to})

    def _fresh_line(self) -> None:
        if self._open:
            self._show.line("")
            self._open = False
