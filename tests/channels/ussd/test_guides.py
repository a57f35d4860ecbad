"""The binding guides' examples, read as curl reads them and sent to a door like the demo's."""

import argparse
import re
import shlex
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import pytest

from channels.ussd.wires import WIRES
from khallas.settings.model import load
from sessions.turn.inbound import REPEAT_MS
from tests.channels.ussd.conftest import Opened

GUIDES = Path(__file__).parents[3] / "docs" / "guides"
DEMO = "http://127.0.0.1:8000"


def guide(wire: str) -> str:
    return (GUIDES / f"ussd-{wire}.md").read_text(encoding="utf-8")


def examples(wire: str) -> list[str]:
    blocks: list[str] = re.findall(r"```sh\n(.*?)\n```", guide(wire), re.DOTALL)
    return [block for block in blocks if block.startswith("curl ")]


@dataclass(frozen=True, slots=True)
class Curl:
    """A command line of curl: -s, -i, -H, -d and --data-urlencode are all that the guides use."""

    url: str
    headers: dict[str, str]
    data: str | None


def curl(line: str) -> Curl:
    parser = argparse.ArgumentParser(prog="curl", exit_on_error=False)
    parser.add_argument("url")
    parser.add_argument("-s", action="store_true")
    parser.add_argument("-i", action="store_true")
    parser.add_argument("-H", action="append", default=[])
    parser.add_argument("-d", action="append", default=[])
    parser.add_argument("--data-urlencode", action="append", default=[])
    program, *words = shlex.split(line)
    assert program == "curl"
    got = parser.parse_args(words)
    encoded = [f"{name}={quote(value)}" for name, _, value in (pair.partition("=") for pair in got.data_urlencode)]
    data = "&".join([*got.d, *encoded]) or None
    headers = dict(header.split(": ", 1) for header in got.H)
    if data is not None:
        headers.setdefault("Content-Type", "application/x-www-form-urlencoded")
    return Curl(got.url, headers, data)


@pytest.mark.parametrize("wire", WIRES)
async def test_the_examples_dial_and_press_a_key(opened: Opened, wire: str) -> None:
    door = await opened()
    said = []
    for line in examples(wire):
        example = curl(line)
        assert example.url.startswith(DEMO)
        method, url = "GET" if example.data is None else "POST", example.url.replace(DEMO, door.url)
        async with door.http.request(method, url, data=example.data, headers=example.headers) as response:
            assert response.status == 200
            said.append(await response.text())
        door.on.clock.forward(REPEAT_MS / 1000 + 1)
    first, second = said
    assert "Khallas" in first
    assert "Quelle facture payer" in second


@pytest.mark.parametrize("wire", WIRES)
def test_the_settings_are_settings(wire: str) -> None:
    named = dict(re.findall(r"^(KHALLAS_\w+)=(\S+)", guide(wire), re.MULTILINE))
    settings = load(named)
    assert settings.ussd.wires == (wire,)
    assert set(settings.gateway_secrets) == {wire}
    limits = WIRES[wire].limits
    assert f"{limits.septets} septets" in guide(wire)
    assert f"{limits.units} UCS-2 characters" in guide(wire)
