"""Settings: every right name works, a wrong one never passes for a default, nothing told holds a value."""

import base64
import contextlib
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import SecretStr

from khallas.cli.config import MASK, describe
from khallas.settings.model import FILE, PREFIX, BadSettings, Settings, known_names, load

VAULT_KEY = "v1:" + base64.b64encode(bytes(range(32))).decode()
WELL_FORMED = {
    "KHALLAS_VAULT_KEYS": VAULT_KEY,
    "KHALLAS_DATABASE_URL": "postgresql://h/d",
    "KHALLAS_DATABASE_LATE_URL": "postgresql://h/d",
    "KHALLAS_SMPP__BINDS": "smpp://system:password@host:2775/name",
}
FAR = ("KHALLAS_QQQQQQQQ", "KHALLAS_ZZ__ZZ")


def test_defaults_are_settings() -> None:
    settings = load({"PATH": "/bin", "HOME": "/"})
    assert (settings.short_code, settings.help_number, settings.currency) == ("1117", "777", "MAD")
    assert settings.ussd.wires == ("africastalking",)
    assert not settings.demo
    assert not settings.expose_screens


def test_names_nest_and_lists_are_commas() -> None:
    settings = load(
        {
            "KHALLAS_CMI__TIMEOUT_S": "12.5",
            "KHALLAS_TWILIO__AUTH_TOKENS": "one, two,",
            "KHALLAS_TWILIO__FROM": "1117",
            "KHALLAS_GATEWAY_SECRETS__AFRICASTALKING": "net:10.0.0.0/8",
            "KHALLAS_VAULT_KEYS": f"{VAULT_KEY},{VAULT_KEY.replace('v1', 'v0')}",
            "KHALLAS_PUBLIC_URL": "https://pay.example.ma/",
        }
    )
    assert settings.cmi.timeout_s == 12.5
    assert [token.get_secret_value() for token in settings.twilio.auth_tokens] == ["one", "two"]
    assert settings.twilio.from_ == "1117"
    assert settings.gateway_secrets["africastalking"].get_secret_value() == "net:10.0.0.0/8"
    assert list(settings.vault()) == ["v1", "v0"]
    assert settings.vault()["v1"] == bytes(range(32))
    assert settings.public_url == "https://pay.example.ma"


@pytest.mark.parametrize(
    ("wrong", "right"),
    [
        ("KHALLAS_REDIS_ULR", "KHALLAS_REDIS_URL"),
        ("KHALLAS_CMI__TIMEOUT", "KHALLAS_CMI__TIMEOUT_S"),
        ("KHALLAS_CMI_PASSWORD", "KHALLAS_CMI__PASSWORD"),
        ("KHALLAS_SECRET_KEYS_FIEL", "KHALLAS_SECRET_KEYS_FILE"),
        ("KHALLAS_SHORT_CODE_FILE", "KHALLAS_SHORT_CODE"),
        ("KHALLAS_redis_url", "KHALLAS_REDIS_URL"),
    ],
)
def test_a_mistyped_name_stops_the_start_with_the_nearest_right_one(wrong: str, right: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load({wrong: "x"})
    assert str(refused.value) == f"{wrong} is no setting; did you mean {right}?"


@pytest.mark.parametrize("name", FAR)
def test_a_name_like_no_other_is_no_setting(name: str) -> None:
    with pytest.raises(BadSettings, match=f"^{name} is no setting$"):
        load({name: "x"})


def test_no_environment_turns_the_demo_on() -> None:
    with pytest.raises(BadSettings):
        load({"KHALLAS_DEMO": "1"})


@pytest.mark.parametrize("name", [name for name, secret in known_names().items() if secret])
def test_every_secret_may_come_from_a_file(name: str, tmp_path: Path) -> None:
    value = WELL_FORMED.get(name, "redis://secret")
    if name == "KHALLAS_GATEWAY_SECRETS":
        name += "__AFRICASTALKING"
    if name == "KHALLAS_ACQUIRER_OPTIONS":
        name += "__KEY"
    if name == "KHALLAS_WALLETS":
        name += "__MTCASH__KEY"
    file = tmp_path / "secret"
    file.write_text(value + "\n")
    assert load({name + FILE: str(file)}) == load({name: value})
    with pytest.raises(BadSettings, match=f"^{name} and {name}_FILE are both set$"):
        load({name: value, name + FILE: str(file)})


def test_a_secret_file_that_cannot_be_read(tmp_path: Path) -> None:
    with pytest.raises(BadSettings, match="KHALLAS_SMTP_URL_FILE: No such file"):
        load({"KHALLAS_SMTP_URL_FILE": str(tmp_path / "none")})
    (tmp_path / "bytes").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(BadSettings, match="KHALLAS_SMTP_URL_FILE: the file is no UTF-8 text"):
        load({"KHALLAS_SMTP_URL_FILE": str(tmp_path / "bytes")})
    (tmp_path / "long").write_bytes(b"x" * 70_000)
    with pytest.raises(BadSettings, match="KHALLAS_SMTP_URL_FILE: the file is too large"):
        load({"KHALLAS_SMTP_URL_FILE": str(tmp_path / "long")})


@pytest.mark.parametrize(
    ("name", "value", "words"),
    [
        ("KHALLAS_LOG_LEVEL", "loud", "KHALLAS_LOG_LEVEL: Input should be"),
        ("KHALLAS_CMI__TIMEOUT_S", "999", "KHALLAS_CMI__TIMEOUT_S: Input should be less"),
        ("KHALLAS_DATABASE_URL", "mysql://s3cret@h/d", "KHALLAS_DATABASE_URL must begin with postgresql://"),
        ("KHALLAS_REDIS_URL", "s3cret", "KHALLAS_REDIS_URL must begin with redis://"),
        ("KHALLAS_VAULT_KEYS", "v1:s3cret", "KHALLAS_VAULT_KEYS: each key is id:base64 of 32 bytes"),
        ("KHALLAS_VAULT_KEYS", base64.b64encode(bytes(32)).decode(), "KHALLAS_VAULT_KEYS: each key"),
        ("KHALLAS_GATEWAY_SECRETS__AFRICASTALKING", "net:s3cret", "KHALLAS_GATEWAY_SECRETS"),
        ("KHALLAS_PUBLIC_URL", "s3cret", "KHALLAS_PUBLIC_URL: "),
        ("KHALLAS_CURRENCY", "EUR", "KHALLAS_CURRENCY: Input should be 'MAD'"),
        ("KHALLAS_GATEWAY_SECRETS", "s3cret", "KHALLAS_GATEWAY_SECRETS: "),
    ],
)
def test_a_wrong_value_is_named_and_not_repeated(name: str, value: str, words: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load({name: value})
    assert str(refused.value).startswith(words)
    assert "s3cret" not in str(refused.value)


def test_a_name_within_a_name_is_no_setting() -> None:
    with pytest.raises(BadSettings, match="KHALLAS_GATEWAY_SECRETS__X"):
        load({"KHALLAS_GATEWAY_SECRETS": "a", "KHALLAS_GATEWAY_SECRETS__X": "b"})


@given(st.dictionaries(st.text(min_size=1, max_size=12).map(lambda n: PREFIX + n.upper()), st.text(max_size=20)))
def test_whatever_the_environment_holds_is_settings_or_said(environ: dict[str, str]) -> None:
    with contextlib.suppress(BadSettings):
        assert isinstance(load(environ), Settings)


def test_every_setting_is_shown_with_its_source_and_no_secret(tmp_path: Path) -> None:
    file = tmp_path / "key"
    file.write_text("s3cret-of-a-file")
    rows = {
        row["name"]: row
        for row in describe(
            {
                "KHALLAS_CMI__PASSWORD": "s3cret-password",
                "KHALLAS_SECRET_KEYS_FILE": str(file),
                "KHALLAS_GATEWAY_SECRETS__AFRICASTALKING": "s3cret-of-a-gateway",
                "KHALLAS_EXPOSE_SCREENS": "1",
            }
        )
    }
    assert set(rows) == set(known_names())
    assert all(row["meaning"] for row in rows.values())
    assert "s3cret" not in repr(rows)
    shown = {name: (row["value"], row["source"]) for name, row in rows.items()}
    assert shown["KHALLAS_CMI__PASSWORD"] == (MASK, "environment")
    assert shown["KHALLAS_SECRET_KEYS"] == (MASK, "file")
    assert shown["KHALLAS_GATEWAY_SECRETS"] == (MASK, "environment")
    assert shown["KHALLAS_EXPOSE_SCREENS"] == ("1", "environment")
    assert shown["KHALLAS_SMTP_URL"] == ("", "default")
    assert shown["KHALLAS_USSD__WIRES"] == ("africastalking", "default")


def test_settings_do_not_print_their_secrets() -> None:
    told = repr(Settings(smtp_url=SecretStr("smtp://user:s3cret@mail"), secret_keys=(SecretStr("s3cret"),)))
    assert "s3cret" not in told
