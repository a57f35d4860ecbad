"""One FastAGI connection: bounded lines, one command at a time, a time for each. Thin."""

import asyncio
from dataclasses import dataclass

from channels.ivr.agi import protocol
from channels.ivr.agi.protocol import CallerHungUp, CommandResult, SwitchFailed

GREETING_MAX_S = 5.0
SLACK_S = 10.0  # what a command may take beyond the time it asks for
CLOSE_MAX_S = 2.0


@dataclass(frozen=True, slots=True)
class AgiBounds:
    """How long a switch is waited for."""

    greeting_max_s: float = GREETING_MAX_S
    slack_s: float = SLACK_S


AGI_BOUNDS = AgiBounds()


class AgiConnection:
    """The connection of one call. Raises CallerHungUp when the caller is gone and SwitchFailed when the switch does not
    play by the protocol.
    """

    def __init__(
        self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, bounds: AgiBounds = AGI_BOUNDS
    ) -> None:
        """`reader` was made with LINE_BYTES_MAX as its limit."""
        self._bounds = bounds
        self._reader = reader
        self._writer = writer

    async def greeting(self) -> dict[str, str]:
        """The variables that the switch sends first."""
        lines: list[str] = []
        try:
            async with asyncio.timeout(self._bounds.greeting_max_s):
                while line := await self._line():
                    lines.append(line)
                    if len(lines) > protocol.GREETING_LINES_MAX:
                        raise SwitchFailed("the greeting does not end")
        except TimeoutError:
            raise SwitchFailed("the greeting did not arrive in time") from None
        return protocol.greeting(lines)

    async def command(self, words: str, takes_s: float = 0.0) -> CommandResult:
        """Sends one command and returns its result. `takes_s`: how many seconds it may take by itself."""
        result = await self._asked(words, takes_s)
        if result.failed:
            raise CallerHungUp
        return result

    async def play(self, words: str, takes_s: float) -> CommandResult | None:
        """The result of STREAM FILE; None: the switch has no such file, and the caller is still there."""
        result = await self._asked(words, takes_s)
        if not result.failed:
            return result
        await self.command(protocol.channel_status())
        return None

    async def _asked(self, words: str, takes_s: float) -> CommandResult:
        try:
            async with asyncio.timeout(takes_s + self._bounds.slack_s):
                self._writer.write(f"{words}\n".encode())
                await self._writer.drain()
                return await self._reply()
        except TimeoutError:
            raise SwitchFailed("the switch did not answer in time") from None
        except OSError:
            raise CallerHungUp from None

    async def close(self) -> None:
        """The dialplan goes on."""
        self._writer.close()
        try:
            async with asyncio.timeout(CLOSE_MAX_S):
                await self._writer.wait_closed()
        except (OSError, TimeoutError):
            self._writer.transport.abort()

    async def _reply(self) -> CommandResult:
        for _ in range(protocol.REPLY_LINES_MAX):
            result = protocol.reply(await self._line())
            if result is not None:
                return result
        raise SwitchFailed("a reply does not end")

    async def _line(self) -> str:
        try:
            data = await self._reader.readuntil(b"\n")
        except asyncio.LimitOverrunError:
            raise SwitchFailed("a line does not end") from None
        except (asyncio.IncompleteReadError, OSError):
            raise CallerHungUp from None
        return data.decode("utf-8", "replace").rstrip("\r\n")
