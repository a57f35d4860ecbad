"""An SMSC from outside the project: npm's smpp 0.5.1 as a server, installed once beside the tests' Python."""

import http.client
import shutil
from pathlib import Path
from typing import Any

import aiohttp

from lab.servers.processes import Server, User, free_port
from tests.support.registries import npm_folder

SOURCES = Path(__file__).parent / "smsc"
WANTED = "the SMPP tests need node and npm; Debian: apt-get install nodejs npm"


def installed() -> Path:
    """The folder with its node_modules, in the virtual environment; made anew when the lock changes."""
    folder = npm_folder(SOURCES, "smsc", WANTED)
    shutil.copy(SOURCES / "smsc.js", folder / "smsc.js")
    return folder


class Smsc(Server):
    """The server process; `tell` steers it."""

    def __init__(self, folder: Path, home: Path, pem: Path | None = None) -> None:
        """`pem`: a key and a certificate; then it speaks TLS."""
        super().__init__(folder)
        self._home = home
        self._pem = pem
        self._control = free_port()

    @property
    def url(self) -> str:
        """Without the name and the options of an account."""
        return f"{'smpps' if self._pem else 'smpp'}://khallas:secret@127.0.0.1:{self.port}"

    def _prepare(self) -> tuple[list[str], User]:
        node = shutil.which("node")
        assert node, WANTED
        tls = [str(self._pem)] if self._pem else []
        return [node, str(self._home / "smsc.js"), str(self.port), str(self._control), *tls], "self"

    def _answers(self) -> bool:
        connection = http.client.HTTPConnection("127.0.0.1", self._control, timeout=1)
        try:
            connection.request("GET", "/")
            return connection.getresponse().status == 200
        except OSError:
            return False
        finally:
            connection.close()

    async def tell(self, what: str, **order: Any) -> dict[str, Any]:
        """One order; its answer."""
        url = f"http://127.0.0.1:{self._control}/"
        async with aiohttp.ClientSession() as client, client.post(url, json={"do": what, **order}) as response:
            answer: dict[str, Any] = await response.json(content_type=None)
            return answer

    async def mode(self, **mode: Any) -> None:
        """How it behaves from now on."""
        await self.tell("mode", mode=mode)

    async def deliver(
        self, sender: str, data: bytes, *, data_coding: int = 0, to: str = "1117", ton: int = 1, **more: Any
    ) -> int | None:
        """A message from a telephone; the status it was answered with, None when the connection ended first.

        `via`: over the bind with that system_type.
        """
        order = {name: more.pop(name) for name in ("then_drop", "via") if name in more}
        buffers = {name: more.pop(name).hex() for name in ("message_payload", "its_session_info") if name in more}
        pdu = {
            "source_addr": sender,
            "source_addr_ton": ton,
            "source_addr_npi": 1,
            "destination_addr": to,
            "data_coding": data_coding,
            **more,
        }
        answer = await self.tell("deliver", pdu=pdu, short_message=data.hex(), **order, **buffers)
        status: int | None = answer["status"]
        return status

    async def submits(self) -> list[dict[str, Any]]:
        """What it was sent."""
        found: list[dict[str, Any]] = (await self.tell("state"))["submits"]
        return found
