"""Asterisk's parts in the whole server: the FastAGI port beside HTTP, its state, and the caller that settings name."""

import base64
import socket
from pathlib import Path

import aiohttp
import pytest

from channels.carriers.asterisk.caller import AmiCaller, CallFileCaller
from channels.ivr.prompts import Prompts
from core.messaging.texts import load_texts
from core.payments.table import Payment
from core.ports import CallEnd
from khallas.bootstrap import asterisk
from khallas.server.app import build
from khallas.settings.model import BadSettings, Settings, load
from lab.servers.serving import serving
from tests.channels.carriers.ami_stand import SECRET as MANAGERS_SECRET
from tests.channels.carriers.ami_stand import AmiStand, manager
from tests.channels.ivr.agi.switch import HANG_UP, Switch
from tests.support.till import till_in_memory

SECRET = "asterisk-and-khallas"
BASE = {
    "KHALLAS_DATABASE_URL": "postgresql://127.0.0.1/none",
    "KHALLAS_REDIS_URL": "redis://127.0.0.1:1",
    "KHALLAS_PUBLIC_URL": "https://pay.example.ma",
    "KHALLAS_SECRET_KEYS": "a-key-that-signs-links",
    "KHALLAS_VAULT_KEYS": f"k1:{base64.b64encode(bytes(32)).decode()}",
    "KHALLAS_CMI__URL": "https://bank.example.ma/fim/api",
    "KHALLAS_SMTP_URL": "smtp://127.0.0.1:25",
    "KHALLAS_MAIL_FROM": "recus@example.ma",
    "KHALLAS_TWILIO__AUTH_TOKENS": "a-token-of-twilio",
    "KHALLAS_IVR__NUMBER": "+212537000777",
    "KHALLAS_IVR__WIRES": "twilio,fastagi",
    "KHALLAS_GATEWAY_SECRETS__FASTAGI": SECRET,
    "KHALLAS_GATEWAY_SECRETS__AFRICASTALKING": "another-gateways-secret",
    "KHALLAS_ASTERISK__CHANNEL": "PJSIP/{digits}@trunk",
}


async def unheard(call_id: str, end: CallEnd, why: str) -> bool:
    return True


def settings(**more: str) -> Settings:
    return load({**BASE, **{f"KHALLAS_{name}": value for name, value in more.items()}})


@pytest.fixture
def payment() -> Payment:
    return till_in_memory().basket()


async def test_the_server_answers_a_switch_beside_http(database_url: str, redis_url: str) -> None:
    port = _free_port()
    given = settings(DATABASE_URL=database_url, REDIS_URL=redis_url, ASTERISK__AGI_PORT=str(port))
    prompts = Prompts(load_texts())
    async with serving(build(given)) as url, aiohttp.ClientSession() as session:
        call = await Switch(port, prompts, arguments=[SECRET]).call([("bienvenue", "1"), ("payer", HANG_UP)])
        assert call.hung_up
        refused = await Switch(port, prompts, arguments=["a-guess"]).call([])
        assert refused.variables == {"KHALLAS_RESULT": "refused"}
        async with session.get(f"{url}/readyz") as answer:
            assert (await answer.json())["checks"]["fastagi"] == "ok"
        async with session.get(f"{url}/metrics") as answer:
            assert 'khallas_turns_total{channel="ivr",outcome="answered",screen="Service",wire="fastagi"} 1.0' in (
                await answer.text()
            )
    with pytest.raises(OSError, match="Connect call failed"):
        await Switch(port, prompts).call([])


def test_a_wire_that_nothing_guards_is_not_started() -> None:
    given = settings(GATEWAY_SECRETS__FASTAGI="")
    with pytest.raises(BadSettings, match="FASTAGI"):
        build(given)


async def test_the_manager_of_the_settings_rings(payment: Payment) -> None:
    async with manager(AmiStand()) as stand:
        url = f"ami://khallas:{MANAGERS_SECRET}@127.0.0.1:{stand.port}"
        caller = asterisk.caller(settings(IVR__CALLER="ami", ASTERISK__AMI_URL=url), unheard)
        assert isinstance(caller, AmiCaller)
        await caller.call(payment)
        await caller.close()
    assert stand.heard[1]["CallerID"] == "+212537000777"


async def test_the_spool_of_the_settings(payment: Payment, tmp_path: Path) -> None:
    for folder in ("tmp", "outgoing"):
        (tmp_path / folder).mkdir()
    caller = asterisk.caller(settings(IVR__CALLER="callfile", ASTERISK__SPOOL=str(tmp_path)), unheard)
    assert isinstance(caller, CallFileCaller)
    assert (tmp_path / "outgoing" / await caller.call(payment)).is_file()


def test_twilio_rings_unless_told_otherwise() -> None:
    assert asterisk.caller(settings(), unheard) is None


@pytest.mark.parametrize(
    ("more", "named"),
    [
        ({"IVR__CALLER": "ami"}, "AMI_URL"),
        ({"IVR__CALLER": "ami", "ASTERISK__AMI_URL": "http://khallas:secret@127.0.0.1"}, "AMI_URL"),
        ({"IVR__CALLER": "ami", "ASTERISK__AMI_URL": "ami://khallas:secret@127.0.0.1:port"}, "AMI_URL"),
        ({"IVR__CALLER": "ami", "ASTERISK__CHANNEL": "PJSIP/trunk"}, "CHANNEL"),
        ({"IVR__CALLER": "callfile"}, "SPOOL"),
        ({"IVR__CALLER": "callfile", "ASTERISK__SPOOL": "/var/spool/asterisk", "IVR__NUMBER": ""}, "IVR__NUMBER"),
        (
            {"IVR__CALLER": "ami", "ASTERISK__AMI_URL": "ami://khallas:secret@127.0.0.1", "IVR__NUMBER": ""},
            "IVR__NUMBER",
        ),
    ],
)
def test_what_is_missing_is_named(more: dict[str, str], named: str) -> None:
    with pytest.raises(BadSettings, match=named) as bad:
        asterisk.caller(settings(**more), unheard)
    assert "khallas:secret" not in str(bad.value)


def _free_port() -> int:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        return int(free.getsockname()[1])
