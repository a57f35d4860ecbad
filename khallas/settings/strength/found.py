"""Every secret of the settings, found by its type: one that a later release adds is weighed without being named here.

Passwords within URLs count as secrets of their own. What is known of a secret's use stands in USES; the rest is taken
for a server's password, and what is called a key for one that can be tried at home.
"""

import base64
import binascii
import contextlib
from collections import defaultdict
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from urllib.parse import parse_qs, unquote, urlsplit

from pydantic import BaseModel, SecretStr

from channels.http.authentication import gateway_of
from khallas.settings.model import NEST, Settings
from khallas.settings.strength.judge import Guessing, random_bytes, weak

VAULT = "VAULT_KEYS"
GATEWAYS = "GATEWAY_SECRETS"
ACQUIRERS = "ACQUIRERS"
OPTIONS = ("acquirer_options", "options")  # of an acquirer
SIGNING = ("store", "webhook", "signing", "hmac")  # how those begin that sign what is sent in the open
WALLETS = "WALLETS"
SECRET_OPTIONS = ("key", "token", "bearer", "password", "secret")  # how options end that are secrets
USES = {
    "TWILIO__AUTH_TOKENS": Guessing.OFFLINE,  # each request bears a signature under it
    "CMI__PASSWORD": Guessing.PEERS,
    "KANNEL__PASSWORD": Guessing.PEERS,
    "SMTP_URL": Guessing.PEERS,
    "SMPP__BINDS": Guessing.SMPP,
    "IVR__PAY_PASSWORDS": Guessing.OURS,
    "BILLING__TOKEN": Guessing.PEERS,
    "EVENTS__HUB_TOKENS": Guessing.OURS,
    "RELAY__PASSWORD": Guessing.PEERS,
}
KEYS = ("_KEY", "_KEYS")
QUERY_PASSWORDS = ("password", "sentinel_password")


@dataclass(frozen=True, slots=True)
class FoundSecret:
    """A secret: the setting that holds it, what it withstands (None: weighed as bytes), the names beside it."""

    name: str
    value: str = field(repr=False)
    guessing: Guessing | None
    kin: tuple[str, ...] = ()


def secrets_of(settings: BaseModel, prefix: str = "") -> Iterator[FoundSecret]:
    """Returns all secrets that are given; an empty one is missing, which is for others to say."""
    for field_name, info in type(settings).model_fields.items():
        name, value = prefix + (info.alias or field_name).upper(), getattr(settings, field_name)
        if isinstance(value, BaseModel):
            yield from secrets_of(value, name + NEST)
        elif name == GATEWAYS and isinstance(value, Mapping):
            for wire, secret in value.items():
                gateway = gateway_of(secret.get_secret_value(), wire)
                yield from (FoundSecret(f"{name}{NEST}{wire.upper()}", each, Guessing.OURS) for each in gateway.secrets)
        elif name == ACQUIRERS and isinstance(value, Mapping):
            for acquirer, gateway in value.items():
                yield from secrets_of(gateway, f"{name}{NEST}{acquirer.upper()}{NEST}")
        elif field_name in OPTIONS and isinstance(value, Mapping):
            yield from _options(name, value)
        elif name == WALLETS and isinstance(value, Mapping):
            for provider, options in value.items():
                yield from _options(f"{name}{NEST}{provider.upper()}", options)
        else:
            several = value if isinstance(value, tuple) else (value,)
            for each in several:
                if isinstance(each, SecretStr) and each.get_secret_value():
                    yield from _found(name, each.get_secret_value())


def weak_secrets(settings: Settings) -> Iterator[str]:
    """The faults of weak secrets. Each begins with its setting's name and holds nothing of the secret."""
    for secret in secrets_of(settings):
        fault = None if secret.guessing is None else weak(secret.value, secret.guessing, secret.kin)
        if fault:
            yield f"{secret.name}: one {fault}"
    for key_id, key in settings.vault().items():
        if not random_bytes(key):
            yield f"{VAULT}: the key {key_id} is not random; take `openssl rand -base64 32`"
    yield from shared(settings)


def shared(settings: Settings) -> Iterator[str]:
    """A secret with two purposes: who has to know it for one has it for the other."""
    purposes: dict[str, set[str]] = defaultdict(set)
    for secret in secrets_of(settings):
        for spelled in _spellings(secret.value):
            purposes[spelled].add(secret.name)
    for names in sorted({tuple(sorted(each)) for each in purposes.values() if len(each) > 1}):
        yield f"{names[0]}: one is {' and '.join(names[1:])}'s as well; each purpose has a secret of its own"


def _options(name: str, options: Mapping[str, SecretStr]) -> Iterator[FoundSecret]:
    for option, secret in options.items():
        if option.endswith(SECRET_OPTIONS) and secret.get_secret_value():
            use = Guessing.OFFLINE if option.startswith(SIGNING) else Guessing.PEERS
            yield FoundSecret(f"{name}{NEST}{option.upper()}", secret.get_secret_value(), use)


def _found(name: str, value: str) -> Iterator[FoundSecret]:
    if name == VAULT:
        yield FoundSecret(name, value.partition(":")[2], None)
        return
    use = USES.get(name, Guessing.OFFLINE if name.endswith(KEYS) else Guessing.FAST)
    if "://" not in value:
        yield FoundSecret(name, value, use)
        return
    for password, kin in _passwords(value):
        yield FoundSecret(name, password, use, kin)


def _passwords(url: str) -> Iterator[tuple[str, tuple[str, ...]]]:
    """Those of a URL, each with the names that stand around it."""
    parts = urlsplit(url)
    login, _, host = parts.netloc.rpartition("@")
    user, _, password = login.partition(":")
    query = {name: values[0] for name, values in parse_qs(parts.query).items()}
    around = (unquote(user), host.partition(":")[0], parts.path.strip("/"), query.get("user", ""))
    for each in (unquote(password), *(query.get(name, "") for name in QUERY_PASSWORDS)):
        if each:
            yield each, around


def _spellings(value: str) -> set[str]:
    """As it stands, and what it is the base64 of."""
    spellings = {value}
    with contextlib.suppress(binascii.Error, UnicodeDecodeError):
        spellings.add(base64.b64decode(value + "=" * (-len(value) % 4), validate=True).decode())
    return {each.strip().rstrip("=") for each in spellings} - {""}
