"""What a person or a script puts into stdin, and what is printed."""

import asyncio
import io
import os
import pty
from collections.abc import Iterator
from contextlib import contextmanager

from rich.console import Console

from khallas.cli.terminal.keyboard import Keyboard
from khallas.cli.terminal.show import Show

WAIT_MAX_S = 60.0


@contextmanager
def script(*lines: str, last_newline: bool = True) -> Iterator[Keyboard]:
    """A pipe that holds the lines and then ends."""
    reading, writing = os.pipe()
    os.write(writing, ("\n".join(lines) + ("\n" if lines and last_newline else "")).encode())
    os.close(writing)
    try:
        yield Keyboard(reading)
    finally:
        os.close(reading)


class _Paper(io.StringIO):
    def __init__(self) -> None:
        super().__init__()
        self.written = asyncio.Event()

    def write(self, text: str) -> int:
        self.written.set()
        return super().write(text)


class Printed:
    """A Show and what it printed; `terminal` draws."""

    def __init__(self, *, as_json: bool = False, terminal: bool = False) -> None:
        self._file = _Paper()
        console = Console(file=self._file, highlight=False, force_terminal=terminal, color_system=None, width=80)
        self.show = Show(console, as_json=as_json)

    @property
    def text(self) -> str:
        return self._file.getvalue()

    @property
    def lines(self) -> list[str]:
        return self.text.splitlines()

    async def ends_with(self, words: str) -> None:
        """Wait for it; the caller bounds the wait."""
        while not self.text.endswith(words):
            self._file.written.clear()
            await self._file.written.wait()


class Person:
    """Someone at a terminal: waits for words, then presses."""

    def __init__(self, printed: Printed) -> None:
        self.printed = printed
        self.hand, self.terminal = pty.openpty()
        self.keyboard = Keyboard(self.terminal)

    def close(self) -> None:
        os.close(self.hand)
        os.close(self.terminal)

    async def press(self, words: str, keys: str) -> None:
        async with asyncio.timeout(WAIT_MAX_S):
            await self.printed.ends_with(words)
        os.write(self.hand, keys.encode())
