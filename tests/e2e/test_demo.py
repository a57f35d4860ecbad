"""The demo as a stranger runs it: one line when ready, nothing left behind, and a state that outlives every end."""

import asyncio
import os
import re
import signal
import socket
import tempfile
from collections.abc import AsyncIterator, Iterator, Mapping
from pathlib import Path
from typing import Any

import aiohttp
import pytest

from khallas.cli.demo_state import LOCK, WRITTEN
from lab.caller import UssdPhone
from lab.servers.postgres import Postgres
from lab.servers.valkey import Valkey
from tests.e2e.demo import POLL_S, Demo, demo, free_port, gone, khallas
from tests.support.waiting import readiness

POLLS_MAX = 600
PROBE_MAX_S = 60.0  # a probe without a cap would hang for as long as the server is stopped
PAYER = "+212600000001"
CARD = ("4000000000000010#", "1228#", "1", "123#")


@pytest.fixture(scope="module")
def folder() -> Iterator[Path]:
    """Where states are; PostgreSQL under root runs as nobody."""
    with tempfile.TemporaryDirectory(prefix="khallas-e2e-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="module")
async def paid(folder: Path) -> str:
    """A state in which the guide's own bill was paid by phone; the receipt's path."""
    async with demo(folder / "state") as running:
        path, family = await _pay(running), running.family()
        said = await running.end(signal.SIGTERM)
    assert (said.code, said.out, said.err) == (0, "", "")
    assert await gone(family) == {}
    return path


@pytest.fixture
async def kept(folder: Path, paid: str) -> AsyncIterator[Demo]:
    """A demo on the state where the bill was paid."""
    assert paid
    async with demo(folder / "state") as running:
        yield running


async def _pay(running: Demo) -> str:
    async with UssdPhone(running.url, PAYER) as phone:
        shown = await phone.dial()
        for keys in ("1", "1", "1", "1", "2"):
            shown = await phone.send(keys)
        assert (shown.screen, shown.ended) == ("HandOver", True)
    async with aiohttp.ClientSession(f"{running.url}/phone/api/") as desk:
        call = (await _until(desk, f"phones/{PAYER}/calls", lambda calls: calls and calls[0]["rings"]))[0]
        await _act(desk, call["sid"], "answer", {})
        for screen, keys in zip(("CardNumber", "CardExpiry", "ConfirmTotal", "CardCvv"), CARD, strict=True):
            await _until(desk, f"calls/{call['sid']}", lambda told, at=screen: told["waiting"] and told["screen"] == at)
            await _act(desk, call["sid"], "press", {"keys": keys})
        ended = await _until(desk, f"calls/{call['sid']}", lambda told: told["ended"])
        assert ended["screen"] == "Paid"
        texts = await _until(desk, f"texts/{PAYER}", lambda texts: texts)
    link = re.search(r"http://\S+(/receipts/\S+)", texts[-1]["body"])
    assert link is not None
    return link[1]


async def _until(desk: aiohttp.ClientSession, path: str, done: Any) -> Any:
    for _ in range(POLLS_MAX):
        async with desk.get(path) as answer:
            told = await answer.json()
        if done(told):
            return told
        await asyncio.sleep(POLL_S)
    raise AssertionError(f"{path} never came to it: {told}")


async def _act(desk: aiohttp.ClientSession, sid: str, act: str, order: Mapping[str, str]) -> None:
    async with desk.post(f"calls/{sid}/{act}", json=order) as answer:
        assert answer.status == 200


async def _get(url: str) -> tuple[int, str]:
    async with aiohttp.ClientSession() as browser, browser.get(url) as answer:
        return answer.status, await answer.text()


async def test_a_second_start_keeps_what_was_paid(kept: Demo, folder: Path, paid: str) -> None:
    await _what_was_paid_is_there(kept, paid)
    _what_it_writes_is_in_the_state(kept, folder)
    await _other_verbs_find_it(kept, folder / "state")
    await _readiness_tells_of_a_frozen_redis(kept)


async def _other_verbs_find_it(kept: Demo, state: Path) -> None:
    """Without any setting: the folder of a running demo says it all."""
    for verb in (("lookup", PAYER), ("user", "list"), ("privacy", "export", PAYER), ("doctor",)):
        said = await khallas("--state", state, *verb)
        assert (said.code, said.err) == (0, ""), verb
    shown = await khallas("--state", state, "dial", "--from", PAYER)
    assert (shown.code, shown.err) == (0, "")
    assert "[Service]" in shown.out or "Service" in shown.out
    again = await khallas("demo", "--port", str(free_port()), "--state", state)
    assert (again.code, again.out) == (1, "")
    assert again.err == f"the demo did not start: a demo is running at {kept.url}, with the folder {state}\n"


async def _what_was_paid_is_there(kept: Demo, paid: str) -> None:
    status, page = await _get(kept.url + paid)
    assert status == 200
    assert "769,20 DH" in page
    async with UssdPhone(kept.url, PAYER) as phone:
        assert (await phone.dial()).screen == "Service"
        assert (await phone.send("1")).screen == "NothingToPay"


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGKILL])  # SIGTERM ended the demo where the bill was paid
async def test_nothing_is_left_behind(kept: Demo, number: signal.Signals) -> None:
    family = kept.family()
    commands = " ".join(family.values())
    assert "valkey-server" in commands
    assert "postgres" in commands
    said = await kept.end(number)
    assert said.code == (-signal.SIGKILL if number is signal.SIGKILL else 0)
    assert said.out == ""  # "ready" was its one line
    assert await gone(family) == {}


def _what_it_writes_is_in_the_state(kept: Demo, folder: Path) -> None:
    assert kept.url.startswith("http://127.0.0.1:")
    assert {"valkey", "postgres", "cmi.jsonl", "secret-key", "vault-key"} <= {
        file.name for file in (folder / "state").iterdir()
    }
    assert ((folder / "state" / "secret-key").stat().st_mode & 0o777) == 0o600


async def _readiness_tells_of_a_frozen_redis(kept: Demo) -> None:
    (valkey,) = [pid for pid, command in kept.family().items() if command.split()[0].endswith("valkey-server")]
    await readiness(kept.url, 200)
    os.kill(valkey, signal.SIGSTOP)
    try:
        async with asyncio.timeout(PROBE_MAX_S):
            body = await readiness(kept.url, 503, '"database":"ok"')
        assert '"redis":"ok"' not in body
        assert (await _get(f"{kept.url}/healthz"))[0] == 200
    finally:
        os.kill(valkey, signal.SIGCONT)
    await readiness(kept.url, 200)


async def test_servers_that_are_given_are_used(
    folder: Path, valkey: Valkey, redis_url: str, postgres: Postgres
) -> None:
    url = postgres.create("given_to_the_demo")
    smsc = "smpp://khallas:secret@127.0.0.1:1/atlas"  # nobody is there
    given = {"KHALLAS_REDIS_URL": redis_url, "KHALLAS_DATABASE_URL": url, "KHALLAS_SMPP__BINDS": smsc}
    given |= {"KHALLAS_IVR__WIRES": "twilio,fastagi", "KHALLAS_ASTERISK__AGI_PORT": str(free_port())}
    async with demo(folder / "given", **given) as running:
        assert not [command for command in running.family().values() if "valkey-server" in command]
        assert not [command for command in running.family().values() if "/postgres" in command]
        assert not (folder / "given" / "postgres").exists()
        async with UssdPhone(running.url, PAYER) as phone:
            assert (await phone.dial()).screen == "Language"
        await _the_operators_networks_are_tried(running)
        await running.end(signal.SIGTERM)
    found = await khallas("lookup", "0600000001", KHALLAS_DATABASE_URL=url)
    assert (found.code, found.err) == (1, "nothing found\n")
    postgres.drop("given_to_the_demo")


async def _the_operators_networks_are_tried(running: Demo) -> None:
    """Kannel's door is open; the SMSC is asked, and what it cannot carry goes to the demo's telephones."""
    await readiness(running.url, 200, '"fastagi":"ok"', '"smsc atlas":"down"')
    asked = "from=%2B212600000001&to=1117&id=e2e-1&text=CODE"
    assert await _get(f"{running.url}/sms/kannel?{asked}") == (200, "")
    async with aiohttp.ClientSession(f"{running.url}/phone/api/") as desk:
        texts = await _until(desk, f"texts/{PAYER}", lambda texts: texts)
    assert "482913" in texts[-1]["body"]


async def test_a_port_in_use_is_said_in_one_line(folder: Path, redis_url: str, postgres: Postgres) -> None:
    url = postgres.create("port_in_use")
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        said = await khallas(
            *("demo", "--port", str(port), "--state", folder / "taken"),
            KHALLAS_REDIS_URL=redis_url,
            KHALLAS_DATABASE_URL=url,
        )
    assert (said.code, said.out) == (1, "")
    assert said.err.count("\n") == 1
    assert str(port) in said.err
    assert "--port" in said.err
    postgres.drop("port_in_use")


async def test_a_reset_begins_anew(folder: Path, paid: str) -> None:
    state = folder / "state"
    assert {path.name for path in state.iterdir()} >= {"postgres", "valkey", "cmi.jsonl"}
    async with demo(state, "--reset") as running:
        assert (await _get(running.url + paid))[0] == 404
        async with UssdPhone(running.url, PAYER) as phone:
            assert (await phone.dial()).screen == "Language"
        await running.end(signal.SIGTERM)
    left = {path for path in state.iterdir() if not any(path.match(pattern) for pattern in WRITTEN)}
    assert left == {state / LOCK}  # what a reset would not remove


@pytest.mark.parametrize("state", ["", "/proc/khallas", "/dev/null/state"])
async def test_a_folder_that_cannot_be_is_said(state: str) -> None:
    said = await khallas("demo", "--port", str(free_port()), "--state", state)
    assert (said.code, said.out) == (1 if state else 2, "")
    assert "--state" in said.err
    assert "Traceback" not in said.err


async def test_an_unknown_setting_stops_the_start(folder: Path) -> None:
    said = await khallas("demo", "--port", str(free_port()), "--state", folder / "typo", KHALLAS_REDIS_ULR="redis://x")
    assert (said.code, said.out) == (78, "")
    assert said.err == "KHALLAS_REDIS_ULR is no setting; did you mean KHALLAS_REDIS_URL?\n"
    assert not (folder / "typo").exists()
