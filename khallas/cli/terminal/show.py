"""How phones look: a drawn handset on a terminal, bare lines in a pipe, JSON lines on demand."""

import json
import unicodedata
from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # rich is loaded for those who look: `khallas serve` passes by here too
    from rich.console import Console
    from rich.text import Text

HANDSET_COLUMNS = 40
PROMPT = "> "


def clean(text: str) -> str:
    """A server's text without control characters: nobody else moves this terminal's cursor."""
    return "".join(c if c == "\n" or unicodedata.category(c) != "Cc" else "�" for c in text)


class Show:
    """Prints the output of one command. Texts of a server are never read as markup."""

    def __init__(self, console: "Console", *, as_json: bool = False) -> None:
        self._console, self.as_json = console, as_json

    def line(self, text: str, style: str = "") -> None:
        """A whole line, for people."""
        if not self.as_json:
            self._print(_text(text, style))

    def part(self, text: str, style: str = "") -> None:
        """The beginning or the end of a line, for people."""
        if not self.as_json:
            self._print(_text(text, style), end="")

    def data(self, values: Mapping[str, object]) -> None:
        """A line, for programs."""
        if self.as_json:
            self._console.file.write(json.dumps(values, ensure_ascii=False) + "\n")
            self._console.file.flush()

    def handset(self, text: str, title: str, used: str) -> None:
        """A feature phone's display. In a pipe only its words, so that a script finds them unbroken."""
        if self.as_json:
            return
        if not self._console.is_terminal:
            self._print(_text(text))
            self._print(_text(f"[{used}]"))
            return
        from rich.panel import Panel

        columns = min(HANDSET_COLUMNS, self._console.width)
        self._console.print(Panel(_text(text), title=_text(title), subtitle=used, width=columns))

    def _print(self, text: "Text", end: str = "\n") -> None:
        self._console.print(text, end=end, soft_wrap=True)
        self._console.file.flush()


def _text(text: str, style: str = "") -> "Text":
    from rich.text import Text

    return Text(clean(text), style)
