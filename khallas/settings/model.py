"""Every setting, read once from the environment into one frozen model.

Names begin with KHALLAS_, `__` nests, every secret may come as NAME_FILE instead. A name nobody knows stops the start
with the nearest right one: a mistyped setting is never silently a default.
"""

import base64
import binascii
import difflib
import re
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Literal, Self, get_args, get_origin

from pydantic import BaseModel, Field, SecretStr, StringConstraints, ValidationError, model_validator

from channels.http.authentication import gateway_of
from khallas.settings.acquirers import ID, AcquirerSettings
from khallas.settings.parts import (
    ArchiveSettings,
    AsteriskSettings,
    BillingSettings,
    CmiSettings,
    DeskSettings,
    EventsSettings,
    IvrSettings,
    KannelSettings,
    Names,
    RetentionSettings,
    Secrets,
    SettingsPart,
    SettlementSettings,
    SmppSettings,
    SmsSettings,
    TwilioSettings,
    UssdSettings,
    WebSettings,
    WebUrl,
)
from khallas.settings.relay import RelaySettings
from sessions.store.sentinel import SENTINEL_SCHEMES, is_sentinel, sentinels_of

PREFIX = "KHALLAS_"
NEST = "__"
FILE = "_FILE"
NEAR_ENOUGH = 0.5  # of difflib's likeness, to be offered for a mistyped name
SCHEMES = {
    "database_url": ("postgresql://", "postgres://"),
    "database_late_url": ("postgresql://", "postgres://"),
    "redis_url": (
        *("redis://", "rediss://", "unix://", "redis+cluster://", "rediss+cluster://"),
        *(f"{scheme}://" for scheme in SENTINEL_SCHEMES),
    ),
}
SECRET_FILE_BYTES_MAX = 64 * 1024
_PROVIDER = re.compile(r"[a-z][a-z0-9_]{0,31}")


class BadSettings(Exception):
    """The operator's mistake; the words name the setting and never its value. Exit code 78 (sysexits EX_CONFIG)."""


class Settings(SettingsPart):
    """All settings of a server."""

    database_url: SecretStr = Field(SecretStr(""), description="postgresql://user:password@host/database")
    database_late_url: SecretStr = Field(
        SecretStr(""),
        description="a standby, for reads that may be late: the desk's search and lists, operations, day reports",
    )
    redis_url: SecretStr = Field(
        SecretStr(""),
        description="redis://host:6379/0, redis+cluster://one-of-them:6379, redis+sentinel://a:26379,b:26379/service/0"
        " or unix:///path",
    )
    public_url: WebUrl = Field(
        "", description="the base that gateways and customers reach: signatures and links use it"
    )
    hosts: Names = Field((), description="names besides the public URL's by which gateways reach us, comma list")
    secret_keys: Secrets = Field((), description="keys that sign links, comma list: the first signs, all verify")
    vault_keys: Secrets = Field(
        (), description="id:base64 of 32 bytes, comma list: the first seals, all open (with a server's memory key)"
    )
    vault_url: SecretStr = Field(
        SecretStr(""),
        description="several machines: a Valkey that writes to no disk, where they share the vault's memory key",
    )
    short_code: str = Field("1117", description="the number that SMS go to")
    help_number: str = Field("777", description="where customers get help")
    operator_name: str = Field("Khallas", description="on receipts and pages")
    operator_logo: str = Field(
        "", description="a file, SVG or PNG of at most 256 KiB, on receipts and pages; none: a neutral mark"
    )
    currency: Literal["MAD"] = Field("MAD", description="ISO 4217")
    check_luhn: bool = Field(True, description="refuse card numbers whose check digit is wrong")
    receipt_days: int = Field(400, ge=1, le=3660, description="days a receipt's link works")
    twilio: TwilioSettings = TwilioSettings()
    acquirer: str = Field(
        "cmi",
        pattern=r"^[a-z][a-z0-9_]{0,31}$",
        description="who charges cards: cmi, or the module of core/acquirers of that name (docs/extending/acquirer.md)",
    )
    acquirer_options: dict[str, SecretStr] = Field(
        {}, description="what an acquirer of another name than cmi is joined with: __URL, __KEY, …"
    )
    wallets: dict[str, dict[str, SecretStr]] = Field(
        {},
        description="mobile wallets by a name each: __MTCASH__WIRE=gsma, __NAME, __URL, … (docs/guides/wallets.md)",
    )
    billers: Names = Field(
        (), description="doors for who is paid our bills elsewhere: gsma, daraja (docs/guides/billers.md)"
    )
    cmi: CmiSettings = CmiSettings()
    acquirers: dict[Annotated[str, StringConstraints(pattern=ID)], AcquirerSettings] = Field(
        {}, description="further acquirers, and more of the first one (its name is CMI): docs/guides/acquirers.md"
    )
    smtp_url: SecretStr = Field(SecretStr(""), description="smtp://[user:password@]host:port")
    mail_from: str = Field("", description="sender of receipts")
    mail_utf8: bool = Field(
        False,
        description="the mail server says SMTPUTF8 (`khallas doctor` tells): customers may have letters beyond ASCII"
        " before the @",
    )
    ussd: UssdSettings = UssdSettings()
    sms: SmsSettings = SmsSettings()
    ivr: IvrSettings = IvrSettings()
    smpp: SmppSettings = SmppSettings()
    kannel: KannelSettings = KannelSettings()
    asterisk: AsteriskSettings = AsteriskSettings()
    web: WebSettings = WebSettings()
    desk: DeskSettings = DeskSettings()
    retention: RetentionSettings = RetentionSettings()
    archive: ArchiveSettings = ArchiveSettings()
    settlement: SettlementSettings = SettlementSettings()
    billing: BillingSettings = BillingSettings()
    events: EventsSettings = EventsSettings()
    relay: RelaySettings = RelaySettings()
    gateway_secrets: dict[str, SecretStr] = Field(
        {},
        description="per wire: shared secrets (comma list, any), net:192.0.2.1,... of networks, or both with a space",
    )
    plain_hosts: Names = Field(
        (), description="other machines that may be spoken to in clear: one trusted segment; names, 10.1.2.0/24"
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field("INFO", description="what is logged")
    log_format: Literal["json", "console"] = Field("json", description="how it is logged")
    traces: bool = Field(False, description="OpenTelemetry traces, sent where the OTEL_* variables say")
    expose_screens: bool = Field(False, description="answers carry X-Screen (tests and the demo)")
    demo: bool = Field(False, description="set by `khallas demo` only: stand-ins, default secrets")

    @model_validator(mode="after")
    def _urls_and_keys_are_such(self) -> Self:
        for name, schemes in SCHEMES.items():
            url = getattr(self, name).get_secret_value()
            if url and not url.startswith(schemes):
                raise ValueError(f"{name} must begin with {' or '.join(schemes)}")
        _sentinels_can_be_read(self.redis_url.get_secret_value())
        for entry in self.vault_keys:
            key_id, _, encoded = entry.get_secret_value().partition(":")
            try:
                usable = len(base64.b64decode(encoded, validate=True)) == 32 and bool(key_id)
            except binascii.Error:
                usable = False
            if not usable:
                raise ValueError("vault_keys: each key is id:base64 of 32 bytes")
        for provider in self.wallets:
            if _PROVIDER.fullmatch(provider) is None:
                raise ValueError("wallets: a wallet's name is small letters, digits and underscores")
        for wire, secret in self.gateway_secrets.items():
            gateway_of(secret.get_secret_value(), wire)
        return self

    def signing_keys(self) -> list[str]:
        """The secret keys in clear: the first signs, each verifies."""
        return [key.get_secret_value() for key in self.secret_keys]

    def require_database_url(self) -> str:
        """The database's URL in clear. Raises BadSettings where there is none: an empty one would mean whatever this
        machine's defaults lead to.
        """
        return _required(self.database_url, "DATABASE_URL")

    def vault(self) -> dict[str, bytes]:
        """Master keys by id, in order."""
        pairs = (entry.get_secret_value().partition(":") for entry in self.vault_keys)
        return {key_id: base64.b64decode(encoded) for key_id, _, encoded in pairs}


def _required(secret: SecretStr, name: str) -> str:
    if not secret.get_secret_value():
        raise BadSettings(f"{PREFIX}{name} is missing")
    return secret.get_secret_value()


def _sentinels_can_be_read(url: str) -> None:
    """Raises ValueError."""
    if is_sentinel(url):
        try:
            sentinels_of(url)
        except ValueError as error:
            raise ValueError(f"redis_url {error}") from None


# --- from the environment --------------------------------------------------------------------------------------------


def known_names(model: type[BaseModel] = Settings, prefix: str = PREFIX) -> dict[str, bool]:
    """Returns every right name, and whether it holds a secret (so that NAME_FILE works too)."""
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
    kinds: set[object] = {annotation}
    for inner in get_args(annotation):
        kinds |= _kinds(inner)
    origin = get_origin(annotation)
    return kinds | {origin} if origin else kinds


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
        raise BadSettings("\n".join(_fault(each["loc"], each["msg"]) for each in error.errors())) from None


def _fault(where: tuple[int | str, ...], why: str) -> str:
    """pydantic's words under the setting's own name; what a model says as a whole begins with the field it means."""
    why = why.removeprefix("Value error, ")
    if where:
        return f"{PREFIX}{NEST.join(str(step) for step in where).upper()}: {why}"
    name, _, rest = why.partition(" ")
    return f"{PREFIX}{name.upper()} {rest}"


def _resolve(name: str, environ: Mapping[str, str], names: Mapping[str, bool]) -> tuple[str, str]:
    plain = name.removesuffix(FILE)
    if name in names or (_listed(name) and not name.endswith(FILE)) or _of_acquirer(name):
        return name, environ[name]
    if name != plain and (names.get(plain) or _listed(plain)):
        if environ.get(plain):
            raise BadSettings(f"{plain} and {name} are both set")
        return plain, _secret_file(name, environ[name])
    right = [each.removeprefix(PREFIX) for each in (*names, *(n + FILE for n, secret in names.items() if secret))]
    near = difflib.get_close_matches(name.removeprefix(PREFIX).upper(), right, 1, NEAR_ENOUGH)
    raise BadSettings(f"{name} is no setting" + (f"; did you mean {PREFIX}{near[0]}?" if near else ""))


def _listed(name: str) -> bool:
    """Whether it is one of many that operators name, each a secret."""
    if name.startswith(tuple(f"{PREFIX}{field}{NEST}" for field in ("GATEWAY_SECRETS", "ACQUIRER_OPTIONS", "WALLETS"))):
        return True
    return _field_of_acquirer(name).startswith(f"OPTIONS{NEST}")


def _of_acquirer(name: str) -> bool:
    return _field_of_acquirer(name) in known_names(AcquirerSettings, "").keys() - {"OPTIONS"}


def _field_of_acquirer(name: str) -> str:
    """What is set of one of several acquirers, or nothing."""
    several = f"{PREFIX}ACQUIRERS{NEST}"
    return name.removeprefix(several).partition(NEST)[2] if name.startswith(several) else ""


def _secret_file(name: str, path: str) -> str:
    try:
        data = Path(path).read_bytes()[: SECRET_FILE_BYTES_MAX + 1]
    except OSError as error:
        raise BadSettings(f"{name}: {error.strerror}") from None
    if len(data) > SECRET_FILE_BYTES_MAX:
        raise BadSettings(f"{name}: the file is too large for a secret")
    try:
        return data.decode().strip()
    except UnicodeDecodeError:
        raise BadSettings(f"{name}: the file is no UTF-8 text") from None


def _put(nested: dict[str, object], name: str, value: str) -> None:
    *path, last = name.removeprefix(PREFIX).lower().split(NEST)
    where = nested
    for step in path:
        inner = where.setdefault(step, {})
        if not isinstance(inner, dict):
            raise BadSettings(f"{name} is no setting")
        where = inner
    where[last] = value
