"""`khallas dial --wire`: the terminal's phone speaks every gateway's dialect, and counts by its limits."""

import pytest

from channels.ussd.wires import WIRES
from khallas.cli.terminal.dial import Dialling, dial, spoken
from khallas.cli.terminal.faults import Failed
from lab.servers.serving import serving
from tests.channels.ussd.conftest import Opened
from tests.khallas.cli.terminal.apps import UssdApp
from tests.khallas.cli.terminal.stdin import Printed, script

CALLER = "+212600000001"


def test_the_handset_speaks_what_the_server_knows() -> None:
    assert set(spoken()) == set(WIRES)


@pytest.mark.parametrize("wire", WIRES)
async def test_a_dialog_in_the_terminal(opened: Opened, wire: str) -> None:
    door, printed = await opened(), Printed()
    with script("1", "2", "0") as keyboard:
        await dial(Dialling(door.url, CALLER, "*1117#", wire=wire), keyboard, printed.show)
    assert [line for line in printed.lines if line in ("Language", "Service", "Reference")] == [
        *("Language", "Service", "Reference", "Service"),
    ]
    assert f"/{WIRES[wire].limits.septets} septets]" in printed.text
    assert printed.lines[-1] == "left before the end"


@pytest.mark.parametrize("wire", [wire for wire in WIRES if wire != "africastalking"])
async def test_a_server_that_does_not_speak_the_wire(wire: str) -> None:
    printed = Printed()
    async with serving(UssdApp().asgi) as url:
        with script() as keyboard, pytest.raises(Failed, match="404"):
            await dial(Dialling(url, CALLER, "*1117#", wire=wire), keyboard, printed.show)
