"""A scripted Asterisk Manager: says what a test tells it to, and keeps what it was told."""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from channels.carriers.asterisk.ami import AmiAccount

SECRET = "manager-secret"
EVENT = "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/other-1\r\nUniqueid: 1.1\r\n\r\n"


@dataclass
class AmiStand:
    """`reason`: what becomes of the call, None for nothing yet. Silences and cut connections by name of an action."""

    greeting: str = "Asterisk Call Manager/9.0.0\r\n"
    reason: str | None = "4"
    refuses: str = ""
    silent_at: str = ""
    cut_at: str = ""
    events: int = 3
    endless: bool = False
    heard: list[dict[str, str]] = field(default_factory=list)
    port: int = 0

    def account(self, secret: str = SECRET) -> AmiAccount:
        return AmiAccount("127.0.0.1", self.port, "khallas", secret)

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            writer.write(self.greeting.encode())
            while action := await _action(reader):
                self.heard.append(action)
                if action["Action"] == self.cut_at:
                    return
                if action["Action"] != self.silent_at:
                    writer.write(self._answer(action).encode())
                    await writer.drain()
        except (ConnectionError, asyncio.IncompleteReadError):
            pass
        finally:
            writer.close()

    def _answer(self, action: Mapping[str, str]) -> str:
        name, action_id = action["Action"], action["ActionID"]
        wrong = name == self.refuses or (name == "Login" and action["Secret"] != SECRET)
        response = "Error" if wrong else "Success"
        text = EVENT * self.events + f"Response: {response}\r\nActionID: {action_id}\r\nMessage: told\r\n\r\n"
        if self.endless:
            return "Event: Endless\r\n" * 100_000
        if name == "Originate" and not wrong and self.reason is not None:
            outcome = "Success" if self.reason == "4" else "Failure"
            text += EVENT * self.events
            text += f"Event: OriginateResponse\r\nActionID: {action_id}\r\n"
            text += f"Response: {outcome}\r\nReason: {self.reason}\r\n\r\n"
        return text


@asynccontextmanager
async def manager(stand: AmiStand) -> AsyncIterator[AmiStand]:
    """Listening on a free port."""
    server = await asyncio.start_server(stand.serve, "127.0.0.1", 0)
    stand.port = server.sockets[0].getsockname()[1]
    async with server:
        yield stand


async def _action(reader: asyncio.StreamReader) -> dict[str, str]:
    fields: dict[str, str] = {}
    while line := (await reader.readline()).decode().rstrip("\r\n"):
        name, _, value = line.partition(": ")
        assert name not in fields, "a header twice"
        fields[name] = value
    return fields
