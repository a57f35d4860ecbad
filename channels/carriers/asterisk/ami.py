"""Asterisk's Manager Interface, as far as ringing customers needs it: one connection that stays, orders, and events.

Nothing says whether an Originate whose answer was lost was carried out: it is not repeated, for nobody is rung twice
for one card (the rule of channels/carriers/twilio/client.py).
"""

import asyncio
import logging
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core.ports import DeliveryFailed

log = logging.getLogger(__name__)

PORT = 5038
CONNECT_MAX_S = 5.0
RING_MAX_S = 40
LINE_BYTES_MAX = 4_096
LINES_MAX = 200  # of one message

Message = Mapping[str, str]


@dataclass(frozen=True, slots=True)
class AmiAccount:
    """A user of manager.conf with `write = originate` and `read = call`."""

    host: str
    port: int
    user: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Originate:
    """An order to ring a telephone, with the place where the dialplan goes on when it is answered.

    `id` becomes the call's uniqueid; `variable` (NAME=value) is set on its channel.
    """

    id: str
    channel: str
    context: str
    extension: str
    caller_id: str
    variable: str

    def action(self) -> Message:
        """The order as an action of the Manager Interface."""
        return {
            "Action": "Originate",
            "ActionID": self.id,  # OriginateResponse bears it, even where no channel came to be
            "Channel": self.channel,
            "ChannelId": self.id,
            "Context": self.context,
            "Exten": self.extension,
            "Priority": "1",
            "CallerID": self.caller_id,
            "Timeout": str(RING_MAX_S * 1_000),
            "Async": "true",
            "Variable": self.variable,
        }


@dataclass(frozen=True, slots=True)
class AmiBounds:
    """How long answers are waited for. After `idle_s` of silence a ping tells whether the other side is still there."""

    answer_max_s: float = 10.0
    idle_s: float = 15.0
    ping_max_s: float = 2.0


AMI_BOUNDS = AmiBounds()


class AmiDown(Exception):
    """The connection ended, was too slow, or spoke no AMI."""


async def greet(account: AmiAccount) -> None:
    """Log in and leave: nobody is rung. Raises DeliveryFailed."""
    async with _logged_in(account):
        return


class AmiLine:
    """The one connection, opened when it is first needed and again once it has broken. Events go to `hear`."""

    def __init__(self, account: AmiAccount, hear: Callable[[Message], None], bounds: AmiBounds = AMI_BOUNDS) -> None:
        self._account = account
        self._hear = hear
        self._bounds = bounds
        self._opening = asyncio.Lock()
        self._manager: _Manager | None = None
        self._keeper: asyncio.Task[None] | None = None

    async def originate(self, order: Originate) -> None:
        """Place the order; what becomes of it comes as events. Raises DeliveryFailed, not retryable when it may be
        ringing already."""
        manager = await self._connected()
        try:
            answer = await manager.ask(order.action(), self._bounds.answer_max_s)
        except (AmiDown, OSError, TimeoutError) as error:
            raise DeliveryFailed(f"no answer, maybe ringing: {type(error).__name__}", retryable=False) from error
        if answer.get("Response") != "Success":
            raise DeliveryFailed("the switch refuses to ring", retryable=True)

    async def close(self) -> None:
        """Leave; calls that ring ring on."""
        if self._keeper is not None:
            self._keeper.cancel()
            await asyncio.gather(self._keeper, return_exceptions=True)

    async def _connected(self) -> "_Manager":
        async with self._opening:
            if self._manager is not None and await self._manager.lives():
                return self._manager
            await self.close()
            ready: asyncio.Future[_Manager] = asyncio.get_running_loop().create_future()
            self._keeper = asyncio.create_task(self._keep(ready), name="manager interface")
            self._manager = await ready
            return self._manager

    async def _keep(self, ready: "asyncio.Future[_Manager]") -> None:
        try:
            async with _logged_in(self._account, self._hear, self._bounds) as manager:
                ready.set_result(manager)
                await manager.ended()
                log.warning("the switch has closed the manager's connection: it is opened again for the next call")
        except DeliveryFailed as error:
            ready.set_exception(error)
        finally:
            ready.cancel()


@asynccontextmanager
async def _logged_in(
    account: AmiAccount,
    hear: Callable[[Message], None] = lambda message: None,
    bounds: AmiBounds = AMI_BOUNDS,
) -> AsyncIterator["_Manager"]:
    try:
        async with asyncio.timeout(CONNECT_MAX_S):
            reader, writer = await asyncio.open_connection(account.host, account.port, limit=LINE_BYTES_MAX)
    except (OSError, TimeoutError) as error:
        raise DeliveryFailed(f"the switch cannot be reached: {type(error).__name__}", retryable=True) from error
    manager = _Manager(reader, writer, hear, bounds)
    try:
        await _log_in(manager, account, bounds)
        yield manager
    finally:
        await manager.close()


async def _log_in(manager: "_Manager", account: AmiAccount, bounds: AmiBounds) -> None:
    login = {"Action": "Login", "Username": account.user, "Secret": account.secret, "Events": "call"}
    try:
        async with asyncio.timeout(bounds.answer_max_s):
            await manager.greeting()
            answer = await manager.ask(login, bounds.answer_max_s)
    except (AmiDown, OSError, TimeoutError) as error:
        raise DeliveryFailed(f"the switch does not answer: {type(error).__name__}", retryable=True) from error
    if answer.get("Response") != "Success":
        raise DeliveryFailed("the switch refuses our login", retryable=True)


class _Manager:
    """One connection: many may ask at once, each is answered by its ActionID. Raises AmiDown."""

    def __init__(
        self,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        hear: Callable[[Message], None],
        bounds: AmiBounds,
    ) -> None:
        self._bounds = bounds
        self._reader = reader
        self._writer = writer
        self._hear = hear
        self._asked: dict[str, asyncio.Future[Message]] = {}
        self._listener: asyncio.Task[None] | None = None
        self._heard_at = 0.0

    async def greeting(self) -> None:
        if not (await self._line()).startswith("Asterisk Call Manager"):
            raise AmiDown("no manager listens there")
        self._heard_at = _now()
        self._listener = asyncio.create_task(self._listen(), name="manager's events")

    async def ask(self, action: Message, within_s: float) -> Message:
        """Sends an action and returns the manager's response to it."""
        if self._listener is None or self._listener.done():
            raise AmiDown("the connection has ended")
        action_id = action.get("ActionID") or secrets.token_hex(8)
        fields = {**action, "ActionID": action_id}
        text = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in fields.items())
        answer: asyncio.Future[Message] = asyncio.get_running_loop().create_future()
        self._asked[action_id] = answer
        try:
            async with asyncio.timeout(within_s):
                self._writer.write(f"{text}\r\n".encode())
                await self._writer.drain()
                return await answer
        finally:
            del self._asked[action_id]

    async def lives(self) -> bool:
        """Returns whether the other side is there: heard lately, or it answers a ping."""
        if self._listener is None or self._listener.done():
            return False
        if _now() - self._heard_at < self._bounds.idle_s:
            return True
        try:
            return "Response" in await self.ask({"Action": "Ping"}, self._bounds.ping_max_s)
        except (AmiDown, OSError, TimeoutError):
            return False

    async def ended(self) -> None:
        """Waits until the connection has ended."""
        if self._listener is not None:
            await asyncio.wait([self._listener])

    async def close(self) -> None:
        self._writer.close()
        if self._listener is not None:
            self._listener.cancel()
            await asyncio.gather(self._listener, return_exceptions=True)

    async def _listen(self) -> None:
        try:
            while True:
                message = await self._message()
                self._heard_at = _now()
                action = self._asked.get(message.get("ActionID", ""))
                if "Event" in message:
                    self._hear(message)
                elif action is not None and not action.done():
                    action.set_result(message)
        except (AmiDown, OSError):
            pass  # told to whoever waits
        finally:
            for waiting in self._asked.values():
                if not waiting.done():
                    waiting.set_exception(AmiDown("the connection ended"))

    async def _message(self) -> Message:
        fields: dict[str, str] = {}
        for _ in range(LINES_MAX):
            line = await self._line()
            if not line:
                return fields
            name, _, value = line.partition(":")
            fields[name] = value.strip()
        raise AmiDown("a message does not end")

    async def _line(self) -> str:
        try:
            data = await self._reader.readuntil(b"\n")
        except (asyncio.IncompleteReadError, asyncio.LimitOverrunError):
            raise AmiDown("the connection ended, or a line did not") from None
        return data.decode("utf-8", "replace").rstrip("\r\n")


def _one_line(value: str) -> str:
    return value.replace("\r", " ").replace("\n", " ")


def _now() -> float:
    return asyncio.get_running_loop().time()
