"""Every secret of the settings is weighed, and what pages print is never one."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest
from pydantic import SecretStr

from khallas.settings.model import PREFIX, Settings, known_names, load
from khallas.settings.strength.found import secrets_of, shared
from khallas.settings.strength.judge import Guessing, weak

ROOT = Path(__file__).parents[3]
PAGES = (
    *(ROOT / "docs").rglob("*.md"),
    *ROOT.glob("*.md"),
    *(path for path in (ROOT / "deploy").rglob("*") if path.is_file()),
    ROOT / ".env.example",
    ROOT / "docker-compose.yml",
    ROOT / "Dockerfile",
)
SHAPES = {
    "KHALLAS_DATABASE_URL": "postgresql://u:{}@h/d",
    "KHALLAS_DATABASE_LATE_URL": "postgresql://u:{}@h/d",
    "KHALLAS_REDIS_URL": "redis://:{}@h",
    "KHALLAS_SMTP_URL": "smtp://u:{}@h",
    "KHALLAS_SMPP__BINDS": "smpp://u:{}@h/atlas",
    "KHALLAS_ASTERISK__AMI_URL": "ami://u:{}@h",
    "KHALLAS_VAULT_KEYS": "k:eDh4OHg4eDh4OHg4eDh4OHg4eDh4OHg4eDh4OHg4eDg=",
}
VALUE = "xq7-only-here-3f"
# where a page prints a secret: behind a setting, in a URL, in a query, in a peer's configuration
SETTING = re.compile(rf"({PREFIX}[A-Z_]+)=[\"']?([^\s\"'`#]+)")
IN_URL = re.compile(r"\w+://[^\s/:@`'\"]*:([^\s/@`'\"]+)@")
ELSEWHERE = re.compile(
    r"(?:^|[\s;&?\"'`-])(?:secret|password|requirepass|passwd)\s*[=:]\s*[\"']?([^\s\"'`#&,;)]+)", re.IGNORECASE
)
NO_VALUE = re.compile(r"^[$%<{/…(.]|\$\(|^…|^net:|^!|^(?:scram|true|false|none)\b|^\|")


@pytest.mark.parametrize("name", [name for name, secret in known_names().items() if secret])
def test_no_secret_setting_is_left_out(name: str) -> None:
    """A setting that a later release adds is found by its type."""
    if name == "KHALLAS_GATEWAY_SECRETS":
        name += "__KANNEL"
    if name == "KHALLAS_ACQUIRER_OPTIONS":
        name += "__KEY"
    if name == "KHALLAS_WALLETS":
        name += "__MTCASH__KEY"
    value = SHAPES.get(name, VALUE if not name.endswith("_URL") else f"https://u:{VALUE}@h").format(VALUE)
    found = list(secrets_of(load({name: value})))
    assert [each.name for each in found] == [name.removeprefix(PREFIX)]
    assert found[0].value in value
    assert VALUE not in repr(found)


def printed() -> Iterator[tuple[str, str]]:
    secret = {name for name, is_secret in known_names().items() if is_secret}
    for page in PAGES:
        text = page.read_text(encoding="utf-8", errors="replace")
        for name, value in SETTING.findall(text):
            if name in secret or name.startswith(f"{PREFIX}GATEWAY_SECRETS__"):
                yield page.name, value
        for value in (*IN_URL.findall(text), *ELSEWHERE.findall(text)):
            yield page.name, value


def test_no_value_that_a_page_prints_works() -> None:
    values = [(page, value) for page, value in printed() if not NO_VALUE.search(value) and "://" not in value]
    assert len(values) > 8  # the search finds what pages do print
    working = [(page, value) for page, value in values if weak(value, Guessing.SMPP) is None]
    assert working == []


def test_two_purposes_want_two_secrets() -> None:
    one = "Kx91vQm4ZtLp07RsWdYb3HfN"
    settings = Settings(
        secret_keys=(SecretStr(one),),
        gateway_secrets={"kannel": SecretStr(one)},
        redis_url=SecretStr(f"redis://:{one}@127.0.0.1"),
    )
    (fault,) = shared(settings)
    assert fault.startswith("GATEWAY_SECRETS__KANNEL: one is REDIS_URL and SECRET_KEYS's as well")
    assert one not in fault
    assert list(shared(Settings(secret_keys=(SecretStr(one), SecretStr(one))))) == []  # a rotation half done
