"""Settings of the ways out: what is refused at the start, and in which order messages go."""

import pytest
from pydantic import ValidationError

from khallas.server.app import assemble
from khallas.settings.model import BadSettings, load
from tests.channels.carriers.smpp.house import settings_of

ATLAS, RIF = "smpp://a:secret@127.0.0.1:1/atlas", "smpp://a:secret@127.0.0.1:1/rif"
TWILIO = {"account_sid": "AC1", "auth_tokens": "t", "from": "1117"}
KANNEL = {"url": "http://127.0.0.1:1/cgi-bin/sendsms"}
POSTGRES, REDIS = "postgresql://127.0.0.1:1/x", "redis://127.0.0.1:1"


def order(**more: object) -> list[str]:
    """Ways out in order; those that only answer in brackets."""
    return assemble(settings_of(REDIS, POSTGRES, **more)).networks.texter.ways()


def test_what_is_set_up_is_used_in_order() -> None:
    everything = {"smpp": {"binds": f"{RIF},{ATLAS}"}, "kannel": KANNEL, "twilio": TWILIO}
    assert order(**everything) == ["rif", "atlas", "kannel", "twilio"]
    assert order(**everything, sms={"routes": "twilio:1,atlas"}) == ["twilio", "atlas", "(rif)", "(kannel)"]
    assert order() == ["twilio"]


@pytest.mark.parametrize(
    "routes", ["nobody", "atlas,atlas", "atlas:0", "atlas:-1", "atlas:inf", "atlas:fast", "twilio"]
)
def test_routes_that_are_none(routes: str) -> None:
    with pytest.raises(BadSettings, match="KHALLAS_SMS__ROUTES"):
        order(smpp={"binds": ATLAS}, sms={"routes": routes})


@pytest.mark.parametrize("binds", [f"{ATLAS},{ATLAS}", "smpp://a:secret@127.0.0.1/kannel", "smpp://secret", "atlas"])
def test_binds_that_are_none(binds: str) -> None:
    with pytest.raises(BadSettings) as refused:
        load({"KHALLAS_SMPP__BINDS": binds})
    assert "KHALLAS_SMPP" in str(refused.value)
    assert "secret" not in str(refused.value)
    with pytest.raises(ValidationError) as hidden:
        settings_of(REDIS, POSTGRES, smpp={"binds": binds})
    assert "secret" not in str(hidden.value)


def test_links_are_down_before_they_are_opened() -> None:
    house = assemble(settings_of(REDIS, POSTGRES, smpp={"binds": ATLAS}))
    assert house.networks.states() == {"smsc atlas": "down"}
