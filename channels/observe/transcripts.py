"""What customers are shown, on its way to the help desk (core/transcripts.py): collected here, written in batches.

Rules: a door hands a turn over and waits for nothing; what is typed is dropped before anything is kept, but for the
single keys of USSD menus. Every FLUSH_EVERY_S a process writes what has come: one that is killed loses that much, and
while the database is away the newest BUFFER_MAX turns wait for it.
"""

import asyncio
import logging
from collections import deque
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import cache
from typing import Protocol, get_args, get_type_hints

from channels.observe.periodic import repeated
from channels.observe.said import keep
from core.books import BooksDown
from core.ports import Clock
from core.tracing import request_id
from core.transcripts import Blind
from sessions.paybill import Shown
from sessions.screen import Menu, Say
from sessions.turn import Answer, Heard

log = logging.getLogger(__name__)

FLUSH_EVERY_S = 0.2  # what waits is memory: 3 MiB more at half a second
BUFFER_MAX = 20_000  # turns
BATCH_MAX = 250  # rows a COPY
AT_ONCE = 50  # rows written out before others have their turn: well under a millisecond
MENU_KEY_MAX = 2  # characters
HIDDEN = "•"
APOLOGY = "Apology"
TEXT = Say("")  # a text message's words are nowhere kept

# when, number, dialog, channel, wire, language, screen, came from, outcome, keys, text, request
Turn = tuple[datetime, str, str, str, str, str, str, str, str, str, Say, str]


class Tells(Protocol):
    """A door's way to tell what it answered; None where the turn failed."""

    def __call__(self, heard: Heard, answer: Answer | None) -> None: ...


class Written(Protocol):
    """Where batches go (core.database.transcripts.PgTranscripts). Raises BooksDown."""

    async def write(self, batch: bytes) -> None: ...


class Transcripts:
    """One process's turns, and their way into the database. `books` None: nothing is kept."""

    def __init__(self, books: Written | None, blind: Blind, clock: Clock) -> None:
        self._books = books
        self._blind = blind
        self._clock = clock
        self._turns: deque[Turn] = deque(maxlen=BUFFER_MAX)

    def door(self, channel: str, wire: str, *, keys: bool = False) -> Tells:
        """How a wire tells. `keys`: no card can be typed there, so that a menu's keys are kept."""
        menus = _menus() if keys else frozenset[str]()
        if self._books is None:
            return untold
        add, now = self._turns.append, self._clock.now

        def tell(heard: Heard, answer: Answer | None) -> None:
            typed, request = heard.typed, request_id.get()
            if answer is None:
                hidden = "" if typed is None else HIDDEN
                who = now(), heard.msisdn, heard.dialog, channel, wire
                add((*who, "", APOLOGY, "", "failed", hidden, TEXT, request))
                return
            before = answer.came_from
            if typed is None:
                typed = ""
            elif before not in menus or len(typed) > MENU_KEY_MAX or not typed.isascii() or not typed.isalnum():
                typed = HIDDEN
            outcome = "replayed" if answer.replayed else "ended" if answer.ends else "answered"
            who = now(), heard.msisdn, heard.dialog, channel, wire
            add((*who, answer.language, answer.screen, before, outcome, typed, answer.words.text, request))

        return tell

    def text(self, msisdn: str, reference: str, wire: str, kind: str) -> None:
        """An SMS was answered; `kind` is what the message log says of the answer."""
        if self._books is not None:
            who = self._clock.now(), msisdn, reference, "sms", wire
            self._turns.append((*who, "", kind, "", "ended", HIDDEN, TEXT, request_id.get()))

    def running(self, every_s: float = FLUSH_EVERY_S) -> AbstractAsyncContextManager[None]:
        """Writes for as long as the block lasts, and once more at its end. A batch that fails is lost."""
        return repeated(self.flush, every_s, "transcripts", at_end=True)

    async def flush(self) -> bool:
        """Write what has come; False when the database could not be asked: it is written next time."""
        while self._turns and self._books is not None:
            if len(self._turns) == BUFFER_MAX:
                log.warning("transcripts are at their bound: the oldest screens are lost")
            turns = [self._turns.popleft() for _ in range(min(len(self._turns), BATCH_MAX))]
            try:
                await self._books.write(await self._batch(turns))
            except BooksDown as error:
                log.warning("transcripts wait for the database: %s", error)
                room = BUFFER_MAX - len(self._turns)
                self._turns.extendleft(reversed(turns[len(turns) - room :] if room < len(turns) else turns))
                return False
        return True

    async def _batch(self, turns: list[Turn]) -> bytes:
        lines: list[str] = []
        for turn in turns:
            lines.append(_line(turn, self._blind))
            if len(lines) % AT_ONCE == 0:
                await asyncio.sleep(0)
        return "".join(lines).encode()


def untold(heard: Heard, answer: Answer | None) -> None:
    """A door's way to tell nobody."""


def _line(turn: Turn, blind: Blind) -> str:
    """A row of COPY. Nothing in it is a customer's or a gateway's word, so that nothing has to be escaped."""
    at, msisdn, dialog, channel, wire, language, screen, before, outcome, keys, said, request = turn
    who, named = blind.who(msisdn), blind.dialog(msisdn, dialog)
    return (
        f"{who}\t{at.isoformat()}\t{named}\t{channel}\t{wire}\t{language}\t{screen}\t{before}\t{outcome}\t{keys}\t"
        f"{keep(said)}\t{request}\n"
    )


@cache
def _menus() -> frozenset[str]:
    """Screens that are answered by an option's key; their `ask` says so."""
    return frozenset(kind.__name__ for kind in get_args(Shown) if get_type_hints(kind.ask)["return"] is Menu)
