"""Links to SMSCs, kept up: bind, stay, and after a loss come back with a jittered pause; slow down when told to."""

import asyncio
import logging
import random
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from enum import StrEnum

from channels.carriers.smpp.account import SmscAccount
from channels.carriers.smpp.message import ShortMessage
from channels.carriers.smpp.metrics import SmppMetrics, SubmitEnd
from channels.carriers.smpp.pdu import Command
from channels.carriers.smpp.session import (
    BindRefused,
    Handled,
    NotBound,
    Session,
    SessionError,
    SubmitAnswer,
    Unresolved,
)
from channels.carriers.smpp.statuses import REFUSED_BIND, SLOW_DOWN, CommandStatus, name_of

log = logging.getLogger(__name__)

STEADY_S = 30.0  # a connection that lasted so long failed anew, not again
SESSION_ID_BYTES = 8

LinkHandler = Callable[[SmscAccount, str, ShortMessage], Awaitable[Handled]]


class LinkState(StrEnum):
    """The state of a link as operations see it."""

    DOWN = "down"
    BOUND = "bound"
    THROTTLED = "throttled"


class Throttled(SessionError):
    """The SMSC told us to slow down: nothing was sent, nor will be for so many seconds."""

    def __init__(self, again_in_s: float) -> None:
        super().__init__("throttled by the SMSC")
        self.again_in_s = again_in_s


@dataclass(frozen=True, slots=True)
class Pauses:
    """Seconds between tries; each is drawn between its half and itself."""

    first_s: float = 1.0
    most_s: float = 60.0
    refused_s: float = 60.0
    throttle_first_s: float = 1.0
    throttle_most_s: float = 30.0

    def reconnect_s(self, failures: int) -> float:
        return _jittered(min(self.most_s, self.first_s * 2 ** min(failures, 16)))

    def throttle_s(self, times: int) -> float:
        return _jittered(min(self.throttle_most_s, self.throttle_first_s * 2 ** min(times, 16)))


class Link:
    """The link to one SMSC, kept up. Submits go out while it is bound; what comes goes to the handler."""

    def __init__(self, account: SmscAccount, handler: LinkHandler, metrics: SmppMetrics, pauses: Pauses) -> None:
        self.account = account
        self._handler = handler
        self._metrics = metrics
        self._pauses = pauses
        self._session: Session | None = None
        self._throttles = 0
        self._throttled_until = 0.0
        metrics.bound(account.name, is_bound=False)

    @property
    def state(self) -> LinkState:
        if self._session is None or self._session.closed.is_set():
            return LinkState.DOWN
        return LinkState.THROTTLED if self._is_throttled() else LinkState.BOUND

    async def submit(self, message: ShortMessage, *, urgent: bool = False) -> SubmitAnswer:
        """Sends one submit_sm. Raises NotBound and Throttled (not sent), Unresolved (maybe sent). `urgent` does not
        slow down.
        """
        session = self._session
        if session is None:
            raise NotBound("not bound")
        left_s = self._throttled_until - _now()
        if left_s > 0 and not urgent:
            raise Throttled(left_s)
        try:
            with self._metrics.submitting(self.account.name):
                answer = await session.submit(message)
        except Unresolved:
            self._metrics.submitted(self.account.name, SubmitEnd.UNRESOLVED)
            raise
        if answer.status in SLOW_DOWN:
            self._metrics.submitted(self.account.name, SubmitEnd.THROTTLED)
            raise self._slow_down()
        if self._throttles:
            self._throttles = 0
            self._metrics.throttled(self.account.name, is_throttled=False)
        self._metrics.submitted(
            self.account.name, SubmitEnd.ACCEPTED if answer.status == CommandStatus.ROK else SubmitEnd.REFUSED
        )
        return answer

    async def run(self, bind: Command) -> None:
        """Keeps the link bound until it is cancelled, then unbinds."""
        failures = 0
        while True:
            began = _now()
            pause_s = await self._live(bind, failures)
            failures = 0 if _now() - began >= STEADY_S else failures + 1
            await asyncio.sleep(pause_s)

    async def _live(self, bind: Command, failures: int) -> float:
        """One connection from bind to end; the pause after it."""
        name = self.account.name
        session = Session(self.account, self._handle, secrets.token_hex(SESSION_ID_BYTES), bind=bind)
        try:
            await session.open()
        except BindRefused as error:
            log.error("smpp %s: %s", name, error)  # noqa: TRY400 - the words say it all
            if error.status in REFUSED_BIND:
                return _jittered(self._pauses.refused_s)
            return self._pauses.reconnect_s(failures)
        except (OSError, TimeoutError, SessionError) as error:
            log.warning("smpp %s: cannot be reached: %s", name, type(error).__name__)
            return self._pauses.reconnect_s(failures)
        log.info("smpp %s: bound", name)
        self._session = session
        self._metrics.bound(name, is_bound=True)
        try:
            await session.closed.wait()
        finally:
            self._session = None
            self._metrics.bound(name, is_bound=False)
            await session.close()
        return self._pauses.reconnect_s(failures)

    async def _handle(self, session_id: str, message: ShortMessage) -> Handled:
        handled = await self._handler(self.account, session_id, message)
        self._metrics.received(self.account.name, name_of(handled.status))
        return handled

    def _slow_down(self) -> Throttled:
        pause_s = self._pauses.throttle_s(self._throttles)
        if not self._is_throttled():  # copies in flight count once
            self._throttles += 1
            self._metrics.throttled(self.account.name, is_throttled=True)
            self._throttled_until = _now() + pause_s
        return Throttled(pause_s)

    def _is_throttled(self) -> bool:
        return self._throttled_until > _now()


class Links:
    """The links to all SMSCs of a process, by name."""

    def __init__(
        self,
        accounts: Sequence[SmscAccount],
        handler: LinkHandler,
        metrics: SmppMetrics,
        pauses: Pauses | None = None,
    ) -> None:
        own = pauses or Pauses()
        self._links = {account.name: Link(account, handler, metrics, own) for account in accounts}

    def __getitem__(self, name: str) -> Link:
        return self._links[name]

    def states(self) -> Mapping[str, str]:
        """The states of all links, for /readyz."""
        return {name: str(link.state) for name, link in self._links.items()}

    @asynccontextmanager
    async def running(self, bind: Command) -> AsyncIterator[None]:
        """Bound, or trying to be, for as long as the block lasts; unbound at its end."""
        tasks = [asyncio.create_task(link.run(bind), name=f"smpp {name}") for name, link in self._links.items()]
        try:
            yield
        finally:
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)


def _jittered(most_s: float) -> float:
    return most_s * (0.5 + random.random() / 2)  # noqa: S311 - pauses are no secrets


def _now() -> float:
    return asyncio.get_running_loop().time()
