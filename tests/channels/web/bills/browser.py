"""A browser without a screen or scripts: it reads pages, fills in forms and follows redirects as browsers do."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from urllib.parse import urljoin

import aiohttp

REDIRECTS_MAX = 5


@dataclass
class Form:
    """A form of a page: where it goes, and what it sends unless something is typed."""

    method: str
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    ticked: dict[str, list[str]] = field(default_factory=dict)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    radios: dict[str, list[str]] = field(default_factory=dict)


class _Reader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[Form] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.text: list[str] = []
        self.title = ""
        self._inside: Form | None = None
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = Form(named.get("method", "get").lower(), named.get("action", ""))
            self.forms.append(self._inside)
        if tag in {"script", "img", "link", "iframe"}:
            self.loaded.append(named.get("src", "") or named.get("href", "") or tag)
        if tag == "a":
            self.links.append(named.get("href", ""))
        self._in_title = tag == "title"
        if self._inside is None:
            return
        if tag == "input" and named.get("type") == "checkbox":
            self._inside.boxes.setdefault(named["name"], []).append(named["value"])
            if "checked" in named:
                self._inside.ticked.setdefault(named["name"], []).append(named["value"])
        elif tag == "input" and named.get("type") == "radio":
            self._inside.radios.setdefault(named["name"], []).append(named["value"])
            if "checked" in named:
                self._inside.fields.append((named["name"], named["value"]))
        elif tag == "input" and "name" in named:
            self._inside.fields.append((named["name"], named.get("value", "")))
        elif tag == "button":
            self._inside.buttons.append((named.get("name", ""), named.get("value", "")))

    def handle_endtag(self, tag: str) -> None:
        if tag == "form":
            self._inside = None
        if tag == "title":
            self._in_title = False

    def handle_data(self, data: str) -> None:
        if self._in_title:
            self.title += data
        self.text.append(data)


@dataclass(frozen=True)
class Shown:
    """A page as it arrived."""

    url: str
    status: int
    headers: Mapping[str, str]
    html: str
    way: tuple[int, ...] = ()  # the statuses on the way here

    @property
    def read(self) -> _Reader:
        reader = _Reader()
        reader.feed(self.html)
        return reader

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.read.text).split())

    @property
    def path(self) -> str:
        return "/" + self.url.split("/", 3)[3].split("?")[0]

    def form(self, action: str = "") -> Form:
        """The form that goes there, or the first that posts."""
        return next(form for form in self.read.forms if (form.action == action if action else form.method == "post"))


class Browser:
    """One window, with its own cookies or none."""

    def __init__(self, url: str, *, cookies: bool = True, headers: Mapping[str, str] | None = None) -> None:
        jar = aiohttp.CookieJar(unsafe=True) if cookies else aiohttp.DummyCookieJar()
        self.http = aiohttp.ClientSession(cookie_jar=jar, headers=dict(headers or {}))
        self.url = url

    async def close(self) -> None:
        await self.http.close()

    async def get(self, path: str) -> Shown:
        return await self._follow("GET", urljoin(self.url, path), None)

    async def post(self, where: str, pairs: list[tuple[str, str]]) -> Shown:
        return await self._follow("POST", urljoin(self.url, where), pairs)

    async def send(
        self, page: Shown, typed: Mapping[str, str] | None = None, *, action: str = "", press: str = "", **ticks: object
    ) -> Shown:
        """A form of the page as it would be sent. `ticks`: names of boxes, and the values that are ticked."""
        form = page.form(action)
        typed = typed or {}
        pairs = [(name, typed.get(name, value)) for name, value in form.fields]
        fresh = form.radios.keys() - {name for name, _ in form.fields}
        pairs += [(name, typed[name]) for name in fresh if name in typed]
        for name in form.boxes:
            chosen = ticks.get(name, form.ticked.get(name, []))
            assert isinstance(chosen, list)
            pairs += [(name, value) for value in chosen]
        if press:
            pairs.append(("act", press))
        return await self.post(urljoin(page.url, form.action), pairs)

    async def _follow(self, method: str, url: str, pairs: list[tuple[str, str]] | None) -> Shown:
        way: list[int] = []
        for _ in range(REDIRECTS_MAX):
            async with self.http.request(method, url, data=pairs, allow_redirects=False) as answer:
                html = await answer.text()
                way.append(answer.status)
                if answer.status not in {302, 303}:
                    return Shown(url, answer.status, dict(answer.headers), html, tuple(way))
                method, pairs, url = "GET", None, urljoin(url, answer.headers["Location"])
        raise AssertionError("too many redirects")
