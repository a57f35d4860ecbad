"""`khallas config example`: every setting with its meaning and default, as a file to fill in. Made from the model.

The same rows make docs/reference/settings.md; tests compare both with what is committed.
"""

from collections.abc import Iterator
from dataclasses import dataclass

from pydantic import BaseModel, SecretStr

from khallas.settings.acquirers import AcquirerSettings
from khallas.settings.model import FILE, NEST, PREFIX, Settings, known_names

NEEDED = ("DATABASE_URL", "REDIS_URL", "PUBLIC_URL", "SECRET_KEYS", "VAULT_KEYS", "SMTP_URL", "MAIL_FROM")
NEEDED_OF_PARTS = ("TWILIO__ACCOUNT_SID", "TWILIO__AUTH_TOKENS", "CMI__URL", "CMI__CLIENT_ID", "CMI__NAME")
GATEWAY = "GATEWAY_SECRETS__AFRICASTALKING"
MADE = {
    "SECRET_KEYS": "openssl rand -base64 32",
    "VAULT_KEYS": "echo k1:$(openssl rand -base64 32)",
    "CMI__STORE_KEY": "openssl rand -hex 16, and the same at the bank",
    "IVR__PAY_PASSWORDS": "openssl rand -hex 16, and the same in Twilio's console",
}
ANY = "ID"
FILES_MEANING = "what its settlement file calls things; what is not set here is as KHALLAS_SETTLEMENT__… has it"
OPTIONS_MEANING = "what its client is joined with; of cmi the names of KHALLAS_CMI__… (URL, CLIENT_ID, STORE_KEY)"
HEAD = """\
# Khallas' settings. Made by `khallas config example`; `khallas config check` says what is missing or wrong.
# Every secret may come from a file instead: NAME_FILE=/run/secrets/name. An unknown name stops the start.
# What begins with # is as by default.
"""


@dataclass(frozen=True, slots=True)
class SettingRow:
    """A setting as the example file prints it. `part` is what its group says of itself, empty for those of no group."""

    name: str
    part: str
    meaning: str
    default: str
    secret: bool
    needed: bool


def rows() -> list[SettingRow]:
    """Returns every setting, those of no group first."""
    secrets = known_names()
    settings = list(_rows(Settings, PREFIX, "", secrets))
    return sorted(settings, key=lambda row: NEST in row.name.removeprefix(PREFIX))


def example() -> str:
    """Writes the example file."""
    lines, part = [HEAD], ""
    for row in rows():
        if row.part != part:
            part = row.part
            lines.append(f"\n# --- {part}\n")
        lines.append(f"# {row.meaning}\n")
        value = MADE.get(row.name.removeprefix(PREFIX))
        if value:
            lines.append(f"# make one: {value}\n")
        mark = "" if row.needed else "#"
        lines.append(f"{mark}{row.name}={row.default}\n")
    lines.append("\n# --- Further acquirers, each by a name of its own: docs/guides/acquirers.md\n")
    lines += [f"# {row.name}={row.default}\n" for row in acquirer_rows()]
    lines.append("\n# --- Secrets of the wires that sign nothing, one each\n")
    lines.append(
        "# shared secrets (comma list), net:192.0.2.1,... of networks, or both with a space (aggregators: both)\n"
    )
    lines.append("# make one: openssl rand -hex 24\n")
    lines.append(f"{PREFIX}{GATEWAY}=\n")
    return "".join(lines)


def reference() -> str:
    """The text of docs/reference/settings.md."""
    lines = [
        "# Settings\n\n",
        "Made from the model by `python -m khallas.cli.config_example`; `khallas config show` prints the same\n",
        "with the values in force. A secret may come from a file: the name with `_FILE` behind it.\n",
    ]
    part: str | None = None
    for row in rows():
        if row.part != part:
            part = row.part
            lines.append(f"\n## {part or 'The server'}\n\n| name | default | meaning |\n|---|---|---|\n")
        lines.append(_line(row))
    lines.append(f"\n## {_title(AcquirerSettings)}\n\n`{ANY}` is the acquirer's name: small letters, digits, `_`.\n")
    lines.append("\n| name | default | meaning |\n|---|---|---|\n")
    lines += [_line(row) for row in acquirer_rows()]
    return "".join(lines)


def _line(row: SettingRow) -> str:
    default = f"`{_cell(row.default)}`" if row.default else "needed" if row.needed else ""
    secret = f" (secret, `{FILE}`)" if row.secret else ""
    return f"| `{row.name}` | {default} | {_cell(row.meaning)}{secret} |\n"


def acquirer_rows() -> list[SettingRow]:
    """Returns what may be set of each of several acquirers, `ID` being its name."""
    prefix = f"{PREFIX}ACQUIRERS{NEST}{ANY}{NEST}"
    rows = _rows(AcquirerSettings, prefix, "", known_names(AcquirerSettings, prefix))
    plain = [row for row in rows if NEST not in row.name.removeprefix(prefix)]
    options = SettingRow(f"{prefix}OPTIONS{NEST}…", "", OPTIONS_MEANING, "", secret=True, needed=False)
    files = SettingRow(f"{prefix}SETTLEMENT{NEST}…", "", FILES_MEANING, "", secret=False, needed=False)
    return [*plain, options, files]


def _rows(model: type[BaseModel], prefix: str, part: str, secrets: dict[str, bool]) -> Iterator[SettingRow]:
    for field_name, info in model.model_fields.items():
        if field_name in {"demo", "gateway_secrets", "acquirer_options", "acquirers", "options", "wallets"}:
            continue
        name = prefix + (info.alias or field_name).upper()
        kind = info.annotation
        if isinstance(kind, type) and issubclass(kind, BaseModel):
            yield from _rows(kind, name + NEST, _title(kind), secrets)
            continue
        short = name.removeprefix(PREFIX)
        needed = short in NEEDED or short in NEEDED_OF_PARTS or short == "CMI__PASSWORD"
        yield SettingRow(name, part, info.description or "", _default(info.get_default()), secrets[name], needed)


def _title(part: type[BaseModel]) -> str:
    """The first line of its docstring, without what it says in brackets."""
    return (part.__doc__ or "").strip().split("\n")[0].partition(" (")[0].rstrip(".")


def _default(value: object) -> str:
    if isinstance(value, SecretStr):
        return value.get_secret_value()
    if isinstance(value, tuple):
        return ",".join(_default(part) for part in value)
    if isinstance(value, bool):
        return str(int(value))
    return "" if value is None else str(value)


def _cell(text: str) -> str:
    return text.replace("|", "\\|").replace("<", "&lt;")


if __name__ == "__main__":
    import sys

    sys.stdout.write(reference())
