"""A server as operators run it, under trial: `khallas serve --workers 2` with every wire and nothing of the demo's."""

import asyncio
import re
from collections.abc import Iterator
from dataclasses import dataclass

import aiohttp
import pytest
import yarl

from core.database.pool import open_database
from khallas.cli import reference
from tests.ops.house import House
from tests.support.hashing import quick_hash
from tests.support.waiting import closed

SESSION = pytest.mark.asyncio(loop_scope="session")
HOST = "khallas.example"
PASSWORD = "twelve or more characters, 7"
EVIL = "evil.example"
WIRES = {
    "KHALLAS_USSD__WIRES": "africastalking,comviva,hubtel,infobip,madapi,restcomm",
    "KHALLAS_SMS__WIRES": "twilio,kannel",
    "KHALLAS_IVR__WIRES": "twilio,fastagi",
    "KHALLAS_CMI__STORE_KEY": "vD8s3kQp0XzW1mNb7Ty4QeRu",
    "KHALLAS_CMI__PAGE_URL": "https://bank.example/fim/est3Dgate",
}
AGGREGATORS, OTHERS = ("hubtel", "infobip"), ("comviva", "madapi", "restcomm", "kannel", "fastagi")


@dataclass
class Trial:
    """The server under trial."""

    khallas: House
    port: int
    calls: int
    pid: int
    http: aiohttp.ClientSession

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def log(self) -> str:
        return self.khallas.log.read_text(errors="replace")

    async def hashed_quickly(self) -> None:
        """Wrong passwords are refused quickly until somebody comes in with the right one: that hashes it anew."""
        async with open_database(self.khallas.environ["KHALLAS_DATABASE_URL"]) as database:
            await database.do("UPDATE desk_users SET password_hash = %(quick)s", quick=quick_hash(PASSWORD))

    async def raw(self, request: bytes) -> bytes:
        """Whatever comes back until the server closes or falls silent."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        writer.write(request)
        got = b""
        try:
            async with asyncio.timeout(3.0):
                while piece := await reader.read(65_536):
                    got += piece
        except (TimeoutError, ConnectionError):
            pass
        await closed(writer)
        return got


def routes() -> Iterator[tuple[str, str]]:
    for path, methods in re.findall(r"^\| `(/[^`]*)` \| ([A-Z, ]+) \|", reference.http(), re.MULTILINE):
        yield from ((path, method) for method in methods.split(", "))


class Browser:
    """Somebody at the desk, behind the proxy from one address."""

    def __init__(self, trial: Trial, http: aiohttp.ClientSession, place: str) -> None:
        self._url, self._http, self._cookies, self.token = trial.url, http, dict[str, str](), ""
        self._headers = {"X-Forwarded-For": place, "X-Forwarded-Proto": "https", "Host": HOST}

    async def ask(self, method: str, path: str, form: dict[str, str] | None = None) -> tuple[int, str, str]:
        """Status, where it leads, and the page."""
        cookies = "; ".join(f"{name}={value}" for name, value in self._cookies.items())
        target, headers = yarl.URL(self._url + path, encoded=True), self._headers | {"Cookie": cookies}
        async with self._http.request(method, target, data=form, headers=headers, allow_redirects=False) as answer:
            self._cookies |= {name: morsel.value for name, morsel in answer.cookies.items()}
            page = await answer.text("utf-8", "replace")  # some are PDFs
            found = re.search(r'name="csrf" value="([^"]+)"', page)
            self.token = found[1] if found else self.token
            return answer.status, answer.headers.get("Location", ""), page

    async def login(self) -> None:
        await self.ask("GET", "/desk/login")
        form = {"csrf": self.token, "name": "sami", "password": PASSWORD}
        assert (await self.ask("POST", "/desk/login", form))[:2] == (303, "/desk")
        assert (await self.ask("GET", "/desk"))[0] == 200
