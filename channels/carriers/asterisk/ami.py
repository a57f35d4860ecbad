"""Asterisk's Manager Interface, as far as ringing somebody needs it: log in, one Originate, what became of it. Thin.

Nothing says whether an Originate whose answer was lost was carried out: it is not repeated, for nobody is rung twice
for one card (the rule of channels/carriers/twilio/client.py).
"""

import asyncio
import secrets
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from core.ports import DeliveryFailed

PORT = 5038
CONNECT_MAX_S = 5.0
ANSWER_MAX_S = 10.0
EARLY_MAX_S = 4.0  # a trunk that is full or a phone that is busy says so within this; then it rings
RING_MAX_S = 40
LINE_BYTES_MAX = 4_096
LINES_MAX = 200  # of one message
MESSAGES_MAX = 2_000  # events of other calls, while ours is waited for
# OriginateResponse's Reason where nobody was rung: no such number, busy, congestion. Others rang.
NOT_RUNG = frozenset({"0", "5", "8"})

Message = Mapping[str, str]
Wanted = Callable[[Message], bool]


@dataclass(frozen=True, slots=True)
class AmiAccount:
    """A user of manager.conf with `write = originate` and `read = call`."""

    host: str
    port: int
    user: str
    secret: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Originate:
    """Whom to ring, and where the dialplan goes on when they answer.

    `id` becomes the call's uniqueid; `variable` (NAME=value) is set on its channel.
    """

    id: str
    channel: str
    context: str
    extension: str
    caller_id: str
    variable: str


class AmiDown(Exception):
    """The connection ended, was too slow, or spoke no AMI."""


async def originate(account: AmiAccount, order: Originate) -> None:
    """Ring. Returns when it rings. Raises DeliveryFailed, not retryable when it may be ringing already."""
    async with _logged_in(account) as manager:
        await _ring(manager, order)


async def greet(account: AmiAccount) -> None:
    """Log in and leave: nobody is rung. Raises DeliveryFailed."""
    async with _logged_in(account):
        return


@asynccontextmanager
async def _logged_in(account: AmiAccount) -> AsyncIterator["_Manager"]:
    try:
        async with asyncio.timeout(CONNECT_MAX_S):
            reader, writer = await asyncio.open_connection(account.host, account.port, limit=LINE_BYTES_MAX)
    except (OSError, TimeoutError) as error:
        raise DeliveryFailed(f"the switch cannot be reached: {type(error).__name__}", retryable=True) from error
    manager = _Manager(reader, writer)
    try:
        await _log_in(manager, account)
        yield manager
    finally:
        writer.close()


async def _log_in(manager: "_Manager", account: AmiAccount) -> None:
    login = {"Action": "Login", "Username": account.user, "Secret": account.secret, "Events": "call"}
    try:
        async with asyncio.timeout(ANSWER_MAX_S):
            await manager.greeting()
            answer = await manager.ask(login)
    except (AmiDown, OSError, TimeoutError) as error:
        raise DeliveryFailed(f"the switch does not answer: {type(error).__name__}", retryable=True) from error
    if answer.get("Response") != "Success":
        raise DeliveryFailed("the switch refuses our login", retryable=True)


async def _ring(manager: "_Manager", order: Originate) -> None:
    action = {
        "Action": "Originate",
        "Channel": order.channel,
        "ChannelId": order.id,
        "Context": order.context,
        "Exten": order.extension,
        "Priority": "1",
        "CallerID": order.caller_id,
        "Timeout": str(RING_MAX_S * 1_000),
        "Async": "true",
        "Variable": order.variable,
    }
    try:
        async with asyncio.timeout(ANSWER_MAX_S):
            answer = await manager.ask(action)
    except (AmiDown, OSError, TimeoutError) as error:
        raise DeliveryFailed(f"no answer, maybe ringing: {type(error).__name__}", retryable=False) from error
    if answer.get("Response") != "Success":
        raise DeliveryFailed("the switch refuses to ring", retryable=True)
    try:
        async with asyncio.timeout(EARLY_MAX_S):
            event = await manager.event("OriginateResponse", answer.get("ActionID", ""))
    except (AmiDown, OSError, TimeoutError):
        return  # it rings, as far as anyone knows
    if event.get("Response") == "Failure" and event.get("Reason") in NOT_RUNG:
        raise DeliveryFailed(f"nobody was rung: reason {event['Reason']}", retryable=True)


class _Manager:
    """One connection. Raises AmiDown."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def greeting(self) -> None:
        if not (await self._line()).startswith("Asterisk Call Manager"):
            raise AmiDown("no manager listens there")

    async def ask(self, action: Message) -> Message:
        """The action's response; events meanwhile are let go."""
        action_id = secrets.token_hex(8)
        fields = [*action.items(), ("ActionID", action_id)]
        text = "".join(f"{name}: {_one_line(value)}\r\n" for name, value in fields)
        self._writer.write(f"{text}\r\n".encode())
        await self._writer.drain()
        return await self._until(lambda message: "Response" in message and "Event" not in message, action_id)

    async def event(self, name: str, action_id: str) -> Message:
        return await self._until(lambda message: message.get("Event") == name, action_id)

    async def _until(self, wanted: Wanted, action_id: str) -> Message:
        for _ in range(MESSAGES_MAX):
            message = await self._message()
            if message.get("ActionID") == action_id and wanted(message):
                return message
        raise AmiDown("too many events")

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
