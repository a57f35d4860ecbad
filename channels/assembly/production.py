"""What `serve` and `worker` refuse to start without; `khallas config check` says the same, all of it at once.

The demo is never asked: its secrets are its own and its stand-ins speak plain HTTP on this machine.
"""

import base64
import difflib
from collections.abc import Iterator, Sequence
from urllib.parse import urlsplit

from pydantic import SecretStr

from channels.gateways.secrets import gateway_of
from channels.ivr.wires import WIRES as IVR_WIRES
from channels.settings import NEAR_ENOUGH, PREFIX, SECRET_MIN, BadSettings, Settings
from channels.sms.wires import WIRES as SMS_WIRES
from channels.ussd.wires import WIRES as USSD_WIRES

SIGNED = frozenset({"twilio"})  # wires whose requests bear a signature
KEY_BYTES_DIFFERENT_MIN = 12  # of 32: a random key has about thirty, a typed one few
WORDS_OF_DEMOS = ("demo", "changeme", "change-me", "example", "password", "secret", "token", "test")
OPEN_PREFIX_MAX = 3  # net:0.0.0.0/0 guards nothing


def require_production(settings: Settings) -> None:
    """Raises BadSettings naming every fault, and no value."""
    faults = list(_faults(settings))
    if faults:
        raise BadSettings("\n".join(f"{PREFIX}{fault}" for fault in faults))


def _faults(settings: Settings) -> Iterator[str]:
    for name in ("database_url", "redis_url", "vault_keys", "secret_keys", "public_url", "smtp_url", "mail_from"):
        if not _given(getattr(settings, name)):
            yield f"{name.upper()} is missing"
    if settings.public_url and not settings.public_url.startswith("https://"):
        yield "PUBLIC_URL must begin with https://"
    yield from _weak("SECRET_KEYS", [key.get_secret_value() for key in settings.secret_keys])
    for key_id, key in settings.vault().items():
        if len(set(key)) < KEY_BYTES_DIFFERENT_MIN or key in _well_known():
            yield f"VAULT_KEYS: the key {key_id} is not random; take `openssl rand -base64 32`"
    yield from _acquirer(settings)
    yield from _twilio(settings)
    yield from _gateways(settings)
    yield from _strangers(settings)
    yield from _pay(settings)


def _acquirer(settings: Settings) -> Iterator[str]:
    own = settings.cmi
    for name in ("url", "client_id", "name", "password"):
        if not _given(getattr(own, name)):
            yield f"CMI__{name.upper()} is missing"
    if own.url and not _safe_way(own.url):
        yield "CMI__URL must begin with https://: cards go there"
    if own.password.get_secret_value() == "demo-password":
        yield "CMI__PASSWORD is the demo's"


def _twilio(settings: Settings) -> Iterator[str]:
    own = settings.twilio
    speaks = "twilio" in {*settings.sms.wires, *settings.ivr.wires, settings.ivr.caller}
    if speaks and not own.account_sid:
        yield "TWILIO__ACCOUNT_SID is missing: a Twilio wire is enabled"
    if speaks and not own.auth_tokens:
        yield "TWILIO__AUTH_TOKENS is missing: without it no request can be told from a forged one"
    yield from _weak("TWILIO__AUTH_TOKENS", [token.get_secret_value() for token in own.auth_tokens])
    if not _safe_way(own.api_url):
        yield "TWILIO__API_URL must begin with https://"


def _gateways(settings: Settings) -> Iterator[str]:
    for kind, enabled, known in (
        ("USSD", settings.ussd.wires, USSD_WIRES.keys()),
        ("SMS", settings.sms.wires, SMS_WIRES.keys()),
        ("IVR", settings.ivr.wires, IVR_WIRES),
    ):
        for wire in enabled:
            if wire not in known:
                yield f"{kind}__WIRES: {wire} is no wire; known are {', '.join(sorted(known))}"
            elif wire not in SIGNED:
                yield from _gateway(settings, wire)


def _strangers(settings: Settings) -> Iterator[str]:
    """Secrets of gateways that nobody speaks: a mistyped name would guard nothing."""
    known = sorted({*USSD_WIRES, *SMS_WIRES, *IVR_WIRES})
    for wire in settings.gateway_secrets:
        if wire not in known:
            near = difflib.get_close_matches(wire, known, 1, NEAR_ENOUGH)
            hint = f"; did you mean {PREFIX}GATEWAY_SECRETS__{near[0].upper()}?" if near else ""
            yield f"GATEWAY_SECRETS__{wire.upper()} is no wire's{hint}"


def _gateway(settings: Settings, wire: str) -> Iterator[str]:
    name = f"GATEWAY_SECRETS__{wire.upper()}"
    own = settings.gateway_secrets.get(wire)
    if own is None or not own.get_secret_value().strip():
        yield f"{name} is missing: a secret, or net:… of its networks"
        return
    gateway = gateway_of(own.get_secret_value(), wire)
    yield from _weak(name, gateway.secrets)
    if any(network.prefixlen <= OPEN_PREFIX_MAX for network in gateway.networks):
        yield f"{name} lets the whole internet in"


def _pay(settings: Settings) -> Iterator[str]:
    own = settings.ivr
    if own.card_mode != "pay":
        return
    if "twilio" not in own.wires:
        yield "IVR__CARD_MODE=pay needs the wire twilio"
    if not own.pay_connector:
        yield "IVR__PAY_CONNECTOR is missing: the connector's name at Twilio"
    if not own.pay_user or not own.pay_passwords:
        yield "IVR__PAY_USER and IVR__PAY_PASSWORDS are missing: nobody else may send cards to the connector"
    yield from _weak("IVR__PAY_PASSWORDS", [password.get_secret_value() for password in own.pay_passwords])


def _given(value: object) -> bool:
    return bool(value.get_secret_value() if isinstance(value, SecretStr) else value)


def _weak(name: str, secrets: Sequence[str]) -> Iterator[str]:
    if any(len(secret) < SECRET_MIN for secret in secrets):
        yield f"{name}: one has fewer than {SECRET_MIN} characters"
    if any(_from_a_page(secret) for secret in secrets):
        yield f"{name}: one is a demo's or an example's"


def _from_a_page(secret: str) -> bool:
    """Whether it is made of words that pages and examples use, or of very few characters."""
    left = secret.lower()
    for word in WORDS_OF_DEMOS:
        left = left.replace(word, "")
    return len(set(left)) <= 4


def _well_known() -> tuple[bytes, ...]:
    return bytes(32), bytes(range(32)), base64.b64decode("AAECAwQFBgcICQoLDA0ODw==") * 2


def _safe_way(url: str) -> bool:
    """https, or plain HTTP that stays on this machine."""
    parts = urlsplit(url)
    return parts.scheme == "https" or parts.hostname in {"127.0.0.1", "::1", "localhost"}
