"""Khallas as an operator runs it, with nothing of the demo's: `serve` and `worker` as processes, real servers,
stand-ins for the bank and Twilio. What `khallas` refuses to start without is all here.
"""

import asyncio
import base64
import secrets
import sys
import time
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path

import aiohttp

from core.cards import Secret
from lab.cmi.emulator import Gateway, app_of, utc_now
from lab.cmi.ledger import Ledger
from lab.cmi.stand import DEMO_CREDENTIALS, EmulatedCmi
from lab.mailsink import MailSink
from lab.servers.serving import serving
from lab.twilio.rest import rest
from lab.twilio.server import Twilio
from tests.e2e.demo import ROOT, environment

START_MAX_S = 300.0
STOP_MAX_S = 60.0
POLL_S = 0.05
GATEWAY_SECRET = "5b1f0c9e7d3a48266fe0a7c4912bd85e"
USSD = f"/ussd/africastalking?secret={GATEWAY_SECRET}"
PUBLIC_URL = "https://khallas.example"


# as systemd's units run it: no memory both written and executed, no privileges gained (prctl(2); older kernels refuse
# the first and are none the wiser)
HARDENED = "import ctypes; c = ctypes.CDLL(None); c.prctl(65, 1, 0, 0, 0); c.prctl(38, 1, 0, 0, 0)"
KHALLAS = (sys.executable, "-c", f"{HARDENED}; from khallas.cli.main import main; main()")


class NotReady(Exception):
    """A process did not become ready; its last words."""


@dataclass(slots=True)
class House:
    """Where everything is. `environ` is what an operator sets."""

    environ: dict[str, str]
    token: str
    cmi: EmulatedCmi
    twilio: Twilio
    sink: MailSink
    folder: Path
    _processes: list[asyncio.subprocess.Process] = field(default_factory=list)

    async def serve(self, port: int, *options: str) -> asyncio.subprocess.Process:
        """`khallas serve`, ready. Raises NotReady."""
        process = await self.start("serve", "--port", str(port), *options)
        deadline = time.monotonic() + START_MAX_S
        async with aiohttp.ClientSession() as session:
            while time.monotonic() < deadline and process.returncode is None:
                try:
                    async with session.get(f"http://127.0.0.1:{port}/readyz") as answer:
                        if answer.status == 200:
                            return process
                except aiohttp.ClientError:
                    pass
                await asyncio.sleep(POLL_S)
        raise NotReady(self.log.read_text(errors="replace")[-3_000:])

    @property
    def log(self) -> Path:
        return self.folder / "khallas.log"

    async def start(self, *arguments: str) -> asyncio.subprocess.Process:
        """A khallas verb that runs until told; its words go to the log."""
        with self.log.open("ab") as log:
            process = await asyncio.create_subprocess_exec(
                *KHALLAS, *arguments, cwd=ROOT, env=environment(**self.environ), stdout=log, stderr=log
            )
        self._processes.append(process)
        return process

    async def end(self) -> None:
        """Whoever still runs is killed."""
        for process in self._processes:
            if process.returncode is None:
                process.kill()
                await process.wait()


async def ended(process: asyncio.subprocess.Process, number: int) -> int | None:
    """Signal a process and wait for its end. Raises TimeoutError."""
    process.send_signal(number)
    async with asyncio.timeout(STOP_MAX_S):
        return await process.wait()


@asynccontextmanager
async def house(database_url: str, redis_url: str, folder: Path) -> AsyncIterator[House]:
    """The stand-ins run within the block; the database is migrated already."""
    token = secrets.token_urlsafe(24)
    async with AsyncExitStack() as stack:
        cmi = await stack.enter_async_context(_bank())
        twilio = await stack.enter_async_context(Twilio(auth_token=token))
        api = await stack.enter_async_context(serving(rest(twilio)))
        sink = await stack.enter_async_context(MailSink())
        environ = _environ(database_url, redis_url, cmi, token, api, sink)
        made = House(environ, token, cmi, twilio, sink, folder)
        stack.push_async_callback(made.end)
        yield made


@asynccontextmanager
async def _bank() -> AsyncIterator[EmulatedCmi]:
    ledger = Ledger(None)
    credentials = replace(DEMO_CREDENTIALS, password=Secret(secrets.token_urlsafe(18)))
    gateway = Gateway(credentials, ledger, utc_now, 5.0)
    try:
        async with serving(app_of(gateway)) as url:
            yield EmulatedCmi(url, gateway)
    finally:
        ledger.close()


def _environ(
    database_url: str, redis_url: str, cmi: EmulatedCmi, token: str, api: str, sink: MailSink
) -> dict[str, str]:
    settings = {
        "DATABASE_URL": database_url,
        "REDIS_URL": redis_url,
        "PUBLIC_URL": PUBLIC_URL,
        "SECRET_KEYS": secrets.token_urlsafe(32),
        "VAULT_KEYS": "k1:" + base64.b64encode(secrets.token_bytes(32)).decode(),
        "TWILIO__ACCOUNT_SID": "ACdemo",
        "TWILIO__AUTH_TOKENS": token,
        "TWILIO__FROM": "1117",
        "TWILIO__API_URL": api,
        **{f"CMI__{name.upper()}": value for name, value in cmi.settings().items()},
        "SMTP_URL": sink.url,
        "MAIL_FROM": "recus@khallas.example",
        "IVR__NUMBER": "+212537000777",
        "GATEWAY_SECRETS__AFRICASTALKING": f"{GATEWAY_SECRET} net:127.0.0.1",
        "EXPOSE_SCREENS": "1",
    }
    return {f"KHALLAS_{name}": value for name, value in settings.items()}
