"""Every setting, read once from the environment into one frozen model.

Names begin with KHALLAS_, `__` nests, every secret may come as NAME_FILE instead. A name nobody knows stops the start
with the nearest right one: a mistyped setting is never silently a default.
"""

import base64
import binascii
import difflib
import ipaddress
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, get_args, get_origin

from pydantic import (
    AfterValidator,
    AnyHttpUrl,
    BaseModel,
    BeforeValidator,
    ConfigDict,
    Field,
    SecretStr,
    ValidationError,
    model_validator,
)

from channels.smpp.account import Account, account_of

PREFIX = "KHALLAS_"
NEST = "__"
FILE = "_FILE"
SECRET_MIN = 16
SECRET_FILE_BYTES_MAX = 64 * 1024


class BadSettings(Exception):
    """The operator's mistake; the words name the setting and never its value. Exit code 78 (sysexits EX_CONFIG)."""


def _comma_list(value: object) -> object:
    return tuple(part.strip() for part in value.split(",") if part.strip()) if isinstance(value, str) else value


def _web_url(url: str) -> str:
    return str(AnyHttpUrl(url)).rstrip("/") if url else ""


Names = Annotated[tuple[str, ...], BeforeValidator(_comma_list)]
Secrets = Annotated[tuple[SecretStr, ...], BeforeValidator(_comma_list)]
WebUrl = Annotated[str, AfterValidator(_web_url)]


class _Part(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid", hide_input_in_errors=True)


class Twilio(_Part):
    """Twilio's account; in the demo its stand-in."""

    account_sid: str = Field("", description="Account SID (AC...)")
    auth_tokens: Secrets = Field((), description="auth tokens, comma list: the first signs requests, all verify")
    from_: str = Field("", alias="from", description="sender of SMS and calls (E.164 or a sender id)")
    api_url: WebUrl = Field("https://api.twilio.com", description="REST API's base")


class Cmi(_Part):
    """The acquirer (facts/cmi.md)."""

    url: WebUrl = Field("", description="the server API, .../fim/api")
    client_id: str = Field("", description="merchant number")
    name: str = Field("", description="API user")
    password: SecretStr = Field(SecretStr(""), description="API user's password")
    timeout_s: float = Field(30.0, gt=0, le=120, description="seconds to wait for an answer before it is unknown")
    telephone_order: str = Field("", description="CardholderPresentCode of a telephone order, from the contract")


class Ussd(_Part):
    """USSD gateways."""

    service_code: str = Field("*1117#", description="what customers dial")
    wires: Names = Field(("africastalking",), description="enabled gateways' dialects")


class Sms(_Part):
    """SMS gateways."""

    wires: Names = Field(("twilio",), description="enabled gateways' dialects")
    routes: Names = Field((), description="ways out, first to last, name or name:20 for 20 a second; () = all set up")


class Smpp(_Part):
    """SMSCs that are bound directly (docs/guides/smsc.md)."""

    binds: Secrets = Field((), description="comma list of smpp://system_id:password@host:2775/name?window=10")

    def accounts(self) -> tuple[Account, ...]:
        """Raises ValueError in words that hold no secret."""
        accounts = tuple(account_of(url.get_secret_value()) for url in self.binds)
        names = [account.name for account in accounts]
        if len(set(names)) < len(names) or {"twilio", "kannel"} & set(names):
            raise ValueError("each SMSC has a name of its own, which is not twilio or kannel")
        return accounts

    @model_validator(mode="after")
    def _binds_are_binds(self) -> Self:
        self.accounts()
        return self


class Kannel(_Part):
    """Kannel's smsbox (docs/guides/kannel.md)."""

    url: WebUrl = Field("", description="its sendsms, http://host:13013/cgi-bin/sendsms")
    username: str = Field("", description="the sendsms-user")
    password: SecretStr = Field(SecretStr(""), description="the sendsms-user's password")
    callback_url: WebUrl = Field("", description="our base as Kannel reaches it, when that is not the public one")


class Ivr(_Part):
    """Voice."""

    number: str = Field("", description="the voice line customers may call")
    wires: Names = Field(("twilio",), description="enabled switches' dialects")
    caller: Literal["twilio", "ami", "callfile"] = Field("twilio", description="who rings customers for their card")


class Asterisk(_Part):
    """The operator's own switch: wire fastagi, callers ami and callfile (docs/guides/asterisk.md)."""

    agi_host: str = Field("127.0.0.1", description="address the FastAGI server listens on")
    agi_port: int = Field(4573, ge=0, le=65_535, description="its port; 0 takes a free one")
    calls_max: int = Field(200, ge=1, le=10_000, description="calls at once; further ones are told busy")
    call_max_s: float = Field(900.0, ge=60, le=7_200, description="seconds of one call")
    first_digit_s: float = Field(9.0, ge=2, le=60, description="seconds to begin an answer")
    next_digit_s: float = Field(6.0, ge=1, le=60, description="seconds between two digits")
    sounds: str = Field("khallas", pattern=r"[A-Za-z0-9._/-]+", description="prompts' folder as Asterisk knows it")
    music: str = Field("", pattern=r"[A-Za-z0-9._-]*", description="music class while the bank answers, or none")
    ami_url: SecretStr = Field(SecretStr(""), description="ami://user:secret@host:5038")
    channel: str = Field("", description="whom to ring, with {e164}, {digits} or {national}: PJSIP/{digits}@trunk")
    context: str = Field("khallas-callback", description="dialplan context of a customer who answered")
    extension: str = Field("s", description="its extension")
    spool: str = Field("", description="Asterisk's spool folder, for call files")


class Desk(_Part):
    """The help desk (/desk)."""

    alone_max_dh: int = Field(500, ge=0, le=1_000_000, description="DH a supervisor gives back without a second person")
    idle_s: int = Field(900, ge=60, le=86_400, description="seconds without a click that end a session")
    absolute_s: int = Field(8 * 3_600, ge=300, le=7 * 86_400, description="seconds that end any session")


class Retention(_Part):
    """How long personal data is kept (law 09-08); a daily job applies it. docs: what is kept and why."""

    messages_days: int = Field(400, ge=30, le=3_660, description="days the log of messages keeps their recipients")
    unpaid_days: int = Field(90, ge=7, le=3_660, description="days a payment that was never made keeps its payer")
    paid_days: int = Field(3_660, ge=366, le=7_320, description="days a paid one does (ten years of accounts)")
    access_log_days: int = Field(1_100, ge=90, le=3_660, description="days the help desk's log is kept")


class Settings(_Part):
    """All settings of a server."""

    database_url: SecretStr = Field(SecretStr(""), description="postgresql://user:password@host/database")
    redis_url: SecretStr = Field(SecretStr(""), description="redis://host:6379/0 or unix:///path")
    public_url: WebUrl = Field(
        "", description="the base that gateways and customers reach: signatures and links use it"
    )
    secret_keys: Secrets = Field((), description="keys that sign links, comma list: the first signs, all verify")
    vault_keys: Secrets = Field((), description="id:base64 of 32 bytes, comma list: the first seals, all open")
    short_code: str = Field("1117", description="the number that SMS go to")
    help_number: str = Field("777", description="where customers get help")
    operator_name: str = Field("Khallas", description="on receipts and pages")
    currency: Literal["MAD"] = Field("MAD", description="ISO 4217")
    check_luhn: bool = Field(True, description="refuse card numbers whose check digit is wrong")
    receipt_days: int = Field(400, ge=1, le=3660, description="days a receipt's link works")
    twilio: Twilio = Twilio()
    cmi: Cmi = Cmi()
    smtp_url: SecretStr = Field(SecretStr(""), description="smtp://[user:password@]host:port")
    mail_from: str = Field("", description="sender of receipts")
    ussd: Ussd = Ussd()
    sms: Sms = Sms()
    ivr: Ivr = Ivr()
    smpp: Smpp = Smpp()
    kannel: Kannel = Kannel()
    asterisk: Asterisk = Asterisk()
    desk: Desk = Desk()
    retention: Retention = Retention()
    gateway_secrets: dict[str, SecretStr] = Field(
        {}, description="per wire: a shared secret, or net:10.0.0.0/8,... of allowed networks, or none"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="what is logged")
    log_format: Literal["json", "console"] = Field("json", description="how it is logged")
    expose_screens: bool = Field(False, description="answers carry X-Screen (tests and the demo)")
    demo: bool = Field(False, description="set by `khallas demo` only: stand-ins, default secrets")

    @model_validator(mode="after")
    def _keys_are_keys(self) -> Self:
        for entry in self.vault_keys:
            key_id, _, encoded = entry.get_secret_value().partition(":")
            try:
                usable = len(base64.b64decode(encoded, validate=True)) == 32 and bool(key_id)
            except binascii.Error:
                usable = False
            if not usable:
                raise ValueError("vault_keys: each key is id:base64 of 32 bytes")
        for wire, secret in self.gateway_secrets.items():
            allowed_networks(secret, wire)
        return self

    def vault(self) -> dict[str, bytes]:
        """Master keys by id, in order."""
        pairs = (entry.get_secret_value().partition(":") for entry in self.vault_keys)
        return {key_id: base64.b64decode(encoded) for key_id, _, encoded in pairs}


def allowed_networks(secret: SecretStr, wire: str) -> tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]:
    """The networks of a `net:` gateway secret, none for another kind. Raises ValueError."""
    value = secret.get_secret_value()
    if not value.startswith("net:"):
        return ()
    try:
        return tuple(ipaddress.ip_network(part.strip()) for part in value[4:].split(",") if part.strip())
    except ValueError:
        raise ValueError(f"gateway_secrets {wire}: networks are written net:10.0.0.0/8,192.0.2.1/32") from None


def require_production(settings: Settings) -> None:
    """What `serve` and `worker` refuse to start without. Raises BadSettings naming every fault at once."""
    faults = list(_production_faults(settings))
    if faults:
        raise BadSettings("\n".join(faults))


def _production_faults(settings: Settings) -> Iterator[str]:
    for name in ("database_url", "redis_url", "vault_keys", "secret_keys", "public_url"):
        value = getattr(settings, name)
        if not (value.get_secret_value() if isinstance(value, SecretStr) else value):
            yield f"{PREFIX}{name.upper()} is missing"
    if settings.public_url and not settings.public_url.startswith("https://"):
        yield f"{PREFIX}PUBLIC_URL must begin with https://"
    short = [k for k in settings.secret_keys if len(k.get_secret_value()) < SECRET_MIN]
    if short:
        yield f"{PREFIX}SECRET_KEYS: a key has fewer than {SECRET_MIN} characters"
    if any(t.get_secret_value() == "demo-token" for t in settings.twilio.auth_tokens):
        yield f"{PREFIX}TWILIO__AUTH_TOKENS is the demo's"


# --- from the environment --------------------------------------------------------------------------------------------


def known_names(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> dict[str, bool]:
    """Every right name, and whether it holds a secret (so that NAME_FILE works too)."""
    names: dict[str, bool] = {}
    for field_name, info in model.model_fields.items():
        if field_name == "demo":  # no environment turns a server's guards off
            continue
        name = prefix + (info.alias or field_name).upper()
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            names |= known_names(kind, name + NEST)
        else:
            names[name] = SecretStr in _kinds(kind)
    return names


def _kinds(annotation: object) -> set[object]:
    found: set[object] = {annotation}
    for inner in get_args(annotation):
        found |= _kinds(inner)
    origin = get_origin(annotation)
    return found | {origin} if origin else found


def load(environ: Mapping[str, str], **overrides: object) -> Settings:
    """Settings from an environment. Raises BadSettings."""
    names = known_names()
    nested: dict[str, object] = {}
    for name in sorted(environ):
        if name.startswith(PREFIX):
            _put(nested, *_resolve(name, environ, names))
    try:
        return Settings.model_validate(nested | overrides)
    except ValidationError as error:
        faults = (f"{PREFIX}{NEST.join(str(p) for p in e['loc']).upper()}: {e['msg']}" for e in error.errors())
        raise BadSettings("\n".join(faults)) from None


def _resolve(name: str, environ: Mapping[str, str], names: Mapping[str, bool]) -> tuple[str, str]:
    gateway = PREFIX + "GATEWAY_SECRETS" + NEST
    plain = name.removesuffix(FILE)
    if name in names or (name.startswith(gateway) and not name.endswith(FILE)):
        return name, environ[name]
    if name != plain and (names.get(plain) or plain.startswith(gateway)):
        if plain in environ:
            raise BadSettings(f"{plain} and {name} are both set")
        return plain, _secret_file(name, environ[name])
    near = difflib.get_close_matches(name, [*names, *(n + FILE for n, secret in names.items() if secret)], 1, 0.5)
    raise BadSettings(f"{name} is no setting" + (f"; did you mean {near[0]}?" if near else ""))


def _secret_file(name: str, path: str) -> str:
    try:
        data = Path(path).read_bytes()[: SECRET_FILE_BYTES_MAX + 1]
    except OSError as error:
        raise BadSettings(f"{name}: {error.strerror}") from None
    if len(data) > SECRET_FILE_BYTES_MAX:
        raise BadSettings(f"{name}: the file is too large for a secret")
    return data.decode().strip()


def _put(nested: dict[str, object], name: str, value: str) -> None:
    *path, last = name.removeprefix(PREFIX).lower().split(NEST)
    where = nested
    for step in path:
        inner = where.setdefault(step, {})
        if not isinstance(inner, dict):
            raise BadSettings(f"{name} is no setting")
        where = inner
    where[last] = value
