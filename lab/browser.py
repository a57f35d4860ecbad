"""A browser without a screen or scripts: it reads pages, fills in forms and follows redirects as browsers do.

For tests and storms. It raises AssertionError where a page has no such form or redirects without end.
"""

from collections.abc import Mapping
from dataclasses import dataclass, field
from html.parser import HTMLParser
from typing import Self
from urllib.parse import urlencode, urljoin

import aiohttp

from lab.servers.reach import Reach
from lab.servers.serving import ASKERS_IDLE_S

REDIRECTS_MAX = 5


@dataclass
class BrowserForm:
    """A form of a page: where it goes, and what it sends unless something is typed."""

    method: str
    action: str
    fields: list[tuple[str, str]] = field(default_factory=list)
    ticked: dict[str, list[str]] = field(default_factory=dict)
    boxes: dict[str, list[str]] = field(default_factory=dict)
    buttons: list[tuple[str, str]] = field(default_factory=list)
    radios: dict[str, list[str]] = field(default_factory=dict)


class _PageReader(HTMLParser):
    def __init__(self) -> None:
        super().__init__()
        self.forms: list[BrowserForm] = []
        self.links: list[str] = []
        self.loaded: list[str] = []
        self.text: list[str] = []
        self.title = ""
        self._inside: BrowserForm | None = None
        self._in_title = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        named = {name: value or "" for name, value in attrs}
        if tag == "form":
            self._inside = BrowserForm(named.get("method", "get").lower(), named.get("action", ""))
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
class BrowserPage:
    """A page as it arrived."""

    url: str
    status: int
    headers: Mapping[str, str]
    html: str
    way: tuple[int, ...] = ()  # the statuses on the way here

    @property
    def read(self) -> _PageReader:
        reader = _PageReader()
        reader.feed(self.html)
        return reader

    @property
    def text(self) -> str:
        return " ".join(" ".join(self.read.text).split())

    @property
    def path(self) -> str:
        return "/" + self.url.split("/", 3)[3].split("?")[0]

    def form(self, action: str = "") -> BrowserForm:
        """The form that goes there, or the first that posts, or the first. Raises AssertionError without any."""
        forms = self.read.forms
        if action:
            forms = [form for form in forms if form.action == action]
        assert forms, f"no form on {self.url}: {self.text[:500]}"
        return next((form for form in forms if form.method == "post"), forms[0])


class ScreenlessBrowser:
    """One window, with its own cookies or none."""

    def __init__(
        self,
        url: str,
        *,
        cookies: bool = True,
        headers: Mapping[str, str] | None = None,
        address: str = "",
        public_url: str = "",
    ) -> None:
        """`address`: of this machine, that its requests come from. `public_url`: the site's name, reached at `url`."""
        near = [url] if public_url else []  # its cookies are an https site's
        jar = aiohttp.CookieJar(unsafe=True, treat_as_secure_origin=near) if cookies else aiohttp.DummyCookieJar()
        near_end = (address, 0) if address else None
        connector = aiohttp.TCPConnector(local_addr=near_end, keepalive_timeout=ASKERS_IDLE_S)
        self.http = aiohttp.ClientSession(cookie_jar=jar, headers=dict(headers or {}), connector=connector)
        self.url = url
        self._reach = Reach(public_url, url)

    async def __aenter__(self) -> Self:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()

    async def close(self) -> None:
        await self.http.close()

    async def get(self, path: str) -> BrowserPage:
        return await self._follow("GET", urljoin(self.url, path), None)

    async def post(self, where: str, pairs: list[tuple[str, str]]) -> BrowserPage:
        return await self._follow("POST", urljoin(self.url, where), pairs)

    async def send(
        self,
        page: BrowserPage,
        typed: Mapping[str, str] | None = None,
        *,
        action: str = "",
        press: str = "",
        **ticks: object,
    ) -> BrowserPage:
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
        where = urljoin(page.url, form.action)
        if form.method == "get":
            return await self.get(f"{where}?{urlencode(pairs)}")
        return await self.post(where, pairs)

    async def _follow(self, method: str, url: str, pairs: list[tuple[str, str]] | None) -> BrowserPage:
        way: list[int] = []
        for _ in range(REDIRECTS_MAX):
            url = self._reach(url)
            async with self.http.request(method, url, data=pairs, allow_redirects=False) as answer:
                html = await answer.text()
                way.append(answer.status)
                if answer.status not in {302, 303}:
                    return BrowserPage(url, answer.status, dict(answer.headers), html, tuple(way))
                method, pairs, url = "GET", None, urljoin(url, answer.headers["Location"])
        raise AssertionError("too many redirects")
