"""`khallas demo`: the whole world in one process tree. Real Valkey, real PostgreSQL, real HTTP, SMTP and XML; what no
machine has (the bank, Twilio, a mailbox) is played by lab/. A part whose setting is given is used instead.
"""

import asyncio
import base64
import contextlib
import errno
import os
import secrets
import signal
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

import typer

from channels.http.protocol import bounded
from channels.sms.wires import WIRES as SMS_WIRES
from channels.ussd.wires import WIRES as USSD_WIRES
from core.clock import SystemClock
from core.database.migrate import upgrade
from core.help_desk.accounts import Role
from core.messaging.texts import load_texts
from khallas.cli.config import environ_of
from khallas.cli.demo_state import BadState, held, prepare, reset, told
from khallas.cli.user import DEMO_ADMINISTRATOR, demo_logins
from khallas.server.app import build
from khallas.server.process import no_core_dumps
from khallas.settings.model import BadSettings, Settings, load
from khallas.telemetry import logs
from lab.cmi.stand import EmulatedCmi, emulated_cmi
from lab.demo import load_demo_data
from lab.mailsink import MailSink
from lab.phone.people import people
from lab.phone.prompts import WalletPrompts
from lab.phone.studio import Numbers, World, phone_routes
from lab.servers.postgres import Postgres
from lab.servers.processes import ServerFailed
from lab.servers.serving import listener, serving
from lab.servers.valkey import Valkey
from lab.twilio.pay import PayTaker
from lab.twilio.rest import rest
from lab.twilio.server import Twilio
from lab.wallets.network import DEMO_PIN
from lab.wallets.stand import GSMA, wallet_stand

ACCOUNT_SID = "ACdemo"
AUTH_TOKEN = "demo-token"  # noqa: S105 - the demo's, fixed for whoever drives it from outside
IVR_NUMBER = "+212520001117"
PAY_USER, PAY_PASSWORD = "twilio", "demo-connector"  # of <Pay>'s connector, where KHALLAS_IVR__CARD_MODE is pay
WALLET, WALLET_NAME = "neqdi", "Neqdi"
WALLET_CEILING_DH = 5_000  # as of the highest level of most wallets in Morocco
BALANCE_CENTIMES = 2_000_000


@dataclass(frozen=True, slots=True)
class Servers:
    """The addresses of the demo's Redis and PostgreSQL."""

    redis_url: str
    database_url: str


def run(port: int, state: Path, environ: Mapping[str, str], *, anew: bool = False) -> int:
    """Runs the demo until Ctrl-C or SIGTERM and returns the exit code: 1 when a part did not start. `anew` forgets what
    `state` holds. Raises BadSettings.
    """
    no_core_dumps()
    settings = load(environ)
    logs.configure(settings.log_level if "KHALLAS_LOG_LEVEL" in environ else "WARNING", settings.log_format)
    if anew and (settings.database_url.get_secret_value() or settings.redis_url.get_secret_value()):
        raise BadSettings(
            "KHALLAS_DATABASE_URL and KHALLAS_REDIS_URL are servers of yours: --reset empties none of them"
        )
    url = f"http://127.0.0.1:{port}"
    try:
        state = prepare(state)
        with held(state, url):
            _port_is_free(port)
            if anew:
                reset(state)
            with _servers(settings, state) as servers:
                upgrade(servers.database_url)
                asyncio.run(_live(url, state, environ, settings, servers))
    except (BadState, ServerFailed, OSError) as error:
        more = "; choose another with --port" if isinstance(error, OSError) and error.errno == errno.EADDRINUSE else ""
        typer.echo(f"the demo did not start: {error}{more}", err=True)
        return 1
    return 0


def _port_is_free(port: int) -> None:
    """Known before anything starts. Raises OSError."""
    listener(port).close()


@contextlib.contextmanager
def _servers(settings: Settings, state: Path) -> Iterator[Servers]:
    with contextlib.ExitStack() as stack:
        redis_url = settings.redis_url.get_secret_value()
        database_url = settings.database_url.get_secret_value()
        if not redis_url:
            redis_url = stack.enter_context(Valkey(state / "valkey")).url
        if not database_url:
            database_url = stack.enter_context(Postgres(state / "postgres")).url
        yield Servers(redis_url, database_url)


async def _live(url: str, state: Path, environ: Mapping[str, str], given: Settings, servers: Servers) -> None:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    await load_demo_data(servers.database_url, SystemClock().now())
    async with contextlib.AsyncExitStack() as stack:
        twilio = await stack.enter_async_context(
            Twilio(account_sid=ACCOUNT_SID, auth_token=AUTH_TOKEN, short_code=given.short_code, ivr_number=IVR_NUMBER)
        )
        world, overrides = await _stand_ins(stack, state, given, twilio)
        if "KHALLAS_USSD__WIRES" not in environ:
            overrides["ussd"] = given.ussd.model_dump() | {"wires": tuple(USSD_WIRES)}
        if "KHALLAS_SMS__WIRES" not in environ:
            overrides["sms"] = given.sms.model_dump() | {"wires": tuple(SMS_WIRES)}
        settings = load(
            environ,
            demo=True,
            expose_screens=given.expose_screens if "KHALLAS_EXPOSE_SCREENS" in environ else True,
            redis_url=servers.redis_url,
            database_url=servers.database_url,
            public_url=given.public_url or url,
            **_keys(state, given),
            **overrides,
        )
        twilio.connect(url, settings.public_url)
        if settings.ivr.card_mode == "pay":
            twilio.taker = PayTaker(f"{url}/ivr/pay-connector", *_connector(settings))
        numbers = Numbers(
            settings.ussd.service_code, settings.short_code, settings.ivr.number or IVR_NUMBER, settings.help_number
        )
        phone = phone_routes(url, numbers, settings.ussd.wires, world, load_texts())
        app = build(settings, beside=True, extra=await stack.enter_async_context(phone))
        await stack.enter_async_context(serving(app, int(url.rpartition(":")[2]), bounded(app.state.refused)))
        stack.enter_context(told(state, environ_of(settings)))
        typer.echo(f"web   {url}/  mobile 0600000001, code 482913, card 4000000000000010")
        for name, (_, password) in (await _desk_logins(state, servers.database_url)).items():
            typer.echo(f"desk  {url}/desk  {name} / {password}")
        pin = f", PIN of the wallets {DEMO_PIN}" if world.prompts else ""
        typer.echo(f"phone {url}/phone  dial {numbers.service_code}{pin}")
        typer.echo(f"ready {url}")
        await stop.wait()


async def _stand_ins(
    stack: contextlib.AsyncExitStack, state: Path, settings: Settings, twilio: Twilio
) -> tuple[World, dict[str, object]]:
    """The stand-ins of the parts that are not given, running, and the settings that lead to them."""
    overrides: dict[str, object] = {}
    cmi: EmulatedCmi | None = None
    sink: MailSink | None = None
    if not settings.cmi.url:
        cmi = await stack.enter_async_context(emulated_cmi(state / "cmi.jsonl"))
        overrides["cmi"] = settings.cmi.model_dump() | cmi.settings(page=True)
    if not settings.smtp_url.get_secret_value():
        sink = await stack.enter_async_context(MailSink())
        overrides |= {"smtp_url": sink.url, "mail_from": settings.mail_from or "recus@khallas.example"}
    if not settings.twilio.account_sid:
        base = await stack.enter_async_context(serving(rest(twilio)))
        overrides["twilio"] = twilio.settings(base)
    ivr = settings.ivr.model_dump() | {"number": settings.ivr.number or IVR_NUMBER}
    if settings.ivr.card_mode == "pay" and not settings.ivr.pay_user:
        ivr |= {"pay_connector": "demo", "pay_user": PAY_USER, "pay_passwords": PAY_PASSWORD}
    overrides["ivr"] = ivr
    prompts: WalletPrompts | None = None
    if not settings.wallets:
        prompts, overrides["wallets"] = await _wallets(stack)
    return World(twilio, cmi, sink, settings.cmi.timeout_s, prompts), overrides


async def _wallets(stack: contextlib.AsyncExitStack) -> tuple[WalletPrompts, dict[str, dict[str, str]]]:
    """A network on which each customer has a wallet; money and prompts last as long as the demo runs."""
    stand = await stack.enter_async_context(wallet_stand())
    for person in people():
        stand.network.give(GSMA, person.msisdn, BALANCE_CENTIMES)
    terms = {"name": WALLET_NAME, "ceiling_dh": str(WALLET_CEILING_DH)}
    return WalletPrompts(stand.network, WALLET_NAME), {WALLET: stand.options(GSMA) | terms}


def _connector(settings: Settings) -> tuple[str, str]:
    """Who the stand-in is at our connector. Raises BadSettings."""
    if not settings.ivr.pay_passwords:
        raise BadSettings("KHALLAS_IVR__PAY_PASSWORDS is missing: of the connector, beside its user")
    return settings.ivr.pay_user, settings.ivr.pay_passwords[0].get_secret_value()


def _keys(state: Path, settings: Settings) -> dict[str, object]:
    """Keys of this state folder, made once: links and sealed cards survive a restart."""
    return {
        "secret_keys": settings.secret_keys or _kept(state / "secret-key", secrets.token_urlsafe(32)),
        "vault_keys": settings.vault_keys
        or _kept(state / "vault-key", "demo:" + base64.b64encode(secrets.token_bytes(32)).decode()),
    }


def _kept(file: Path, fresh: str) -> str:
    if not file.exists():
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(descriptor, "w") as out:
            out.write(fresh)
    return file.read_text()


async def _desk_logins(state: Path, database_url: str) -> dict[str, tuple[Role, str]]:
    """One of each role and an administrator, with passwords of this state folder."""
    roles = {**{role.value: role for role in Role}, DEMO_ADMINISTRATOR: Role.SUPERVISOR}
    logins = {
        name: (role, _kept(state / f"desk-{name}", f"{secrets.token_urlsafe(12)}-{secrets.randbelow(90) + 10}"))
        for name, role in roles.items()
    }
    await demo_logins(database_url, logins)
    return logins
