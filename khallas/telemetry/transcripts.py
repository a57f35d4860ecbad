"""What customers are shown, on its way to the help desk: collected here, written in batches.

Rules: a door hands a turn over and waits for nothing; what is typed is dropped before anything is kept, but for the
single keys of USSD menus. Every FLUSH_EVERY_S, and sooner when many have come, a process writes what has come: one that
is killed loses that much, and while the database is away the newest BUFFER_MAX turns wait for it.
"""

import asyncio
import logging
from collections import deque
from collections.abc import Sequence
from contextlib import AbstractAsyncContextManager
from datetime import datetime
from functools import cache, lru_cache
from typing import Protocol, get_args, get_type_hints

from channels.observer import TranscriptWriter, unrecorded
from core.help_desk.transcripts import Pseudonymiser
from core.ports import Clock
from core.repositories import DatabaseUnavailable
from core.tracing import request_id
from khallas.telemetry.periodic import repeated
from sessions.screens.journey import Shown
from sessions.screens.menu import Menu, Say, Tell
from sessions.shown_texts import keep
from sessions.turn.turns import Inbound, TurnAnswer

log = logging.getLogger(__name__)

FLUSH_EVERY_S = 0.1  # at most
BUFFER_MAX = 20_000  # turns
BATCH_MAX = 250  # a statement
SOON_FROM = 160  # turns are not waited for longer: statements in a row keep waiting whoever shares PostgreSQL's cores
AT_ONCE = 32  # turns written out in one go: each by itself would cost more, more of them would hold memory
NAMED_MAX = 1_024  # dialogs whose digests are kept: those of customers who are thinking now
MENU_KEY_MAX = 2  # characters
HIDDEN = "•"
APOLOGY = "Apology"
TEXT = Say("")  # a text message's words are nowhere kept


# when, number, dialog, channel, wire, language, screen, came from, outcome, keys, text, request
Turn = tuple[datetime, str, str, str, str, str, str, str, str, str, Say, str]


class Written(Protocol):
    """The port by which batches are written (core.database.help_desk.transcripts.PgTranscripts). Raises
    DatabaseUnavailable.
    """

    async def write(self, lines: Sequence[str]) -> None: ...


class Transcripts:
    """The turns of one process, and their way into the database. `books` None: nothing is kept."""

    def __init__(self, books: Written | None, blind: Pseudonymiser, clock: Clock) -> None:
        self._books = books
        self._named = lru_cache(NAMED_MAX)(blind.dialog)
        self._who = lru_cache(NAMED_MAX)(blind.who)
        self._clock = clock
        self._turns: list[Turn] = []
        self._lines: deque[str] = deque(maxlen=BUFFER_MAX)
        self._soon = asyncio.Event()

    def door(self, channel: str, wire: str, *, keys: bool = False) -> TranscriptWriter:
        """Returns the recorder by which a wire tells its turns. `keys`: no card can be typed there, so that a menu's
        keys are kept.
        """
        menus = _menus() if keys else frozenset[str]()
        if self._books is None:
            return unrecorded
        add, now = self._add, self._clock.now

        def tell(inbound: Inbound, answer: TurnAnswer | None) -> None:
            typed, request = inbound.typed, request_id.get()
            if answer is None:
                hidden = "" if typed is None else HIDDEN
                who = now(), inbound.msisdn, inbound.dialog, channel, wire
                add((*who, "", APOLOGY, "", "failed", hidden, TEXT, request))
                return
            before = answer.came_from
            if typed is None:
                typed = ""
            elif before not in menus or len(typed) > MENU_KEY_MAX or not typed.isascii() or not typed.isalnum():
                typed = HIDDEN
            outcome = answer.outcome
            who = now(), inbound.msisdn, inbound.dialog, channel, wire
            add((*who, answer.language, answer.screen, before, outcome, typed, answer.page.words.text, request))

        return tell

    def text(self, msisdn: str, reference: str, wire: str, kind: str) -> None:
        """An SMS was answered; `kind` is what the message log says of the answer."""
        if self._books is not None:
            who = self._clock.now(), msisdn, reference, "sms", wire
            self._add((*who, "", kind, "", "ended", HIDDEN, TEXT, request_id.get()))

    def _add(self, turn: Turn) -> None:
        self._turns.append(turn)
        if len(self._turns) >= AT_ONCE:
            self._write_out()

    def _write_out(self) -> None:
        turns, self._turns = self._turns, []
        for turn in turns:
            try:
                self._lines.append(_encodable(self._line(turn)))
            except Exception:  # ours, and no customer's: their answer is on its way
                log.exception("a screen could not be written out")
        if SOON_FROM <= len(self._lines) <= BATCH_MAX:  # more only where the database is away or slow
            self._soon.set()

    def _line(self, turn: Turn) -> str:
        """As PgTranscripts writes it. No value is a customer's or a gateway's word, so that none holds a tab."""
        at, msisdn, dialog, channel, wire, language, screen, before, outcome, keys, said, request = turn
        who, named = self._who(msisdn), self._named(msisdn, dialog)
        return (
            f"{who}\t{at}\t{named}\t{channel}\t{wire}\t{language}\t{screen}\t{before}\t{outcome}\t{keys}\t"
            f"{keep(said)}\t{request}"
        )

    def running(self, every_s: float = FLUSH_EVERY_S) -> AbstractAsyncContextManager[None]:
        """Writes for as long as the block lasts, and once more at its end. A batch that fails is lost."""
        return repeated(self.flush, every_s, "transcripts", at_end=True, sooner=self._soon)

    async def flush(self) -> bool:
        """Write what has come; False when the database could not be asked: it is written next time."""
        self._write_out()
        while self._lines and self._books is not None:
            if len(self._lines) == BUFFER_MAX:
                log.warning("transcripts are at their bound: the oldest screens are lost")
            lines = [self._lines.popleft() for _ in range(min(len(self._lines), BATCH_MAX))]
            try:
                await self._books.write(lines)
            except DatabaseUnavailable as error:
                log.warning("transcripts wait for the database: %s", error)
                room = BUFFER_MAX - len(self._lines)
                self._lines.extendleft(reversed(lines[len(lines) - room :] if room < len(lines) else lines))
                return False
        return True


def _encodable(line: str) -> str:
    """The line with half a character of a pair, which no database takes, told as a question mark."""
    return line if line.isascii() else line.encode("utf-8", "replace").decode()


@cache
def _menus() -> frozenset[str]:
    """Screens that are answered by an option's key; their `ask` says so."""
    return frozenset(
        kind.__name__ for kind in get_args(Shown) if get_type_hints(kind.ask)["return"] in (Menu, Menu | Tell)
    )
