"""The commands as people start them: options, exit codes, stdin of a pipe and of a file, stderr."""

import asyncio
import signal
import sys
from asyncio.subprocess import PIPE, Process
from pathlib import Path
from typing import IO

import pytest
import typer
from typer.testing import CliRunner

from khallas.cli.main import app as main_app
from khallas.cli.terminal import add_commands
from khallas.cli.terminal.faults import Failed
from khallas.cli.terminal.keyboard import LINE_BYTES_MAX
from lab.servers.serving import serving
from tests.khallas.cli.terminal.apps import UssdApp, VoiceApp
from tests.khallas.cli.terminal.stdin import script

RUN_MAX_S = 60.0
PHONES = """
import typer
from khallas.cli.terminal import add_commands
app = typer.Typer()
add_commands(app)
app()
"""


# Whoever runs the suite in the background (a shell's `&`) hands down that SIGINT is ignored.
HEARS = """
import signal
signal.signal(signal.SIGINT, signal.default_int_handler)
"""
# As for a Ctrl-C that comes right before the main thread falls asleep: the signal wakes nobody.
ASLEEP = f"""{HEARS}
import threading
threading.Thread(target=threading.Event().wait, daemon=True).start()
signal.pthread_sigmask(signal.SIG_BLOCK, {{signal.SIGINT}})
"""
DEAF = """
import signal
signal.signal(signal.SIGINT, signal.SIG_IGN)
"""


async def started(*arguments: str, stdin: int | IO[bytes] = PIPE, before: str = "") -> Process:
    return await asyncio.create_subprocess_exec(
        sys.executable, "-c", before + PHONES, *arguments, stdin=stdin, stdout=PIPE, stderr=PIPE
    )


async def ran(*arguments: str, typed: bytes = b"") -> tuple[int | None, str, str]:
    process = await started(*arguments)
    out, err = await asyncio.wait_for(process.communicate(typed), RUN_MAX_S)
    return process.returncode, out.decode(), err.decode()


async def test_a_session_through_a_pipe_and_from_a_file(tmp_path: Path) -> None:
    keys = tmp_path / "keys"
    keys.write_text("1\n1")
    async with serving(UssdApp().asgi) as url:
        piped = await ran("dial", "*1117*1#", "--from", "0600000003", "--url", url, typed=b"1\n")
        with keys.open("rb") as file:
            process = await started("dial", "--url", url, stdin=file)
            out, _ = await asyncio.wait_for(process.communicate(), RUN_MAX_S)
    assert (piped[0], piped[2]) == (0, "")
    assert piped[1].splitlines()[-1].startswith("The card is taken by voice: khallas call --from 0600000003")
    assert process.returncode == 0
    assert "Un appel arrive" in out.decode()


@pytest.mark.parametrize("before", [HEARS, ASLEEP])
async def test_ctrl_c_in_a_call_is_a_hang_up_and_no_failure(before: str) -> None:
    app = VoiceApp()
    async with serving(app.asgi) as app.base_url:
        process = await started("call", "--from", "0600000003", "--url", app.base_url, before=before)
        assert process.stdout is not None
        said = await asyncio.wait_for(process.stdout.readuntil(b"> "), RUN_MAX_S)
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(), RUN_MAX_S)
    assert "tapez 1" in said.decode()
    assert (process.returncode, err.decode()) == (0, "hung up\n")
    assert app.statuses == ["completed"]


async def test_who_was_started_deaf_to_ctrl_c_is_not_ended_by_it() -> None:
    app = VoiceApp()
    async with serving(app.asgi) as app.base_url:
        process = await started("call", "--from", "0600000003", "--url", app.base_url, before=DEAF)
        assert process.stdout is not None
        await asyncio.wait_for(process.stdout.readuntil(b"> "), RUN_MAX_S)
        process.send_signal(signal.SIGINT)
        _, err = await asyncio.wait_for(process.communicate(b""), RUN_MAX_S)
    assert (process.returncode, err) == (0, b"")


async def test_sms_and_failures_in_one_line() -> None:
    app = VoiceApp()
    async with serving(app.asgi) as app.base_url:
        sent = await ran("sms", "CODE", "--from", "0600000003", "--url", app.base_url)
        refused = await ran("sms", "CODE", "--from", "0600000003", "--url", app.base_url, "--token", "wrong")
    assert sent == (0, "1117 -> 0600000003 (1 SMS)  Code pour +212600000003: 0042\n", "")
    assert (refused[0], refused[1], refused[2].count("\n")) == (1, "", 1)
    assert "(403)" in refused[2]
    assert (await ran("dial", "--url", app.base_url))[::2] == (
        1,
        f"khallas: no answer from {app.base_url}: is Khallas running there (./run demo)?\n",
    )


@pytest.mark.parametrize(
    "arguments",
    [
        ["dial", "--from", "abc"],
        ["dial", "--wire", "other"],
        ["dial", "*1118#"],
        ["sms", "CODE"],
        ["call", "--reference", "x"],
    ],
)
def test_wrong_usage_is_2(arguments: list[str]) -> None:
    app = typer.Typer()
    add_commands(app)
    assert CliRunner().invoke(app, arguments).exit_code == 2


def test_another_services_code_is_not_ours() -> None:
    said = CliRunner().invoke(main_app, ["dial", "*1118#"])
    assert said.exit_code == 2
    assert "*1118# is another service's code, here it is *1117#" in " ".join(said.output.replace("│", " ").split())


async def test_a_server_of_another_code_is_dialled_by_its_name() -> None:
    async with serving(UssdApp().asgi) as url:
        there = ("--service-code", "*384#", "--url", url)
        assert (await ran("dial", "*384*1*1#", *there))[0] == 0


async def test_lines_end_at_newlines_and_at_the_end() -> None:
    with script("1", "", "salma@example.com", last_newline=False) as keyboard:
        assert [await keyboard.line() for _ in range(5)] == ["1", "", "salma@example.com", None, None]
    with script("1" * (LINE_BYTES_MAX + 2000)) as keyboard, pytest.raises(Failed, match="more than 4096 bytes"):
        await keyboard.line()
