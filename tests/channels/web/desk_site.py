"""The help desk on a real server over a shop's real books, and people who sit at it."""

import re
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from html import unescape

import aiohttp
from redis.asyncio import Redis
from starlette.applications import Starlette

from channels.receipt_view import Operator
from channels.web.pages import Pages
from core.database.help_desk.accounts import PgUsers
from core.database.pool import Database
from core.help_desk.accounts import Role
from core.messaging.texts import load_texts
from khallas.bootstrap.desk import desk_routes
from khallas.settings.model import Settings, load
from khallas.telemetry.metrics import Metrics
from khallas.telemetry.usage import UsageCounters
from lab.servers.serving import serving
from tests.support.desks import SECRET, DeskShop, make_accounts, make_desk
from tests.support.shop import Shop

PASSWORD = "twelve or more characters"
PEOPLE = {"amal": Role.AGENT, "sami": Role.SUPERVISOR, "sofia": Role.SUPERVISOR}
PATIENT_S = 600  # on a slow machine more than a real browser's pause lies between two clicks of a test
_TOKEN = re.compile(r'name="csrf" value="([^"]+)"')


def settings(public_url: str = "http://127.0.0.1", **more: object) -> Settings:
    """As a server's environment gives them."""
    return load({"KHALLAS_SECRET_KEYS": SECRET, "KHALLAS_PUBLIC_URL": public_url}, **more)


@dataclass
class Seat:
    """One browser without a screen. `token` is that of the page seen last."""

    http: aiohttp.ClientSession
    token: str = ""
    page: str = ""
    path: str = ""
    url: str = ""  # with its query

    async def get(self, path: str) -> int:
        async with self.http.get(path) as answer:
            return await self._seen(answer)

    async def post(self, path: str, **form: str) -> int:
        """With the token of the page seen last, unless told another."""
        async with self.http.post(path, data={"csrf": self.token} | form) as answer:
            return await self._seen(answer)

    async def login(self, name: str, password: str = PASSWORD) -> int:
        await self.get("/desk/login")
        return await self.post("/desk/login", name=name, password=password, lang="fr")

    async def _seen(self, answer: aiohttp.ClientResponse) -> int:
        self.page, self.path, self.url = await answer.text(), answer.url.path, answer.url.path_qs
        found = _TOKEN.search(self.page)
        self.token = found[1] if found else self.token
        return answer.status

    @property
    def text(self) -> str:
        """What a reader sees, without the marks that keep numbers the right way round."""
        bare = re.sub(r"<[^>]+>", " ", self.page)
        return " ".join(re.sub("[\u2066-\u2069]", "", unescape(bare)).split())

    @property
    def cookie(self) -> str:
        """The session's."""
        return next(morsel.value for morsel in self.http.cookie_jar if morsel.key == "desk")

    def link(self, path: str) -> str:
        """Where a link of the page leads that begins so: with the mark of this tab's search."""
        found = re.search(rf'href="({re.escape(path)}(?:\?s=[\w-]+)?)"', self.page)
        assert found, f"no link to {path}"
        return unescape(found[1])

    @property
    def notice(self) -> str:
        found = re.search(r'<p class="notice" id="told" role="status">(.*?)</p>', self.page)
        return unescape(found[1]) if found else ""


@dataclass
class DeskSite:
    """A running help desk."""

    url: str
    at: DeskShop
    redis: Redis
    metrics: Metrics
    tally: UsageCounters
    seats: list[Seat] = field(default_factory=list)

    async def seat(self, name: str | None = None) -> Seat:
        """A new browser; logged in when a name is told."""
        jar = aiohttp.CookieJar(unsafe=True)  # cookies of an address without a name
        seat = Seat(aiohttp.ClientSession(self.url, cookie_jar=jar))
        self.seats.append(seat)
        if name is not None:
            assert await seat.login(name) == 200
            assert seat.path == "/desk"
        return seat


@asynccontextmanager
async def desk_site(
    shop: Shop, redis_url: str, hashed: str, own: Settings, late: Database | None = None
) -> AsyncIterator[DeskSite]:
    """Serves within the block; everybody's password is PASSWORD, whose hash is told."""
    for name, role in PEOPLE.items():
        await PgUsers(shop.database).add(name, role, hashed, shop.clock.now())
    async with Redis.from_url(redis_url) as redis:
        pages = Pages(load_texts(), Operator("Opérateur", "777"))
        metrics = Metrics()
        tally = UsageCounters(redis, shop.clock, metrics)
        desk = desk_routes(own, pages, shop.database, redis, shop.till, shop.clock, tally, late=late)
        routes = [*desk, *pages.routes()]
        async with serving(Starlette(routes=routes), keep_alive_s=PATIENT_S) as url:
            site = DeskSite(url, DeskShop(make_desk(shop), shop), redis, metrics, tally)
            try:
                yield site
            finally:
                for seat in site.seats:
                    await seat.http.close()


__all__ = ["PASSWORD", "DeskSite", "Seat", "desk_site", "make_accounts", "settings"]
