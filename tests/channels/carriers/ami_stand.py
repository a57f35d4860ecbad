"""A scripted Asterisk Manager, as Asterisk 22's was seen to answer: what a telephone did is told by its events alone.

OriginateResponse is 4 for answered, 3 for no answer in time and 0 for all else; its Uniqueid may be missing, events
of other calls stand between, and the end may come before the answer to the order.
"""

import asyncio
from collections.abc import AsyncIterator, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from channels.carriers.asterisk.ami import AmiAccount

SECRET = "manager-secret"
EVENT = "Event: Newchannel\r\nPrivilege: call,all\r\nChannel: PJSIP/other-1\r\nUniqueid: 1.1\r\nLinkedid: 1.1\r\n\r\n"


@dataclass(frozen=True)
class Phone:
    """What the telephone does: `early` is 180 or 183, then the cause of the end; `reason` as OriginateResponse's."""

    early: str = ""  # RINGING (180), PROGRESS (183)
    reason: str = "0"
    cause: str = "17"
    dialled: str = "BUSY"
    via_local: bool = False  # dialled through a Local channel: its events bear our id as Linkedid only
    end_first: bool = False  # Hangup after OriginateResponse
    ends: bool = True  # False: it rings and rings, nothing more is told


ANSWERS = Phone("RINGING", "4", "16", "ANSWER")


@dataclass
class AmiStand:
    """Silences and cut connections by name of an action; each call takes the next of `phones`, the last for good."""

    greeting: str = "Asterisk Call Manager/9.0.0\r\n"
    phones: list[Phone] = field(default_factory=lambda: [ANSWERS])
    refuses: str = ""
    silent_at: str = ""
    cut_at: str = ""
    events: int = 3
    endless: bool = False
    early_end: bool = False  # the events come before the answer to the order
    heard: list[dict[str, str]] = field(default_factory=list)
    heard_at: list[float] = field(default_factory=list)
    logins: int = 0
    port: int = 0
    writers: list[asyncio.StreamWriter] = field(default_factory=list)

    def account(self, secret: str = SECRET) -> AmiAccount:
        return AmiAccount("127.0.0.1", self.port, "khallas", secret)

    @property
    def orders(self) -> list[dict[str, str]]:
        return [action for action in self.heard if action["Action"] == "Originate"]

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        try:
            writer.write(self.greeting.encode())
            while action := await _action(reader):
                self.heard.append(action)
                self.heard_at.append(asyncio.get_running_loop().time())
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
        self.logins += name == "Login" and not wrong
        response = "Error" if wrong else "Success"
        text = EVENT * self.events + f"Response: {response}\r\nActionID: {action_id}\r\nMessage: told\r\n\r\n"
        if self.endless:
            return "Event: Endless\r\n" * 100_000
        if name == "Originate" and not wrong:
            phone = self.phones.pop(0) if len(self.phones) > 1 else self.phones[0]
            events = self._events(action["ChannelId"], action_id, phone)
            text = events + text if self.early_end else text + EVENT * self.events + events
        return text

    @staticmethod
    def _events(call_id: str, action_id: str, phone: Phone) -> str:
        ids = f"Uniqueid: {call_id}\r\nLinkedid: {call_id}\r\n"
        leg = f"Uniqueid: 17.4\r\nLinkedid: {call_id}\r\n" if phone.via_local else ids
        told = f"Event: Newchannel\r\n{ids}ChannelState: 0\r\nChannelStateDesc: Down\r\n\r\n"
        told += f"Event: DialBegin\r\nDest{leg.replace(chr(10) + 'Linkedid', chr(10) + 'DestLinkedid')}\r\n"
        if phone.early == "RINGING":
            told += f"Event: Newstate\r\n{leg}ChannelState: 5\r\nChannelStateDesc: Ringing\r\n\r\n"
        if phone.early:
            dest = leg.replace("Uniqueid", "DestUniqueid").replace("Linkedid", "DestLinkedid")
            told += f"Event: DialState\r\n{dest}DialStatus: {phone.early}\r\n\r\n"
        if not phone.ends:
            return told
        hangup = f"Event: Hangup\r\n{ids}ChannelStateDesc: Down\r\nCause: {phone.cause}\r\nCause-txt: told\r\n\r\n"
        outcome = "Success" if phone.reason == "4" else "Failure"
        end = f"Event: OriginateResponse\r\nActionID: {action_id}\r\nResponse: {outcome}\r\n"
        end += f"Reason: {phone.reason}\r\nUniqueid: <null>\r\n\r\n"
        if phone.reason == "4":
            return told + end
        told += f"Event: DialEnd\r\n{leg}DialStatus: {phone.dialled}\r\n\r\n"
        return told + (end + hangup if phone.end_first else hangup + end)


@asynccontextmanager
async def manager(stand: AmiStand) -> AsyncIterator[AmiStand]:
    """Listening on a free port."""
    server = await asyncio.start_server(stand.serve, "127.0.0.1", 0)
    stand.port = server.sockets[0].getsockname()[1]
    async with server:
        yield stand
        for writer in stand.writers:
            writer.close()


async def _action(reader: asyncio.StreamReader) -> dict[str, str]:
    fields: dict[str, str] = {}
    while line := (await reader.readline()).decode().rstrip("\r\n"):
        name, _, value = line.partition(": ")
        assert name not in fields, "a header twice"
        fields[name] = value
    return fields
