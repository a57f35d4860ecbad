"""Every enabled dialect of every door has its recorded requests, and no recording is of a dialect that is gone.

What is in them is played by tests/channels/{ussd,sms,ivr}; a new wire fails here until it has shown every case of the
contract: an entry of its recording says with "case" which one it shows (docs/extending/wire.md has the table).
"""

import json
from pathlib import Path

import pytest

from channels.ivr.wires import WIRES as IVR_WIRES
from channels.sms.wires import WIRES as SMS_WIRES
from channels.ussd.wires import WIRES as USSD_WIRES

RECORDED = Path(__file__).parents[1] / "wires"
NAMES = (
    *(f"ussd-{name}" for name in USSD_WIRES),
    *(f"sms-{name}" for name in SMS_WIRES),
    *(f"ivr-{name}" for name in IVR_WIRES),
    "ussd-smpp",
    "sms-smpp",
)
CASES = {"begin", "answer", "wrong key", "end", "abort", "repeat", "Arabic page", "over-long input"}
# What cannot happen there: a text is no dialog to break off; a call on a switch's own line has nothing to send twice.
NEVER = {"sms": {"abort"}, "ivr-fastagi": {"repeat"}}
PLAYED = {  # in which lists of a recording each door's tests look
    "ussd": {"requests", "answers", "events"},
    "sms": {"conversation", "texts"},
    "ivr": {""},
}
# What each door's recordings must tell of, somewhere in them.
NEEDED = {
    "ussd": ("begin|journey", "arab", "malformed"),
    "sms": ("texts", "reports", "malformed"),
    "ivr": ("arrives", "hidden"),
}
REQUESTS_MIN = 8


@pytest.mark.parametrize("name", NAMES)
def test_a_wire_has_recorded_requests(name: str) -> None:
    file = RECORDED / f"{name}.json"
    assert file.is_file(), f"record what {name} sends in {file}"
    told = file.read_text(encoding="utf-8")
    assert _leaves(json.loads(told)) >= REQUESTS_MIN
    for words in NEEDED[name.partition("-")[0]]:
        assert any(word in told.lower() for word in words.split("|")), words


@pytest.mark.parametrize("name", NAMES)
def test_every_case_of_the_contract_is_recorded_once(name: str) -> None:
    recorded, door = json.loads((RECORDED / f"{name}.json").read_text(encoding="utf-8")), name.partition("-")[0]
    parts = recorded if isinstance(recorded, dict) else {"": recorded}
    told = [
        (entry["case"], part)
        for part, entries in parts.items()
        if isinstance(entries, list)
        for entry in entries
        if "case" in entry
    ]
    assert sorted(case for case, _ in told) == sorted(CASES - NEVER.get(door, set()) - NEVER.get(name, set()))
    assert {part for _, part in told} <= PLAYED[door]


def test_no_recording_is_of_a_wire_that_is_gone() -> None:
    assert {file.stem for file in RECORDED.glob("*.json")} == set(NAMES)


def test_wires_go_by_their_names() -> None:
    assert [wire.name for wire in USSD_WIRES.values()] == list(USSD_WIRES)
    assert [wire.name for wire in SMS_WIRES.values()] == list(SMS_WIRES)


def _leaves(recorded: object) -> int:
    """How many entries a recording has, wherever its lists are."""
    if isinstance(recorded, dict):
        return sum(_leaves(value) for value in recorded.values())
    return len(recorded) if isinstance(recorded, list) else 0
