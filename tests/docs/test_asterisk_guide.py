"""The Asterisk guide is a whole working set: its files are read here as the switch reads them, option by option."""

import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from channels.ivr.wires.fastagi import VARIABLES, CallResult
from khallas.settings.parts import AsteriskSettings

GUIDE = (Path(__file__).parents[2] / "docs" / "guides" / "asterisk.md").read_text(encoding="utf-8")
BLOCKS = list(re.findall(r"^```ini\n(.*?)^```$", GUIDE, re.DOTALL | re.MULTILINE))
# what `config show help res_pjsip <object>` of Asterisk 22 knows, as far as a trunk needs it
PJSIP = {
    "transport": {"type", "protocol", "bind", "cert_file", "priv_key_file", "method", "local_net"},
    "endpoint": {
        *("type", "transport", "context", "aors", "disallow", "allow", "dtmf_mode", "direct_media", "rtp_timeout"),
        *("timers", "trust_id_inbound", "from_domain", "media_encryption", "outbound_auth"),
    },
    "aor": {"type", "contact", "qualify_frequency"},
    "identify": {"type", "endpoint", "match"},
}

Section = tuple[str, list[tuple[str, str]]]


def sections(block: str) -> Iterator[Section]:
    """Names with their options in order; comments begin with ";"."""
    name, options = "", list[tuple[str, str]]()
    for line in block.splitlines():
        text = line.partition(";")[0].strip()
        if found := re.fullmatch(r"\[([\w-]+)\]", text):
            if name:
                yield name, options
            name, options = found[1], []
        elif text:
            option, _, value = text.partition("=")
            options.append((option.strip(), value.removeprefix(">").strip()))
    yield name, options


def block_with(words: str) -> list[Section]:
    (found,) = [block for block in BLOCKS if words in block]
    return list(sections(found))


DIALPLAN = dict(block_with("[khallas-in]"))
TRUNK = block_with("type = endpoint")
MANAGER = dict(block_with("bindaddr"))


def steps(context: str) -> list[str]:
    """What is done there, in order, without extension and priority."""
    return [value.split(",", 2 if option == "exten" else 1)[-1] for option, value in DIALPLAN[context]]


# --- the trunk -------------------------------------------------------------------------------------------------------


def test_every_option_of_the_trunk_is_one_that_pjsip_knows() -> None:
    """An unknown one leaves the endpoint out: no call comes in or goes out."""
    kinds = [(name, dict(options)["type"], {option for option, _ in options}) for name, options in TRUNK]
    assert [(name, kind) for name, kind, _ in kinds] == [
        ("transport-udp", "transport"),
        ("trunk", "endpoint"),
        ("trunk", "aor"),
        ("trunk", "identify"),
    ]
    for name, kind, options in kinds:
        assert options <= PJSIP[kind], (name, options - PJSIP[kind])


def test_the_trunks_parts_name_each_other_and_media_stays_with_the_switch() -> None:
    endpoint, identify = (
        dict(next(options for _, options in TRUNK if ("type", kind) in options)) for kind in ("endpoint", "identify")
    )
    assert (endpoint["transport"], endpoint["aors"], identify["endpoint"]) == ("transport-udp", "trunk", "trunk")
    assert endpoint["context"] in DIALPLAN
    assert (endpoint["direct_media"], endpoint["timers"], endpoint["trust_id_inbound"]) == ("no", "yes", "no")
    assert endpoint["dtmf_mode"] == "rfc4733"
    assert 0 < int(endpoint["rtp_timeout"]) <= 60


# --- the dialplan ----------------------------------------------------------------------------------------------------


def test_numbers_in_every_form_reach_it() -> None:
    patterns = {value.split(",")[0] for _, value in DIALPLAN["khallas"]}
    assert patterns == {"_X.", "_+X."}


@pytest.mark.parametrize(("context", "first"), [("khallas-in", "Answer(500)"), ("khallas-callback", "Wait(1)")])
def test_a_call_is_given_to_us_without_a_secret_and_for_no_longer_than_it_may_last(context: str, first: str) -> None:
    told = steps(context)
    assert told[0] == first
    (absolute,) = [int(found[1]) for step in told if (found := re.fullmatch(r"Set\(TIMEOUT\(absolute\)=(\d+)\)", step))]
    assert absolute > AsteriskSettings().call_max_s
    assert told.index("Set(KHALLAS_RESULT=away)") < told.index("AGI(${KHALLAS_AGI})") == len(told) - 2
    assert told[-1] == "Goto(khallas-after,${KHALLAS_RESULT},1)"
    assert not [step for step in told if "SECRET" in step or "KHALLAS_CALL" in step]


def test_the_secret_stands_where_it_is_read() -> None:
    named = {option for option, _ in DIALPLAN["globals"]}
    assert named == {"KHALLAS_AGI", VARIABLES["arg_1"]}


def test_every_way_to_leave_us_leads_on_and_nobody_is_cut_without_a_word() -> None:
    ways = {value.split(",")[0] for option, value in DIALPLAN["khallas-after"] if option == "exten"}
    assert ways == {*CallResult, "away", "i"}
    told = steps("khallas-after")
    dialled = next(at for at, step in enumerate(told) if step.startswith("Dial("))
    assert all(step.startswith("Playback(") for step in told[dialled + 1 : dialled + 3])  # 777 is busy


# --- what prints digits, and who runs it -----------------------------------------------------------------------------


def test_no_user_of_the_manager_hears_keys() -> None:
    assert dict(MANAGER["general"])["disabledevents"].split(",") == ["DTMFBegin", "DTMFEnd"]
    own = dict(MANAGER["khallas"])
    assert (own["read"], own["write"], own["permit"]) == ("call", "originate", "127.0.0.1/255.255.255.255")
    assert "give none of them `dtmf` or `all`" in GUIDE


@pytest.mark.parametrize(
    "words",
    [
        "`verbose` stays at 2 in log files (a file at 2 gets level 3 too while another log or console is at 3)",
        "runuser = asterisk",
        "never as root",
        "chmod 2770 tmp outgoing",
        "give it none (section 3)",
        "A number whose presentation is restricted is not used",
        "--require-hashes -r requirements/voice.lock",
        "`KHALLAS_IVR__NUMBER` must be set",
    ],
)
def test_the_guide_says(words: str) -> None:
    assert words in GUIDE
