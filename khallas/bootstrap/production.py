"""What `serve` and `worker` refuse to start without; `khallas config check` says the same, all of it at once.

The demo is never asked: its secrets are its own and its stand-ins speak plain HTTP on this machine.
"""

import difflib
from collections.abc import Iterator, Mapping
from urllib.parse import urlsplit

from pydantic import SecretStr

from channels.ivr.wires import WIRES as IVR_WIRES
from channels.sms.wires import WIRES as SMS_WIRES
from channels.ussd.wires import WIRES as USSD_WIRES
from khallas.bootstrap.acquirers import CMI, joined
from khallas.settings.model import NEAR_ENOUGH, PREFIX, BadSettings, Settings
from khallas.settings.strength.found import weak_secrets
from khallas.settings.strength.ways import gateway_faults, near, way_faults

SIGNED = frozenset({"twilio"})  # wires whose requests bear a signature
PROXIES = "FORWARDED_ALLOW_IPS"  # uvicorn's own: whose X-Forwarded-For is believed


def require_production(settings: Settings, environ: Mapping[str, str] | None = None) -> None:
    """Refuses settings that are unfit for production. Raises BadSettings naming every fault, and no value. `environ`
    tells what uvicorn believes of proxies.
    """
    faults = list(_faults(settings, proxies_of(environ or {})))
    if faults:
        raise BadSettings("\n".join(f"{PREFIX}{fault}" for fault in faults))


def proxies_of(environ: Mapping[str, str]) -> tuple[str, ...]:
    """The proxies whose X-Forwarded-For the server believes."""
    return tuple(part.strip() for part in environ.get(PROXIES, "127.0.0.1").split(",") if part.strip())


def _faults(settings: Settings, proxies: tuple[str, ...]) -> Iterator[str]:
    for name in ("database_url", "redis_url", "vault_keys", "secret_keys", "public_url", "smtp_url", "mail_from"):
        if not _given(getattr(settings, name)):
            yield f"{name.upper()} is missing"
    if settings.public_url and not settings.public_url.startswith("https://"):
        yield "PUBLIC_URL must begin with https://"
    yield from weak_secrets(settings)
    yield from way_faults(settings)
    yield from _acquirer(settings)
    yield from _twilio(settings)
    yield from _kannel(settings)
    yield from _gateways(settings, proxies)
    yield from _strangers(settings)
    yield from _pay(settings)


def _acquirer(settings: Settings) -> Iterator[str]:
    for each in joined(settings):
        needed = ("url", "client_id", "name", "password") if each.kind == CMI else ()
        options = {name: value.reveal() for name, value in each.options.items() if value.reveal()}
        for name in needed:
            if name not in options:
                yield f"{each.prefix}__{name.upper()} is missing"
        if "url" in options and not _safe_way(options["url"]):
            yield f"{each.prefix}__URL must begin with https://: cards go there"
        if "page_url" in options and each.kind == CMI and "store_key" not in options:
            yield f"{each.prefix}__STORE_KEY is missing: without it anybody can say that a bill is paid"
        if "page_url" in options and not _safe_way(options["page_url"]):
            yield f"{each.prefix}__PAGE_URL must begin with https://: customers type their cards there"


def _twilio(settings: Settings) -> Iterator[str]:
    twilio = settings.twilio
    speaks = "twilio" in {*settings.sms.wires, *settings.ivr.wires, settings.ivr.caller}
    if speaks and not twilio.account_sid:
        yield "TWILIO__ACCOUNT_SID is missing: a Twilio wire is enabled"
    if speaks and not twilio.auth_tokens:
        yield "TWILIO__AUTH_TOKENS is missing: without it no request can be told from a forged one"
    if not _safe_way(twilio.api_url):
        yield "TWILIO__API_URL must begin with https://"


def _kannel(settings: Settings) -> Iterator[str]:
    kannel = settings.kannel
    if kannel.url and not (kannel.username and _given(kannel.password)):
        yield "KANNEL__USERNAME and KANNEL__PASSWORD are missing: of the sendsms-user"


def _gateways(settings: Settings, proxies: tuple[str, ...]) -> Iterator[str]:
    for kind, enabled, wires in (
        ("USSD", settings.ussd.wires, USSD_WIRES.keys()),
        ("SMS", settings.sms.wires, SMS_WIRES.keys()),
        ("IVR", settings.ivr.wires, IVR_WIRES),
    ):
        for wire in enabled:
            if wire not in wires:
                yield f"{kind}__WIRES: {wire} is no wire; known are {', '.join(sorted(wires))}"
            elif wire not in SIGNED:
                yield from _gateway(settings, wire, proxies)
    spoken = {*settings.ussd.wires, *settings.sms.wires, *settings.ivr.wires}
    for wire in sorted(settings.gateway_secrets.keys() - spoken):  # the day it is spoken is no day to find out
        if _given(settings.gateway_secrets[wire]):
            yield from _gateway(settings, wire, proxies)


def _strangers(settings: Settings) -> Iterator[str]:
    """Secrets of gateways that nobody speaks: a mistyped name would guard nothing."""
    known = sorted({*USSD_WIRES, *SMS_WIRES, *IVR_WIRES})
    for wire in settings.gateway_secrets:
        if wire not in known:
            near = difflib.get_close_matches(wire, known, 1, NEAR_ENOUGH)
            hint = f"; did you mean {PREFIX}GATEWAY_SECRETS__{near[0].upper()}?" if near else ""
            yield f"GATEWAY_SECRETS__{wire.upper()} is no wire's{hint}"


def _gateway(settings: Settings, wire: str, proxies: tuple[str, ...]) -> Iterator[str]:
    name = f"GATEWAY_SECRETS__{wire.upper()}"
    secret = settings.gateway_secrets.get(wire)
    if secret is None or not secret.get_secret_value().strip():
        yield f"{name} is missing: a secret, or net:… of its networks"
        return
    for fault in gateway_faults(wire, secret.get_secret_value(), proxies):
        yield f"{name} {fault}"


def _pay(settings: Settings) -> Iterator[str]:
    ivr = settings.ivr
    if ivr.card_mode != "pay":
        return
    if "twilio" not in ivr.wires:
        yield "IVR__CARD_MODE=pay needs the wire twilio"
    if not ivr.pay_connector:
        yield "IVR__PAY_CONNECTOR is missing: the connector's name at Twilio"
    if not ivr.pay_user or not ivr.pay_passwords:
        yield "IVR__PAY_USER and IVR__PAY_PASSWORDS are missing: nobody else may send cards to the connector"


def _given(value: object) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _safe_way(url: str) -> bool:
    """https, or plain HTTP that stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or near(parts.hostname or "a.host")
