"""One connection to an SMSC, bound: frames in and out, a window of submits, enquire_link. The only socket of this room.

A submit has three ends: answered, certainly not sent, or unresolved (no answer before the connection ended). What is
received is answered only when its handler has said how; frames beyond the bound are told to come again.
"""

import asyncio
import logging
from collections.abc import Awaitable, Callable
from contextlib import suppress
from dataclasses import dataclass
from ssl import create_default_context
from typing import Protocol

from channels.carriers.smpp.account import SmscAccount
from channels.carriers.smpp.message import ShortMessage, decode_message, encode_submit
from channels.carriers.smpp.pdu import (
    HEADER_BYTES,
    SEQUENCE_MAX,
    Broken,
    Command,
    Pdu,
    bind_body,
    body_bytes,
    decode,
    message_id,
)
from channels.carriers.smpp.statuses import CommandStatus, name_of

log = logging.getLogger(__name__)

CONNECT_MAX_S = 10.0
UNBIND_MAX_S = 3.0
DRAIN_MAX_S = 5.0
WRITE_MAX_S = 10.0
WINDOW_MAX_S = 2.0
LATE_TIMES = 6  # of the time an answer should take
RECEIVING_MAX = 64
BUFFER_BYTES = 128 * 1024


class SessionError(Exception):
    """Root of what a session raises."""


class BindRefused(SessionError):
    """The SMSC does not want us. `status` says why."""

    def __init__(self, status: int) -> None:
        super().__init__(f"bind refused: {name_of(status)}")
        self.status = status


class NotBound(SessionError):
    """Nothing was sent: there is no connection, or it is ending."""


class Unresolved(SessionError):
    """The connection ended, or time ran out, before the SMSC answered: it may have the message."""


@dataclass(frozen=True, slots=True)
class SubmitAnswer:
    """A submit_sm_resp. `message_id` is the SMSC's, "" when refused."""

    status: int
    message_id: str


@dataclass(frozen=True, slots=True)
class Handled:
    """Tells how a received message is answered, and what to do once that is on the wire."""

    status: int = CommandStatus.ROK
    then: Callable[[], Awaitable[None]] | None = None


class Handler(Protocol):
    """Takes what an SMSC brings. What it raises is answered RMSGQFUL: the SMSC tries again."""

    async def __call__(self, session_id: str, message: ShortMessage) -> Handled: ...


class Session:
    """Bound from `open` until `closed` is set. Belongs to one event loop."""

    def __init__(self, account: SmscAccount, handler: Handler, session_id: str, *, bind: Command) -> None:
        self.account = account
        self.id = session_id
        self.closed = asyncio.Event()
        self._handler = handler
        self._bind = bind
        self._window = asyncio.Semaphore(account.window)
        self._pending: dict[int, asyncio.Future[Pdu]] = {}
        self._receiving: set[asyncio.Task[None]] = set()
        self._tasks: list[asyncio.Task[None]] = []
        self._sequence = 0
        self._ending = False
        self._heard_at = 0.0
        self._reader: asyncio.StreamReader
        self._writer: asyncio.StreamWriter

    async def open(self) -> None:
        """Connect and bind. Raises BindRefused, Unresolved, OSError, TimeoutError; then nothing stays open."""
        account = self.account
        async with asyncio.timeout(CONNECT_MAX_S):
            tls = create_default_context(cafile=account.ca or None) if account.tls else None
            self._reader, self._writer = await asyncio.open_connection(
                account.host, account.port, ssl=tls, limit=BUFFER_BYTES
            )
        self._heard_at = self._now()
        self._tasks.append(asyncio.create_task(self._read(), name=f"smpp {account.name} reads"))
        try:
            body = bind_body(account.system_id, account.password, account.system_type, account.address_range)
            answer = await self._ask(self._bind, body, CONNECT_MAX_S)
        except BaseException:
            await self._abort()
            raise
        if (
            answer.status != CommandStatus.ROK
        ):  # RALYBND too: on a new connection it says that another one holds the bind
            await self._abort()
            raise BindRefused(answer.status)
        self._tasks.append(asyncio.create_task(self._enquire(), name=f"smpp {account.name} enquires"))

    async def submit(self, message: ShortMessage) -> SubmitAnswer:
        """Sends one submit_sm within the window. Raises NotBound (not sent), Unresolved (maybe sent).

        After WINDOW_MAX_S it is sent or has failed; its answer is waited for much longer than it should take, because
        a late one still tells that nothing need be sent again.
        """
        try:
            async with asyncio.timeout(WINDOW_MAX_S):
                await self._window.acquire()
        except TimeoutError:
            raise NotBound("the window is full") from None
        try:
            wait_s = self.account.response_s * LATE_TIMES
            answer = await self._ask(Command.SUBMIT_SM, encode_submit(message), wait_s)
        finally:
            self._window.release()
        return SubmitAnswer(answer.status, message_id(answer.body) if answer.status == CommandStatus.ROK else "")

    async def close(self) -> None:
        """Say goodbye: what is in flight gets a moment, then unbind."""
        self._ending = True
        if not self.closed.is_set():
            await self._drain()
            with suppress(SessionError, OSError, TimeoutError):
                await self._ask(Command.UNBIND, b"", UNBIND_MAX_S, last=True)
        await self._abort()

    # --- what we ask -------------------------------------------------------------------------------------------------

    async def _ask(self, command: Command, body: bytes, wait_s: float, *, last: bool = False) -> Pdu:
        if self.closed.is_set() or (self._ending and not last):
            raise NotBound("the connection is ending")
        sequence = self._next()
        answer: asyncio.Future[Pdu] = asyncio.get_running_loop().create_future()
        self._pending[sequence] = answer
        try:
            await self._write(Pdu(command, sequence, 0, body))
            async with asyncio.timeout(wait_s):
                return await answer
        except (TimeoutError, OSError) as error:
            raise Unresolved(f"no answer to {command.name.lower()}") from error
        finally:
            self._pending.pop(sequence, None)

    def _next(self) -> int:
        self._sequence = self._sequence % SEQUENCE_MAX + 1
        return self._sequence

    async def _write(self, pdu: Pdu) -> None:
        self._writer.write(pdu.encode())
        async with asyncio.timeout(WRITE_MAX_S):
            await self._writer.drain()

    async def _drain(self) -> None:
        busy = {*self._receiving}
        if busy:
            await asyncio.wait(busy, timeout=DRAIN_MAX_S)
        submits = [answer for answer in self._pending.values() if not answer.done()]
        if submits:
            await asyncio.wait(submits, timeout=DRAIN_MAX_S)

    async def _enquire(self) -> None:
        """A peer that says nothing for a while is asked; one that does not answer is left."""
        account = self.account
        while True:
            await asyncio.sleep(account.enquire_s)
            oldest_s = self._now() - self._heard_at
            if oldest_s < account.enquire_s and not self._pending:
                continue
            try:
                await self._ask(Command.ENQUIRE_LINK, b"", account.response_s)
            except SessionError:
                log.warning("smpp %s: enquire_link is not answered", account.name)
                self._end()
                return

    # --- what comes --------------------------------------------------------------------------------------------------

    async def _read(self) -> None:
        try:
            while True:
                header = await self._reader.readexactly(HEADER_BYTES)
                body = await self._reader.readexactly(body_bytes(header))
                self._heard_at = self._now()
                if not await self._take(decode(header, body)):
                    break
        except (asyncio.IncompleteReadError, OSError, TimeoutError):
            log.info("smpp %s: the connection was dropped", self.account.name)
        except Broken as error:
            log.warning("smpp %s: %s", self.account.name, error)
        finally:
            self._end()

    async def _take(self, pdu: Pdu) -> bool:
        """False when the peer said goodbye."""
        if pdu.is_response:
            answer = self._pending.get(pdu.sequence)
            if answer is not None and not answer.done():
                answer.set_result(pdu)
            return True
        match pdu.command:
            case Command.ENQUIRE_LINK:
                await self._write(pdu.answer())
            case Command.DELIVER_SM | Command.DATA_SM:
                await self._receive(pdu)
            case Command.UNBIND:
                log.info("smpp %s: unbound by the SMSC", self.account.name)
                self._ending = True
                await self._drain_received()
                await self._write(pdu.answer())
                return False
            case Command.ALERT_NOTIFICATION:
                pass
            case _:
                await self._write(Pdu(Command.GENERIC_NACK, pdu.sequence, CommandStatus.RINVCMDID))
        return True

    async def _drain_received(self) -> None:
        if self._receiving:
            await asyncio.wait({*self._receiving}, timeout=UNBIND_MAX_S)

    async def _receive(self, pdu: Pdu) -> None:
        if len(self._receiving) >= RECEIVING_MAX:
            await self._write(pdu.answer(CommandStatus.RMSGQFUL, b"\0"))
            return
        task = asyncio.create_task(self._handle(pdu), name=f"smpp {self.account.name} receives")
        self._receiving.add(task)
        task.add_done_callback(self._receiving.discard)

    async def _handle(self, pdu: Pdu) -> None:
        handled = Handled(CommandStatus.RMSGQFUL)
        try:
            message = decode_message(pdu.command, pdu.body)
            handled = await self._handler(self.id, message)
        except Broken as error:
            log.warning("smpp %s: a message that cannot be read: %s", self.account.name, error)
            handled = Handled(CommandStatus.RINVMSGLEN)
        except Exception:
            log.exception("smpp %s: a message could not be kept", self.account.name)
        try:
            await self._write(pdu.answer(handled.status, b"\0"))
            if handled.then is not None:
                await handled.then()
        except (OSError, TimeoutError, SessionError) as error:
            log.warning("smpp %s: %s after a message", self.account.name, type(error).__name__)
        except Exception:
            log.exception("smpp %s: what followed a message failed", self.account.name)

    # --- the end -----------------------------------------------------------------------------------------------------

    def _end(self) -> None:
        """Everything that waits learns that nothing will come. May be called again."""
        if self.closed.is_set():
            return
        self.closed.set()
        for answer in self._pending.values():
            if not answer.done():
                answer.set_exception(Unresolved("the connection ended first"))
        self._writer.close()

    async def _abort(self) -> None:
        self._end()
        current = asyncio.current_task()
        tasks = [task for task in (*self._tasks, *self._receiving) if task is not current]
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        with suppress(OSError, TimeoutError):
            async with asyncio.timeout(WRITE_MAX_S):
                await self._writer.wait_closed()

    @staticmethod
    def _now() -> float:
        return asyncio.get_running_loop().time()
