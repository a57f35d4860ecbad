"""What a reader sees of an HTML page. Pure."""

from html.parser import HTMLParser

_BLOCKS = frozenset({"p", "h1", "h2", "div", "tr", "li", "header", "footer", "dl", "table", "title"})


class _Eyes(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.lines = [""]
        self._hidden = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self._hidden += tag in {"style", "script", "svg"}
        if tag in _BLOCKS:
            self.lines.append("")
        elif tag in {"td", "th", "dd", "a", "button"}:
            self.lines[-1] += " "

    def handle_endtag(self, tag: str) -> None:
        self._hidden -= tag in {"style", "script", "svg"}
        if tag in _BLOCKS:
            self.lines.append("")

    def handle_data(self, data: str) -> None:
        if not self._hidden:
            self.lines[-1] += data


def visible(html: str) -> list[str]:
    """What a reader sees of a page, a line a block."""
    eyes = _Eyes()
    eyes.feed(html)
    lines = (" ".join(line.split()) for line in eyes.lines)
    return [line for line in lines if line]
