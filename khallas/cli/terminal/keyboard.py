"""The keys of whoever sits at the terminal, or the lines of a script: stdin, read without a thread."""

import asyncio
import os
from collections.abc import Iterator
from contextlib import contextmanager

from khallas.cli.terminal.faults import Failed

CHUNK_BYTES = 1024
LINE_BYTES_MAX = 4096
END_OF_INPUT = "\x04"  # Ctrl-D, which a terminal read key by key hands on as it is


class Keyboard:
    """A file descriptor to read from. Reading waits in the event loop, so that Ctrl-C is heard at once."""

    def __init__(self, fd: int = 0) -> None:
        self._fd, self._rest, self._ended = fd, b"", False
        self.interactive = os.isatty(fd)

    async def line(self) -> str | None:
        """The next line without its end, None after the last. Raises Failed when it is too long."""
        while b"\n" not in self._rest and not self._ended:  # bounded by LINE_BYTES_MAX
            if len(self._rest) > LINE_BYTES_MAX:
                raise Failed(f"an input line has more than {LINE_BYTES_MAX} bytes")
            chunk = await self._chunk()
            self._rest, self._ended = self._rest + chunk, not chunk
        if not self._rest:
            return None
        line, _, self._rest = self._rest.partition(b"\n")
        return line.decode(errors="replace").rstrip("\r")

    async def keys(self) -> str:
        """Returns whatever was pressed since the last time; END_OF_INPUT alone when nothing more will come."""
        return (await self._chunk()).decode("ascii", errors="ignore") or END_OF_INPUT

    @contextmanager
    def by_key(self) -> Iterator[None]:
        """Keys come one by one and are not echoed, as long as the block lasts. Ctrl-C stays Ctrl-C."""
        if not self.interactive:
            yield
            return
        import termios
        import tty

        before = termios.tcgetattr(self._fd)
        tty.setcbreak(self._fd, termios.TCSADRAIN)
        try:
            yield
        finally:
            termios.tcsetattr(self._fd, termios.TCSADRAIN, before)

    async def _chunk(self) -> bytes:
        loop, ready = asyncio.get_running_loop(), asyncio.Event()
        try:
            loop.add_reader(self._fd, ready.set)
        except PermissionError:  # a plain file: always ready, and no selector takes it
            return os.read(self._fd, CHUNK_BYTES)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(self._fd)
        return os.read(self._fd, CHUNK_BYTES)
