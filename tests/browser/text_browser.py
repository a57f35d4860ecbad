"""w3m as a person uses it, in a terminal of its own: looks for words, moves from field to field, types, presses Enter.

What it shows is read from where it writes the page down as it is rendered, so that nothing is guessed of its screen.
"""

import asyncio
import os
import pty
import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

LOOKS_MAX = 300
LOOK_PAUSE_S = 0.05
SAVED_MAX_S = 1.0  # keys pressed while a page comes are lost now and then: they are pressed again
ENTER, NEXT_FIELD, CLEAR, TOP = "\r", "\t", "\x15", "g"
READ_BYTES = 65_536


class TextBrowser:
    """One w3m."""

    def __init__(self, terminal: int, folder: Path) -> None:
        self._terminal = terminal
        self._folder = folder
        self._saved = 0
        self.shown = ""

    def keys(self, *keys: str) -> None:
        for key in keys:
            os.write(self._terminal, key.encode())

    async def sees(self, words: str) -> str:
        """Wait until the page holds these words; the page as it is rendered. Raises AssertionError."""
        for _ in range(LOOKS_MAX):
            self.shown = await self._page() or self.shown
            if words in " ".join(self.shown.split()):
                return self.shown
            await asyncio.sleep(LOOK_PAUSE_S)
        raise AssertionError(f"{words!r} is not shown:\n{self.shown}")

    async def _page(self) -> str:
        self._saved += 1
        file = self._folder / f"page{self._saved}.txt"
        self.keys("S", CLEAR, str(file), ENTER)
        for _ in range(int(SAVED_MAX_S / LOOK_PAUSE_S)):
            await asyncio.sleep(LOOK_PAUSE_S)
            if file.exists():
                return file.read_text(encoding="utf-8", errors="replace")
        return ""

    def after(self, words: str, fields: int = 1) -> None:
        """To the field or link that follows these words."""
        self.keys(TOP, "/", CLEAR, words, ENTER, *[NEXT_FIELD] * fields)

    def types(self, text: str) -> None:
        """Into the field where it stands."""
        self.keys(ENTER, CLEAR, text, ENTER)

    def press(self) -> None:
        """What it stands on."""
        self.keys(ENTER)


@asynccontextmanager
async def text_browser(url: str, folder: Path) -> AsyncIterator[TextBrowser]:
    """Opens a page in w3m (apt-get install w3m)."""
    w3m = shutil.which("w3m")
    assert w3m is not None, "no w3m: apt-get install w3m"
    terminal, inside = pty.openpty()
    environment = {
        "PATH": os.environ["PATH"],
        "HOME": str(folder),
        "TERM": "xterm",
        "LANG": "C.UTF-8",
        "COLUMNS": "100",
    }
    process = await asyncio.create_subprocess_exec(
        w3m,
        *("-cookie", "-I", "UTF-8", "-O", "UTF-8", "-o", "confirm_qq=0", "-o", "use_history=0", url),
        stdin=inside,
        stdout=inside,
        stderr=inside,
        env=environment,
        start_new_session=True,
    )
    os.close(inside)
    loop = asyncio.get_running_loop()
    loop.add_reader(terminal, _drain, terminal)
    try:
        yield TextBrowser(terminal, folder)
    finally:
        loop.remove_reader(terminal)
        if process.returncode is None:
            process.kill()
        await process.wait()
        os.close(terminal)


def _drain(terminal: int) -> None:
    try:
        os.read(terminal, READ_BYTES)
    except OSError:  # the other end is closed
        return
