"""The billers' doors: none unless they are enabled, guarded when they are, described where they take JSON."""

import pytest
from pydantic import SecretStr

from khallas.bootstrap.billers import biller_json_doors, biller_routes
from khallas.bootstrap.container import assemble
from khallas.settings.model import BadSettings, Settings, load

BASE = {
    "KHALLAS_DATABASE_URL": "postgresql://nobody@127.0.0.1:1/none",
    "KHALLAS_REDIS_URL": "redis://127.0.0.1:1/0",
    "KHALLAS_PUBLIC_URL": "https://pay.example",
    "KHALLAS_SECRET_KEYS": "a-key-of-the-tests-alone",
    "KHALLAS_VAULT_KEYS": "v1:" + "A" * 43 + "=",
    "KHALLAS_SMTP_URL": "smtp://127.0.0.1:1",
    "KHALLAS_MAIL_FROM": "recus@khallas.example",
    "KHALLAS_CMI__URL": "http://127.0.0.1:1/fim/api",
}


def settings(**more: str) -> Settings:
    return load(BASE | {f"KHALLAS_{name}": value for name, value in more.items()})


def paths(made: Settings) -> list[str]:
    return sorted(getattr(route, "path", "") for route in biller_routes(assemble(made)))


def test_without_the_setting_there_is_no_door() -> None:
    assert paths(settings()) == []
    assert biller_json_doors(settings()) == ()


def test_each_door_that_is_enabled_has_its_guard() -> None:
    with pytest.raises(BadSettings, match="KHALLAS_GATEWAY_SECRETS__BILLER_GSMA is missing"):
        paths(settings(BILLERS="gsma"))
    both = settings(
        BILLERS="gsma,daraja", GATEWAY_SECRETS__BILLER_GSMA="s" * 30, GATEWAY_SECRETS__BILLER_DARAJA="t" * 30
    )
    assert len(paths(both)) == 4
    assert len(biller_json_doors(both)) == 3
    assert isinstance(both.gateway_secrets["biller_gsma"], SecretStr)


def test_what_cannot_work_is_told_at_the_start() -> None:
    with pytest.raises(BadSettings, match="nobody is no door; known are gsma, daraja"):
        paths(settings(BILLERS="nobody"))
    with pytest.raises(BadSettings, match="KHALLAS_BILLING__URL is set"):
        paths(settings(BILLERS="gsma", BILLING__URL="https://billing.example", GATEWAY_SECRETS__BILLER_GSMA="s" * 30))
