"""Kannel as Debian packages it: bearerbox and smsbox as children of ours, between an SMSC and our server."""

import asyncio
import os
import shutil
import socket
import subprocess
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

from lab.servers.processes import Server, User

INSTALL_MAX_S = 300
WANTED = "the Kannel test needs bearerbox and smsbox; Debian: apt-get install kannel"


def need_kannel() -> None:
    """Only root can install it; others are told the command."""
    if shutil.which("bearerbox") is None and os.geteuid() == 0 and shutil.which("apt-get"):
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        command = ["apt-get", "install", "-y", "-qq", "--no-install-recommends", "kannel"]
        subprocess.run(command, env=environ, check=False, timeout=INSTALL_MAX_S, capture_output=True)
    assert shutil.which("bearerbox"), WANTED
    assert shutil.which("smsbox"), WANTED


class Bearerbox(Server):
    """Speaks SMPP to the SMSC."""

    def __init__(self, folder: Path, conf: Path, port: int) -> None:
        super().__init__(folder, port)
        self._conf = conf

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    def _prepare(self) -> tuple[list[str], User]:
        return [found(self.name), "-v", "1", str(self._conf)], "self"

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex(("127.0.0.1", self.port)) == 0


class Smsbox(Bearerbox):
    """Asks our server, and takes sendsms."""


def found(name: str) -> str:
    path = shutil.which(name)
    assert path, WANTED
    return path


def configuration(guide: str, values: dict[str, str]) -> str:
    """The example of the guide with the values of a test in place of its own."""
    text = guide.partition("```kannel\n")[2].partition("```")[0]
    lines: list[str] = []
    for line in text.splitlines():
        name = line.partition("=")[0].strip()
        lines.append(f"{name} = {values[name]}" if name in values else line)
    return "\n".join(lines) + "\n"


@asynccontextmanager
async def refusing(port: int) -> AsyncIterator[list[None]]:
    """A server in trouble: every knock is noted, and the door shut."""
    knocks: list[None] = []

    async def knock(reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        knocks.append(None)
        writer.write(b"HTTP/1.1 503 Service Unavailable\r\nContent-Length: 0\r\nConnection: close\r\n\r\n")
        await writer.drain()
        writer.close()

    server = await asyncio.start_server(knock, "127.0.0.1", port)
    try:
        yield knocks
    finally:
        server.close()
        await server.wait_closed()
